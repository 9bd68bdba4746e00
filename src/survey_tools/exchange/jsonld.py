"""schema.org JSON-LD: a paper as ScholarlyArticle, a head type as DefinedTerm, the survey as Dataset.

Pages embed one each (`embedded`); `jsonld_of` is the whole survey as one graph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from survey_tools.exchange.dataset import CREATOR, DESCRIPTION, KEYWORDS, LICENCE, NAME, RELEASE, base_url, json_text
from survey_tools.knowledge.bibliography import PAGES, address, venue_kind
from survey_tools.knowledge.records import HeadType, Paper
from survey_tools.knowledge.survey import Survey

CONTEXT = "https://schema.org"
_VENUES = {"conference": "PublicationVolume", "journal": "Periodical", None: "CreativeWork"}


def jsonld(paper: Paper, survey: Survey, site_url: str = "") -> dict[str, Any]:
    """A paper as ScholarlyArticle; `description` is our summary, not its abstract."""
    base = base_url(site_url)
    pages = [PAGES[name].format(value) for name, value in paper.ids if value is not None]
    places = [place for place in (address(paper), *pages) if place]
    code = paper.links.code
    return _filled(
        {
            "@context": CONTEXT,
            "@type": "ScholarlyArticle",
            "@id": f"{base}papers/{paper.id}/" if base else address(paper),
            "headline": paper.title,
            "name": paper.title,
            "author": [{"@type": "Person", "name": author} for author in paper.authors],
            "datePublished": paper.published,
            "description": " ".join(paper.summary.model_dump().values()) if paper.summary else None,
            "identifier": [
                {"@type": "PropertyValue", "propertyID": name, "value": value} for name, value in paper.ids if value
            ],
            "sameAs": list(dict.fromkeys(places)),
            "isPartOf": {"@type": _VENUES[venue_kind(paper.venue)], "name": paper.venue} if paper.venue else None,
            "mentions": {"@type": "SoftwareSourceCode", "codeRepository": code} if code else None,
            "about": [_term(survey.head_types[use.id], base) for use in paper.head_types],
        }
    )


def jsonld_of_head_type(head_type: HeadType, survey: Survey, site_url: str = "") -> dict[str, Any]:
    """A head type as DefinedTerm, with the papers that introduce it."""
    base = base_url(site_url)
    introduced = [
        _filled({"@type": "ScholarlyArticle", "@id": f"{base}papers/{p.id}/" if base else address(p), "name": p.title})
        for p in survey.introduced_by(head_type.id)
    ]
    return _filled(
        {
            "@context": CONTEXT,
            **_term(head_type, base),
            "alternateName": list(head_type.aliases),
            "description": head_type.summary,
            "inDefinedTermSet": _filled(
                {"@type": "DefinedTermSet", "@id": f"{base}heads/" if base else None, "name": NAME}
            ),
            "subjectOf": introduced,
        }
    )


def jsonld_of_survey(survey: Survey, site_url: str = "", files: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The survey as Dataset; `files` are those that the site offers, with their media types."""
    base = base_url(site_url)
    return _filled(
        {
            "@context": CONTEXT,
            "@type": "Dataset",
            "@id": base,
            "url": base,
            "name": NAME,
            "description": DESCRIPTION,
            "license": LICENCE,
            "creator": {"@type": "Organization", "name": CREATOR},
            "version": RELEASE,
            "keywords": list(KEYWORDS),
            "isAccessibleForFree": True,
            "distribution": [
                {"@type": "DataDownload", "encodingFormat": media_type, "contentUrl": f"{base}{path}"}
                for path, media_type in (files or {}).items()
            ],
            "measurementTechnique": "per-head detection scores with paired controls and chance nulls",
            "size": f"{len(survey.papers)} papers, {len(survey.head_types)} head types",
        }
    )


def jsonld_of(survey: Survey, site_url: str = "") -> str:
    """Everything as one graph: the dataset, then every head type, then every paper."""
    things = [
        jsonld_of_survey(survey, site_url),
        *(jsonld_of_head_type(head_type, survey, site_url) for head_type in survey.head_types.values()),
        *(jsonld(paper, survey, site_url) for paper in survey.papers.values()),
    ]
    graph = [{key: value for key, value in thing.items() if key != "@context"} for thing in things]
    return json_text({"@context": CONTEXT, "@graph": graph})


def embedded(data: dict[str, Any]) -> str:
    """`data` as the script element of a page; nothing in a title can end the element early."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/ld+json">{text}</script>'


def _term(head_type: HeadType, base: str) -> dict[str, Any]:
    return _filled(
        {
            "@type": "DefinedTerm",
            "@id": f"{base}heads/{head_type.id}/" if base else None,
            "name": head_type.name,
            "termCode": head_type.id,
        }
    )


def _filled(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value not in (None, "", [], {})}
