"""What names a paper: arXiv id, DOI, ACL Anthology id, OpenReview id; which spellings mean the same paper."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias
from urllib.parse import unquote

from survey_tools.errors import LiteratureError
from survey_tools.knowledge.problems import shown
from survey_tools.knowledge.records import Paper

Scheme: TypeAlias = Literal["arxiv", "doi", "acl", "openreview"]

EXAMPLES = "arxiv:2312.09230, doi:10.18653/v1/P16-1154 or acl:2024.emnlp-main.699"
_LONGEST = 300

_PATTERNS: dict[Scheme, str] = {
    "arxiv": r"(\d{4}\.\d{4,5}|[a-z-]+(?:\.[A-Z]{2})?/\d{7})(?:v\d+)?",
    "doi": r"(10\.\d{4,9}/[^\s\"<>]+)",
    "acl": r"(\d{4}\.[a-z0-9]+-[a-z0-9]+\.\d+|[A-Z]\d{2}-\d{4,5})",
    "openreview": r"([A-Za-z0-9_-]{6,20})",
}
_FLAGS = {"acl": re.IGNORECASE}
_PAGES = (
    (re.compile(r"(?i)^(?:https?://)?(?:www\.|export\.)?arxiv\.org/(?:abs|pdf|html)/"), "arxiv:"),
    (re.compile(r"(?i)^(?:https?://)?(?:www\.)?(?:alphaxiv\.org/abs|huggingface\.co/papers)/"), "arxiv:"),
    (re.compile(r"(?i)^(?:https?://)?(?:dx\.)?doi\.org/"), "doi:"),
    (re.compile(r"(?i)^(?:https?://)?(?:www\.)?aclanthology\.org/"), "acl:"),
    (re.compile(r"(?i)^(?:https?://)?openreview\.net/(?:forum|pdf)\?id="), "openreview:"),
)
_ARXIV_DOI = re.compile(r"(?i)^10\.48550/arxiv\.(.+)$")
_ACL_DOI = re.compile(rf"(?i)^10\.18653/v1/({_PATTERNS['acl']})$")


@dataclass(frozen=True)
class Identifier:
    """A name of a paper, in the form in which entries hold it; printed `arxiv:2312.09230`."""

    scheme: Scheme
    value: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


def parse_identifier(text: str) -> Identifier:
    """The identifier that `text` is: with its scheme in front, bare, or as the address of the paper's page.

    The version of an arXiv id is dropped, and a DOI that arXiv gave out is the arXiv id it stands for.

    Raises:
        LiteratureError: it is none.
    """
    found = _parsed(text.strip()) if len(text) <= _LONGEST else None
    if found is None:
        raise LiteratureError(f"{shown(text)} names no paper that can be looked up; give {EXAMPLES}")
    return found


def identifier_in(address: str) -> Identifier | None:
    """The identifier in the address of a page; None for pages that belong to no known place."""
    return _parsed(address) if any(page.match(address) for page, _ in _PAGES) else None


def _parsed(text: str) -> Identifier | None:
    for page, scheme in _PAGES:
        if page.match(text):
            rest = unquote(page.sub("", text)).split("?")[0].split("#")[0].split("&")[0].rstrip("/")
            text = scheme + re.sub(r"\.(pdf|bib)$", "", rest)
    text = re.sub(r"(?i)(?<=\d)\s*\[[a-z.-]+\]$|[.,;]+$", "", text)  # `arXiv:2312.09230 [cs.CL]`, the end of a sentence
    named = re.fullmatch(r"(?i)(arxiv|doi|acl|openreview)\s*:\s*(.+)", text)
    # A bare OpenReview id looks like any word, so that one always needs its scheme.
    for scheme, pattern in _PATTERNS.items():
        meant = scheme == named[1].casefold() if named else scheme != "openreview"
        if meant and (match := re.fullmatch(pattern, named[2] if named else text, _FLAGS.get(scheme, re.NOFLAG))):
            return _canonical(scheme, match[1])
    return None


def _canonical(scheme: Scheme, value: str) -> Identifier:
    if scheme == "doi":
        value = value.casefold()
        arxiv = _ARXIV_DOI.match(value)
        if arxiv and (bare := re.fullmatch(_PATTERNS["arxiv"], arxiv[1])):
            return _canonical("arxiv", bare[1])
    if scheme == "arxiv":
        value = re.sub(r"\.[A-Za-z]{2}(?=/)", "", value)  # math.GT/0309136 is math/0309136 with its subject
    if scheme == "acl":
        value = value.upper() if value[0].isalpha() else value.casefold()
    return Identifier(scheme, value)


def acl_id_of(doi: str) -> str | None:
    """The ACL Anthology id that a DOI of the Anthology holds; ids of before 2020 are in capitals."""
    match = _ACL_DOI.match(doi)
    return None if match is None else _canonical("acl", match[1]).value


def acl_doi(acl_id: str) -> str:
    """The DOI under which the Anthology registers most of its papers."""
    return f"10.18653/v1/{acl_id}".casefold()


Key: TypeAlias = tuple[Scheme, str]


def key_of(identifier: Identifier) -> Key:
    """What two identifiers of one paper share, whatever their case and whichever of the two DOIs they are."""
    if identifier.scheme == "doi" and (acl := acl_id_of(identifier.value)):
        return "acl", acl.casefold()
    value = identifier.value
    return identifier.scheme, value if identifier.scheme == "openreview" else value.casefold()


def ids_and_keys(paper: Paper) -> Iterator[tuple[Scheme, str, Key]]:
    """The identifiers of an entry as it writes them, each with its key; one in an unusual form is its own key."""
    for scheme in _PATTERNS:
        value: str | None = getattr(paper.ids, scheme)
        if value is not None:
            found = _parsed(f"{scheme}:{value}")
            yield scheme, value, key_of(found) if found else (scheme, value)


def keys_of_paper(paper: Paper) -> Iterator[Key]:
    """The keys of every identifier of an entry, those hidden in its links included."""
    yield from (key for _, _, key in ids_and_keys(paper))
    for address in (paper.links.paper, *paper.links.other):
        if address is not None and (linked := identifier_in(address)):
            yield key_of(linked)
