"""The newest papers as an Atom feed (RFC 4287).

Ids are UUIDs made from our ids, so they stay the same when the site moves. `updated` is the date of the newest
paper, never the clock: a feed made twice is the same feed.
"""

from __future__ import annotations

import uuid
from xml.etree import ElementTree as ET

from survey_tools.exchange.dataset import CREATOR, LICENCE, NAME, base_url, full_date, newest_date
from survey_tools.knowledge.bibliography import address
from survey_tools.knowledge.records import Paper
from survey_tools.knowledge.survey import Survey

NAMESPACE = "http://www.w3.org/2005/Atom"
FILE = "feed.xml"
NEWEST = 100
_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "attention-head-survey")


def atom(survey: Survey, site_url: str = "", newest: int = NEWEST) -> str:
    """The feed of the `newest` papers, newest first; links lead to their pages under `site_url`, or to the papers."""
    base = base_url(site_url)
    feed = ET.Element("feed", {"xmlns": NAMESPACE, "xml:lang": "en"})
    _add(feed, "id", _id("feed"))
    _add(feed, "title", NAME)
    _add(feed, "updated", _time(newest_date(survey)))
    _add(ET.SubElement(feed, "author"), "name", CREATOR)
    _add(feed, "rights", f"Summaries: {LICENCE}")
    if base:
        _link(feed, "self", base + FILE)
        _link(feed, "alternate", base)
    papers = sorted(survey.papers.values(), key=lambda paper: paper.id)
    papers.sort(key=lambda paper: full_date(paper.published), reverse=True)
    for paper in papers[:newest]:
        _entry(feed, paper, survey, base)
    ET.indent(feed, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(feed, encoding="unicode") + "\n"


def _entry(feed: ET.Element, paper: Paper, survey: Survey, base: str) -> None:
    entry = ET.SubElement(feed, "entry")
    when = _time(full_date(paper.published))
    _add(entry, "id", _id(f"papers/{paper.id}"))
    _add(entry, "title", paper.title)
    _add(entry, "published", when)
    _add(entry, "updated", when)
    for author in paper.authors:
        _add(ET.SubElement(entry, "author"), "name", author)
    page, read_at = f"{base}papers/{paper.id}/" if base else None, address(paper)
    if page or read_at:
        _link(entry, "alternate", page or read_at or "")
    if page and read_at:
        _link(entry, "related", read_at)
    for use in paper.head_types:
        ET.SubElement(entry, "category", {"term": use.id, "label": survey.head_types[use.id].name})
    # An entry without a link must have content, so there is always one.
    summary = " ".join(paper.summary.model_dump().values()) if paper.summary else "A summary is wanted."
    _add(entry, "content", summary)


def _id(name: str) -> str:
    return uuid.uuid5(_IDS, name).urn


def _time(day: str) -> str:
    return f"{day}T00:00:00Z"


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text


def _link(parent: ET.Element, rel: str, href: str) -> None:
    ET.SubElement(parent, "link", {"rel": rel, "href": href})
