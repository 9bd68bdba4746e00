"""Crossref: one paper by DOI, as its publisher registered it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from survey_tools.errors import SourceUnreadable
from survey_tools.literature.identifiers import acl_id_of
from survey_tools.literature.metadata import (
    LONGEST_TITLE,
    MOST_AUTHORS,
    PaperMetadata,
    code_link,
    plain,
    without_markup,
)
from survey_tools.literature.web import Web, base_address, contact

SOURCE = "Crossref"
_ADDRESS = ("SURVEY_CROSSREF_URL", "https://api.crossref.org")


def paper(web: Web, doi: str) -> PaperMetadata:
    """What Crossref says of one paper; its date is the earliest that the publisher gives.

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
    abstract = plain(without_markup(work["abstract"] if isinstance(work.get("abstract"), str) else ""))
    return PaperMetadata(
        source=SOURCE,
        title=title,
        authors=_authors(work),
        published=published,
        date_source="venue",
        doi=doi,
        acl=acl_id_of(doi),
        venue=plain(without_markup(_first(work, "container-title")), 300) or None,
        code=code_link(abstract),
        abstract=abstract,
    )


def _first(work: dict[str, Any], field: str) -> str:
    values = work.get(field)
    return values[0] if isinstance(values, list) and values and isinstance(values[0], str) else ""


def _authors(work: dict[str, Any]) -> tuple[str, ...]:
    people = work.get("author")
    names = []
    for person in people if isinstance(people, list) else ():
        if isinstance(person, dict):
            parts = [person.get("given"), person.get("family"), person.get("suffix")]
            name = plain(
                " ".join(part for part in parts if isinstance(part, str)) or str(person.get("name") or ""), 200
            )
            names += [name] if name else []
    return tuple(names)[:MOST_AUTHORS]


def _date(work: dict[str, Any]) -> str:
    issued = work.get("issued")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    first = parts[0] if isinstance(parts, list) and parts else None
    numbers = [part for part in first if isinstance(part, int)] if isinstance(first, list) else []
    return "-".join(f"{number:04d}" if i == 0 else f"{number:02d}" for i, number in enumerate(numbers[:3]))
