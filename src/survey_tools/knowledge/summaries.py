"""Rules for summaries: their length, numbers that stand in what was read, and words that are not a template.

A summary drafted by filling in the same sentence hundreds of times tells a reader nothing. Two signs give it away
and both are counted over the survey: the opening (the first four words of a sentence) and the frame, what is left of
a sentence when each run of content words is one gap: "Finds 26 heads in seven classes" is `_ in _`. A frame counts
only when it holds MIN_FUNCTION_WORDS: shorter ones (`_ of _ in _`) meet by chance in any large list. No two sentences
of the first 493 papers share one that long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from survey_tools.errors import KnowledgeError
from survey_tools.knowledge.findings import Finding, Rule
from survey_tools.knowledge.kinds import PAPER
from survey_tools.knowledge.load import Entries
from survey_tools.knowledge.problems import FieldPath
from survey_tools.knowledge.records import Summary

MIN_WORDS, MAX_WORDS = 6, 60
"""Of each of the three parts of a summary."""
MAX_ENTRIES = 5
"""That may share a frame or an opening."""
MOST_NAMED = 3
"""Of those others in a message; there are more of them, or none would be told."""
OPENING_WORDS = 4
MIN_FUNCTION_WORDS = 4

_ARTICLES_AND_QUANTIFIERS = """a an the all any both each either every few less many more most much no none one other
some such two three"""
_PRONOUNS_AND_QUESTION_WORDS = """he her his it its itself she that their them themselves they these this those we our
what which who whose how when where whether why while"""
_PREPOSITIONS = """about above across after against along among around as at before behind below between beyond by
despite during for from in inside into like near of off on onto out outside over per since than through to toward
towards under until up upon using via with within without"""
_CONJUNCTIONS_AND_PARTICLES = """also although and because but if instead nor not only or rather same so then there
though too yet"""
_AUXILIARIES = """am are be been being can could did do does had has have having is may might must shall should was were
will would"""
FUNCTION_WORDS = frozenset(
    f"{_ARTICLES_AND_QUANTIFIERS} {_PRONOUNS_AND_QUESTION_WORDS} {_PREPOSITIONS} {_CONJUNCTIONS_AND_PARTICLES} "
    f"{_AUXILIARIES}".split()
)
_PARTS = tuple(Summary.model_fields)
_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+(?=[A-Z0-9])")


def sentences(text: str) -> list[str]:
    """The sentences of a text; an abbreviation before a capital ("Fig. 2") ends one too early, which costs nothing."""
    return _SENTENCE_END.split(text)


def words(text: str) -> list[str]:
    """Words in lower case; `query-key` and `model's` are one."""
    return _WORD.findall(text.casefold())


def frame(sentence: list[str]) -> str:
    """The function words of a sentence with `_` for each run of others; empty when there are too few to tell."""
    gaps = [word if word in FUNCTION_WORDS else "_" for word in sentence]
    if len(gaps) - gaps.count("_") < MIN_FUNCTION_WORDS:
        return ""
    return re.sub(r"_(?: _)+", "_", " ".join(gaps))


def _parts(entries: Entries) -> Iterator[tuple[str, FieldPath, str]]:
    for paper in entries.papers.values():
        if paper.summary is not None:
            for part in _PARTS:
                yield paper.id, ("summary", part), getattr(paper.summary, part)


def _lengths(entries: Entries) -> Iterator[Finding]:
    for paper, where, text in _parts(entries):
        count = len(text.split())
        if not MIN_WORDS <= count <= MAX_WORDS:
            message = f"has {count} words; a part of a summary has {MIN_WORDS} to {MAX_WORDS}"
            yield Finding(PAPER, paper, where, message, "say more" if count < MIN_WORDS else "say less")


Places = dict[str, list[tuple[str, FieldPath]]]
"""Where a shape was seen: papers, and the parts of their summaries."""


def _templates(entries: Entries) -> Iterator[Finding]:
    frames: Places = {}
    openings: Places = {}
    for paper, where, text in _parts(entries):
        for sentence in map(words, sentences(text)):
            if shape := frame(sentence):
                frames.setdefault(shape, []).append((paper, where))
            if len(sentence) >= OPENING_WORDS:
                openings.setdefault(" ".join(sentence[:OPENING_WORDS]), []).append((paper, where))
    yield from _used_too_often("frame of a sentence", frames)
    yield from _used_too_often("opening of a sentence", openings)


def _used_too_often(what: str, used: Places) -> Iterator[Finding]:
    """Said in each entry that shares it: which one came last is not to be seen from the files."""
    for shape, places in used.items():
        first = dict(reversed(places)) if len(places) > MAX_ENTRIES else {}
        if len(first) > MAX_ENTRIES:
            names = sorted(first)  # once: a template may stand in thousands
            for paper, where in first.items():
                others = [name for name in names[: MOST_NAMED + 1] if name != paper][:MOST_NAMED]
                message = f"the {what} '{shape}' stands in {len(first)} entries; at most {MAX_ENTRIES} may share one"
                hint = f"say it in other words; also in {', '.join(others)}, ..."
                yield Finding(PAPER, paper, where, message, hint)


RULES: tuple[Rule, ...] = (_lengths, _templates)

# ---------------------------------------------------------------- numbers

_NAME = re.compile(r"(?<![\w.])[^\W\d_]\w*(?:[-.]\w+)*")
"""Words that start with a letter, and what hangs on them: the digits of `GPT-2` or `L5H1` are no result."""
_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)")
_ANY_NUMBER = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_GROUPED = re.compile(r"(?<=\d)(?:\{,\}|,|[\u00a0\u2009\u202f])(?=\d{3})")
_IN_WORDS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty"""


def numbers_not_in_texts(entries: Entries, folder: Path) -> Iterator[Finding]:
    """Numbers of summaries that do not stand in `folder`/<paper id>.txt, for each paper that has such a text.

    Thousands may be grouped or not, a per cent sign may follow or not, and the text may write a number up to twenty
    as a word. Numbers inside names (`GPT-2`, `L5H1`) are not looked for.

    Raises:
        KnowledgeError: `folder` is no folder, or holds the text of none of the papers.
    """
    texts = {file.stem: file for file in folder.glob("*.txt")} if folder.is_dir() else {}
    if not texts.keys() & entries.papers.keys():
        raise KnowledgeError(f"{folder} holds no text of a paper; a text is called <id of the paper>.txt")
    there: dict[str, frozenset[str]] = {}
    for paper, where, text in _parts(entries):
        if paper in texts:
            if paper not in there:
                there[paper] = numbers_of_text(texts[paper].read_text(encoding="utf-8", errors="replace"))
            for match in _NUMBER.finditer(_NAME.sub(" ", text)):
                if _plain(match[0]) not in there[paper]:
                    message = f"the number {match[0]} does not stand in {texts[paper].name}"
                    yield Finding(PAPER, paper, where, message, "correct it, or leave it out", word=match[0])


def numbers_of_text(text: str) -> frozenset[str]:
    """Every number of a text, inside words too, written plainly."""
    found = {_plain(number) for number in _ANY_NUMBER.findall(_GROUPED.sub("", text))}
    said = set(re.findall("[a-z]+", text.casefold()))
    found |= {str(value) for value, word in enumerate(_IN_WORDS.split()) if word in said}
    return frozenset(found)


def _plain(number: str) -> str:
    """`1,000` as `1000`, `.5` as `0.5`."""
    number = _GROUPED.sub("", number)
    return f"0{number}" if number.startswith(".") else number
