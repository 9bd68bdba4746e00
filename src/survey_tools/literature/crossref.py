"""Crossref: one paper by DOI, as its publisher registered it."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import takewhile
from typing import Any
from urllib.parse import quote

from survey_tools.errors import LiteratureError, SourceUnreadable
from survey_tools.knowledge.identifiers import acl_id_of, parse_identifier
from survey_tools.literature.metadata import (
    LONGEST_TITLE,
    WITHDRAWN,
    PaperMetadata,
    arxiv_month,
    code_link,
    first_authors,
    plain,
    without_markup,
)
from survey_tools.literature.web import Web, base_address, contact

SOURCE = "Crossref"
_HEADING = re.compile(r"(?i)<(?:jats:)?title>\s*abstract\s*</(?:jats:)?title>")
_ADDRESS = ("SURVEY_CROSSREF_URL", "https://api.crossref.org")


def paper(web: Web, doi: str) -> PaperMetadata:
    """What Crossref says of one paper; its date is the earliest that the publisher gives, or its preprint's.

    Raises:
        PaperUnknown: no such DOI, or one that Crossref did not register.
        SourceUnavailable, SourceUnreadable: see `Web.get`, or title or date are missing.
    """
    params = {"mailto": contact()} if contact() else None
    answer = web.json(SOURCE, f"{base_address(*_ADDRESS)}/works/{quote(doi, safe='')}", params)
    work = answer.get("message")
    if not isinstance(work, dict):
        raise SourceUnreadable("Crossref answered without the paper it was asked for")
    title = plain(without_markup(_first(work, "title")), LONGEST_TITLE)
    published = _date(work)
    if not title or not published:
        raise SourceUnreadable(f"Crossref gives no {'title' if not title else 'date'} for {doi}")
    subtitle = plain(without_markup(_first(work, "subtitle")), LONGEST_TITLE)
    if subtitle and subtitle.casefold() not in title.casefold():
        title = plain(f"{title}: {subtitle}", LONGEST_TITLE)
    written = work["abstract"] if isinstance(work.get("abstract"), str) else ""
    abstract = plain(without_markup(_HEADING.sub(" ", written)))
    arxiv = _preprint(work)
    authors, cut = first_authors(_authors(work), SOURCE)
    return PaperMetadata(
        source=SOURCE,
        title=title,
        authors=authors,
        published=arxiv_month(arxiv) if arxiv else published,
        date_source="arxiv-month" if arxiv else "venue",
        arxiv=arxiv,
        doi=doi,
        acl=acl_id_of(doi),
        venue=plain(without_markup(_first(work, "container-title")), 300) or None,
        code=code_link(abstract),
        abstract=abstract,
        unsure=(*cut, *([WITHDRAWN] if _is_retracted(work) else [])),
    )


def _first(work: dict[str, Any], field: str) -> str:
    values = work.get(field)
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""


def _authors(work: dict[str, Any]) -> list[str]:
    people = work.get("author")
    names = []
    for person in people if isinstance(people, list) else ():
        if isinstance(person, dict):
            parts = [person.get(part) for part in ("given", "family", "suffix")]
            said = " ".join(part for part in parts if isinstance(part, str)) or person.get("name")
            names.append(plain(without_markup(said), 200) if isinstance(said, str) else "")
    return names


def _date(work: dict[str, Any]) -> str:
    """`issued` is the earlier of print and online; a day without its month says no more than the year."""
    issued = work.get("issued")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    first = parts[0] if isinstance(parts, list) and parts else None
    numbers = list(takewhile(lambda part: isinstance(part, int), first)) if isinstance(first, list) else []
    return "-".join(f"{number:04d}" if i == 0 else f"{number:02d}" for i, number in enumerate(numbers[:3]))


def _preprint(work: dict[str, Any]) -> str | None:
    """The arXiv id, where the publisher tied the paper to its preprint there."""
    relation = work.get("relation")
    ties = relation.get("has-preprint") if isinstance(relation, dict) else None
    for tie in ties if isinstance(ties, list) else ():
        named = tie.get("id") if isinstance(tie, dict) else None
        for spelled in (f"{tie.get('id-type')}:{named}", named) if isinstance(named, str) else ():
            with suppress(LiteratureError):
                found = parse_identifier(spelled)
                if found.scheme == "arxiv":
                    return found.value
    return None


def _is_retracted(work: dict[str, Any]) -> bool:
    notices = work.get("updated-by")
    given = [notice for notice in (notices if isinstance(notices, list) else ()) if isinstance(notice, dict)]
    return any(notice.get("type") in ("retraction", "withdrawal", "removal") for notice in given)
