"""arXiv: one paper by id, and new papers by phrases. Answers are Atom feeds; requests keep three seconds apart.

`published` of an entry is the date of its first version, which is what the survey dates papers by.
"""

from __future__ import annotations

import datetime
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from survey_tools.errors import PaperUnknown, SourceUnavailable, SourceUnreadable
from survey_tools.knowledge.identifiers import identifier_in, parse_identifier
from survey_tools.literature.metadata import (
    LONGEST_TITLE,
    WITHDRAWN,
    Found,
    PaperMetadata,
    code_link,
    first_authors,
    plain,
)
from survey_tools.literature.web import Web, base_address

SOURCE = "arXiv"
EVERY_S = 3.0
"""Seconds between requests, which arXiv asks for."""
_ADDRESS = ("SURVEY_ARXIV_URL", "https://export.arxiv.org/api/query")
_ATOM = "{http://www.w3.org/2005/Atom}"
_ARXIV = "{http://arxiv.org/schemas/atom}"
_OPENSEARCH = "{http://a9.com/-/spec/opensearch/1.1/}"


def paper(web: Web, arxiv_id: str) -> PaperMetadata:
    """What arXiv says of one paper.

    Raises:
        PaperUnknown: there is no such id.
        SourceUnavailable, SourceUnreadable: see `Web.get`, or the feed is broken.
    """
    entry = _feed(web, {"id_list": arxiv_id, "max_results": "1"}).find(f"{_ATOM}entry")
    if entry is None or entry.find(f"{_ATOM}published") is None:
        raise PaperUnknown(f"arXiv knows no paper {arxiv_id}")
    return _metadata(entry)


def search(web: Web, phrases: Sequence[str], since: datetime.date, most: int = 1000) -> Found:
    """Papers submitted since a day whose record holds one of `phrases`, at most `most` (arXiv gives 2,000 at once)."""
    # Quotes in a phrase would end it; nothing else has a meaning inside.
    any_of = " OR ".join(f'all:"{phrase.replace(chr(34), " ")}"' for phrase in phrases)
    query = f"({any_of}) AND submittedDate:[{since:%Y%m%d}0000 TO 999912312359]"
    order = {"sortBy": "submittedDate", "sortOrder": "descending"}
    feed = _feed(web, {"search_query": query, "max_results": str(most), **order})
    papers = tuple(_metadata(entry) for entry in feed.findall(f"{_ATOM}entry"))
    total = _text(feed, "totalResults", _OPENSEARCH).strip()
    if total.isdecimal() and int(total) and not papers:  # it happens now and then, and passes
        raise SourceUnavailable(f"arXiv counts {total} papers and shows none")
    return Found(papers, complete=not total.isdecimal() or int(total) <= len(papers))


def _feed(web: Web, params: dict[str, str]) -> ET.Element:
    body = web.get(SOURCE, base_address(*_ADDRESS), params, EVERY_S)
    try:
        # UTF-8 is the interface's only encoding; in another one the next line would see nothing.
        text = body.decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:  # a feed needs none; entities are how XML grows without bound
            raise SourceUnreadable("arXiv answered XML with a document type, which a feed does not have")
        feed = ET.fromstring(text)
    except (ET.ParseError, ValueError):
        raise SourceUnreadable("arXiv answered something that is not XML") from None
    if feed.tag != f"{_ATOM}feed":
        raise SourceUnreadable("arXiv answered XML that is no Atom feed")
    first = feed.find(f"{_ATOM}entry")
    if first is not None and "/api/errors" in _text(first, "id"):
        raise SourceUnreadable(f"arXiv refused the question: {plain(_text(first, 'summary'), 200)}")
    return feed


def _metadata(entry: ET.Element) -> PaperMetadata:
    identifier = identifier_in(_text(entry, "id").strip())
    title = plain(_text(entry, "title"), LONGEST_TITLE)
    published = _text(entry, "published")[:10]
    if identifier is None or not title or not re.fullmatch(r"\d{4}-\d\d-\d\d", published):
        raise SourceUnreadable("arXiv answered an entry without id, title or date")
    names = [plain(_text(author, "name"), 200) for author in entry.findall(f"{_ATOM}author")]
    authors, cut = first_authors(names, SOURCE)
    abstract, comment = plain(_text(entry, "summary")), plain(_text(entry, "comment", _ARXIV), 500)
    doi = _text(entry, "doi", _ARXIV).strip()
    return PaperMetadata(
        source=SOURCE,
        title=title,
        authors=authors,
        published=published,
        date_source="arxiv-v1",
        arxiv=identifier.value,
        doi=parse_identifier(f"doi:{doi}").value if re.fullmatch(r"10\.\d{4,9}/\S+", doi) else None,
        venue=plain(_text(entry, "journal_ref", _ARXIV), 300) or None,
        code=code_link(f"{abstract} {comment}"),
        abstract=abstract,
        remark=comment,
        unsure=(*cut, *([WITHDRAWN] if re.search(r"(?i)\bwithdrawn\b", comment) else [])),
    )


def _text(element: ET.Element, name: str, namespace: str = _ATOM) -> str:
    return element.findtext(f"{namespace}{name}") or ""
