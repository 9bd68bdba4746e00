"""OpenAlex: one paper by arXiv id or DOI when the first source fails, and new papers by phrases."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from survey_tools.errors import SourceUnreadable
from survey_tools.knowledge.identifiers import Identifier, acl_id_of, identifier_in
from survey_tools.literature.metadata import (
    LONGEST_TITLE,
    WITHDRAWN,
    Found,
    PaperMetadata,
    arxiv_month,
    code_link,
    first_authors,
    plain,
    web_page,
    without_markup,
)
from survey_tools.literature.web import SourceBusy, Web, base_address, contact

SOURCE = "OpenAlex"
KEY = "OPENALEX_API_KEY"
"""Environment variable with a key of OpenAlex. Keys are free; without one, a few searches a day are answered."""
EVERY_S = 0.2
PAGE = 100
"""Works a page, OpenAlex's maximum."""
_ADDRESS = ("SURVEY_OPENALEX_URL", "https://api.openalex.org")
_LONGEST_ABSTRACT_WORDS = 3_000


def paper(web: Web, identifier: Identifier) -> PaperMetadata:
    """What OpenAlex says of one paper.

    Its date of an arXiv paper may be that of a later version, so those are dated by the month in their id.

    Raises:
        PaperUnknown: OpenAlex does not hold it.
        SourceUnavailable, SourceUnreadable: see `Web.get`, or title or date are missing.
    """
    doi = f"10.48550/arxiv.{identifier.value}" if identifier.scheme == "arxiv" else identifier.value
    work = web.json(SOURCE, f"{base_address(*_ADDRESS)}/works/doi:{quote(doi, safe='/')}", _who_asks(), EVERY_S)
    found = _metadata(work)
    if found is None:
        raise SourceUnreadable(f"OpenAlex gives no title or date for {identifier}")
    return found


def search(web: Web, phrases: Sequence[str], since: datetime.date, most: int = 500) -> Found:
    """Papers published since a day with one of `phrases` in title or abstract, at most `most`."""
    # A comma would start the next filter; quotes would end a phrase.
    any_of = " OR ".join(f'"{re.sub(r"[,|&!]", " ", phrase.replace(chr(34), " "))}"' for phrase in phrases)
    params = {
        "filter": f"title_and_abstract.search:({any_of}),from_publication_date:{since.isoformat()}",
        "sort": "publication_date:desc",
        "per_page": str(PAGE),
        **_who_asks(),
    }
    works: list[object] = []
    for page in range(1, -(-most // PAGE) + 1):
        results, total = _page_of_works(web, {**params, "page": str(page)})
        works += results
        if len(results) < PAGE or len(works) >= total:
            break
    # Works without a title are in OpenAlex by the thousand: nothing could be drafted from them.
    found = (_metadata(work) for work in works if isinstance(work, dict))
    return Found(tuple(metadata for metadata in found if metadata is not None), complete=total <= len(works))


def _page_of_works(web: Web, params: Mapping[str, str]) -> tuple[list[object], int]:
    """The works of one page, and how many there are on all."""
    try:
        answer = web.json(SOURCE, f"{base_address(*_ADDRESS)}/works", params, EVERY_S)
    except SourceBusy as error:
        hint = "" if "api_key" in params else f"; a free key in {KEY} allows more"
        raise SourceBusy(f"{error}{hint}") from None
    results, about = answer.get("results"), answer.get("meta")
    if not isinstance(results, list):
        raise SourceUnreadable("OpenAlex answered a search without results")
    total = about.get("count") if isinstance(about, dict) else None
    return results, total if isinstance(total, int) else 0


def _who_asks() -> dict[str, str]:
    key = os.environ.get(KEY, "").strip()
    return ({"mailto": contact()} if contact() else {}) | ({"api_key": key} if key else {})


def _metadata(work: Mapping[str, Any]) -> PaperMetadata | None:
    title = plain(without_markup(_string(work, "title") or _string(work, "display_name")), LONGEST_TITLE)
    published = _string(work, "publication_date")[:10]
    if not title or not re.fullmatch(r"\d{4}-\d\d-\d\d", published):
        return None
    ids = {found.scheme: found.value for found in _identifiers(work)}
    arxiv, doi = ids.get("arxiv"), ids.get("doi")
    abstract = plain(_abstract(work.get("abstract_inverted_index")))
    # Lists of works hold the first hundred authors of each and say so.
    authors, cut = first_authors(_authors(work), SOURCE, complete=work.get("is_authors_truncated") is not True)
    return PaperMetadata(
        source=SOURCE,
        title=title,
        authors=authors,
        published=arxiv_month(arxiv) if arxiv else published,
        date_source="arxiv-month" if arxiv else "venue",
        arxiv=arxiv,
        doi=doi,
        acl=ids.get("acl") or (acl_id_of(doi) if doi else None),
        venue=_venue(work),
        page=None if ids else _page(work),
        code=code_link(abstract),
        abstract=abstract,
        unsure=(*cut, *([WITHDRAWN] if work.get("is_retracted") is True else [])),
    )


def _identifiers(work: Mapping[str, Any]) -> list[Identifier]:
    """Of every place where the work lies, and last its own DOI, which counts where there are two."""
    places = work.get("locations")
    pages = [_page({"primary_location": place}) for place in (places if isinstance(places, list) else ())]
    return [found for page in (*pages, _string(work, "doi")) if page and (found := identifier_in(page))]


def _page(work: Mapping[str, Any]) -> str | None:
    place = work.get("primary_location")
    address = _string(place, "landing_page_url") if isinstance(place, dict) else ""
    return web_page(address)


def _venue(work: Mapping[str, Any]) -> str | None:
    place = work.get("primary_location")
    source = place.get("source") if isinstance(place, dict) else None
    if not isinstance(source, dict) or source.get("type") == "repository":  # arXiv, Zenodo, an archive of a university
        return None
    name = plain(_string(source, "display_name"), 300)
    return None if name.casefold().startswith("arxiv") else name or None


def _authors(work: Mapping[str, Any]) -> list[str]:
    listed = work.get("authorships")
    people = [entry.get("author") for entry in (listed if isinstance(listed, list) else ()) if isinstance(entry, dict)]
    return [plain(_string(person, "display_name"), 200) for person in people if isinstance(person, dict)]


def _abstract(index: object) -> str:
    """OpenAlex gives abstracts as words with their positions."""
    placed: dict[int, str] = {}
    for word, positions in index.items() if isinstance(index, dict) else ():
        for position in positions if isinstance(positions, list) else ():
            if isinstance(position, int) and 0 <= position < _LONGEST_ABSTRACT_WORDS:
                placed[position] = str(word)
    return " ".join(placed[position] for position in sorted(placed))


def _string(record: Mapping[str, Any], field: str) -> str:
    value = record.get(field)
    return value if isinstance(value, str) else ""
