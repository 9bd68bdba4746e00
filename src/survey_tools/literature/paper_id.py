"""The id of a paper: family name of the first author, year, and a few words of the title."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"})
_PARTICLES = {"von", "van", "der", "den", "de", "del", "della", "di", "da", "dos", "du", "la", "le", "el", "al", "bin"}
_SUFFIXES = {"jr", "sr", "ii", "iii", "iv"}
_WORDS = 3
_SHORT = 14
"""Characters of two words that a third one follows."""
_LONGEST = 60
_IN_MOST_TITLES = """
a an and are as at be beyond by can do does for from how in into is it its make makes not of on or our than that the
their them there these they this to toward towards under via we what when where which who why with without you your
analysis analyzing approach exploring improving investigating language large llm llms lm lms method model models neural
new study through transformer transformers understanding using
"""
_EMPTY = frozenset(_IN_MOST_TITLES.split())
"""Words that tell papers apart in none of them."""


def paper_id(authors: Collection[str], published: str, title: str, taken: Collection[str]) -> str:
    """`wu-2024-retrieval-head`: one that is not `taken`, made longer until it is new.

    A title that opens with a short name and a colon gives that name.
    """
    who = _family_name(next(iter(authors), "")) or "anonymous"
    name, words = _title_words(title)
    usual = len(name) or (2 if len("-".join(words[:2])) >= _SHORT else _WORDS)
    words = name + words
    for count in range(min(usual, len(words)), len(words) + 1):
        candidate = "-".join((who, published[:4], *words[:count]))[:_LONGEST].rstrip("-")
        if candidate not in taken:
            return candidate
    number = next(n for n in range(2, len(taken) + 3) if f"{candidate}-{n}" not in taken)
    return f"{candidate}-{number}"


def _family_name(author: str) -> str:
    words = [word for word in author.split() if _slug(word) and _slug(word) not in _SUFFIXES]
    if not words:
        return ""
    begin = len(words) - 1
    while begin > 1 and words[begin - 1].casefold() in _PARTICLES:
        begin -= 1
    return "-".join(_slug(word) for word in words[begin:])


def _title_words(title: str) -> tuple[list[str], list[str]]:
    """The short name that a title opens with, if any, and the telling words of the rest."""
    name, colon, rest = title.partition(":")
    named = [_slug(word) for word in name.split()] if colon and len(name.split()) <= _WORDS else []
    words = [_slug(word) for word in (rest if named else title).split()]
    telling = [word for word in words if word and word not in _EMPTY]
    return [word for word in named if word], telling or [word for word in words if word] or ["untitled"]


def _slug(word: str) -> str:
    letters = unicodedata.normalize("NFKD", word.casefold().replace("’", "'").translate(_LETTERS))
    plain = letters.encode("ascii", "ignore").decode().removesuffix("'s").replace("'", "")
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
