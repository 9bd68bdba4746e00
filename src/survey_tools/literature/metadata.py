"""What a source tells of a paper, in plain text that an entry may hold."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from survey_tools.knowledge.identifiers import Identifier, Scheme

DateSource: TypeAlias = Literal["arxiv-v1", "arxiv-month", "venue", "readme"]

LONGEST_TITLE = 500
LONGEST_ABSTRACT = 10_000
MOST_AUTHORS = 500
WITHDRAWN = "withdrawn or retracted, as its source says: whether it belongs here at all"
_BLOCK = r"(?:\w+:)?(?:p|title|sec|list|list-item|disp-formula|break|br|div|li|ul|ol|h[1-6])"
_TWICE = r"(?:\w+:)?(?:tex-math|annotation)"
"""The formula once more, as LaTeX beside its MathML."""
_CODE = re.compile(r"https?://(?:www\.)?(?:github\.com|gitlab\.com|codeberg\.org)/[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class PaperMetadata:
    """One paper as one source describes it. What the source does not say is empty or None.

    `published` is YYYY, YYYY-MM or YYYY-MM-DD; `unsure` names fields the source itself leaves open.
    """

    source: str
    title: str
    authors: tuple[str, ...]
    published: str
    date_source: DateSource
    arxiv: str | None = None
    doi: str | None = None
    acl: str | None = None
    openreview: str | None = None
    venue: str | None = None
    page: str | None = None
    """Where it can be read, for papers without an identifier that leads there."""
    code: str | None = None
    abstract: str = ""
    remark: str = ""
    """What else the source says and no field holds, such as arXiv's comment."""
    unsure: tuple[str, ...] = ()

    @property
    def identifiers(self) -> Iterator[Identifier]:
        """Every identifier the source gave."""
        named: dict[Scheme, str | None] = {
            "arxiv": self.arxiv,
            "doi": self.doi,
            "acl": self.acl,
            "openreview": self.openreview,
        }
        yield from (Identifier(scheme, value) for scheme, value in named.items() if value)


@dataclass(frozen=True)
class Found:
    """What a search gave: papers, newest first, and whether these are all there are."""

    papers: tuple[PaperMetadata, ...]
    complete: bool = True


def plain(text: str, longest: int = LONGEST_ABSTRACT) -> str:
    """`text` on one line: composed letters, single spaces, nothing invisible, at most `longest` characters."""
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(" " if c.isspace() else c for c in composed if c.isspace() or unicodedata.category(c)[0] != "C")
    words = " ".join(kept.split())
    return words if len(words) <= longest else words[: longest - 1].rstrip() + "…"


def without_markup(text: str) -> str:
    """Text of a source that writes HTML, JATS or MathML into its titles and abstracts, without the tags."""
    once = re.sub(rf"(?is)<({_TWICE})\b[^<>]*>[^<>]*</\1>", "", text)
    apart = re.sub(rf"(?i)</?{_BLOCK}\b[^<>]{{0,2000}}>", " ", once)
    return html.unescape(re.sub(r"</?[A-Za-z][^<>]{0,2000}>", "", apart))


def first_authors(names: Sequence[str], source: str, complete: bool = True) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The authors an entry can list, and a remark where these are not all."""
    named = [name for name in names if name]
    if complete and len(named) <= MOST_AUTHORS:
        return tuple(named), ()
    kept = tuple(named[:MOST_AUTHORS])
    return kept, (f"authors: the first {len(kept)} only, as {source} lists more",)


def web_page(address: str) -> str | None:
    """An address that an entry can hold, or None."""
    return address if re.fullmatch(r"https?://[^\s\"'<>`\\]{4,400}", address) else None


def code_link(text: str) -> str | None:
    """The one repository that `text` names; None for none or several."""
    found = {address.rstrip(".").removesuffix(".git") for address in _CODE.findall(text)}
    return found.pop() if len(found) == 1 else None


def arxiv_month(arxiv_id: str) -> str:
    """`2312.09230` and `cs/0112017` as `2023-12` and `2001-12`: an arXiv id begins with its month."""
    digits = arxiv_id.rsplit("/", 1)[-1][:4]
    century = "19" if digits >= "9107" else "20"
    return f"{century}{digits[:2]}-{digits[2:]}"
