"""CSL-JSON, which Zotero, pandoc and citeproc read (schema: csl-data.json of the Citation Style Language, 1.0)."""

from __future__ import annotations

from typing import Any

from bibtexparser.middlewares.names import InvalidNameError, parse_single_name_into_parts

from survey_tools.exchange.dataset import json_text
from survey_tools.knowledge.bibliography import address, venue_kind
from survey_tools.knowledge.records import Paper
from survey_tools.knowledge.survey import Survey

_TYPES = {"conference": "paper-conference", "journal": "article-journal", None: "article"}


def csl_of(survey: Survey) -> str:
    """Every paper as a CSL-JSON item, sorted by id."""
    return json_text([csl(paper, survey) for paper in survey.papers.values()])


def csl(paper: Paper, survey: Survey) -> dict[str, Any]:
    """One CSL-JSON item; without a certain venue it is an `article`, as CSL calls preprints."""
    ids = paper.ids
    item: dict[str, Any] = {
        "id": paper.id,
        "type": _TYPES[venue_kind(paper.venue)],
        "title": paper.title,
        "author": [_name(author) for author in paper.authors],
        "issued": {"date-parts": [[int(part) for part in paper.published.split("-")]]},
        "container-title": paper.venue,
        "DOI": ids.doi,
        "URL": address(paper),
        "archive": "arXiv" if ids.arxiv else None,
        "archive_location": ids.arxiv,
        "number": f"arXiv:{ids.arxiv}" if ids.arxiv and not paper.venue else None,
        "keyword": ", ".join(survey.head_types[use.id].name for use in paper.head_types),
        "annote": " ".join(paper.summary.model_dump().values()) if paper.summary else None,
        "custom": {name: value for name, value in ids if value is not None and name != "doi"},
    }
    return {key: value for key, value in item.items() if value}


def _name(author: str) -> dict[str, str]:
    """Divided as BibTeX divides a name; one word, or what it cannot divide, stays whole."""
    try:
        parts = parse_single_name_into_parts(author, strict=True)
    except InvalidNameError:
        return {"literal": author}
    if "," in author or " and " in author or not (parts.first and parts.last):
        return {"literal": author}
    name = {
        "family": " ".join(parts.last),
        "given": " ".join(parts.first),
        "non-dropping-particle": " ".join(parts.von),
    }
    return {key: value for key, value in name.items() if value}
