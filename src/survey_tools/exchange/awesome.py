"""The survey as a reading list: one Markdown README, papers under their head types, types under their stages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from survey_tools.exchange.dataset import LICENCE, base_url
from survey_tools.knowledge.bibliography import address
from survey_tools.knowledge.records import FrameworkStage, HeadType, HeadTypeUse, Paper
from survey_tools.knowledge.survey import Survey

UNPLACED = "Not placed in a stage"
REST = "Papers on heads in general"
_ROLES = {"introduces": "introduces it", "studies": "", "applies": "applies it", "disputes": "disputes it"}


def awesome_of(survey: Survey, site_url: str = "") -> str:
    """The list; where `site_url` is given, the name of a head type links to its page there."""
    return "\n".join(_lines(survey, base_url(site_url))).rstrip("\n") + "\n"


def _lines(survey: Survey, base: str) -> Iterator[str]:
    groups = [(stage.name, _types_of(stage, survey), stage) for stage in survey.framework.stages]
    placed = {head_type.id for _, types, _ in groups for head_type in types}
    unplaced = [head_type for head_type in survey.head_types.values() if head_type.id not in placed]
    rest = [paper for paper in _newest_first(survey) if not paper.head_types and paper.relevance != "tangential"]
    yield from ("# Awesome attention heads", "")
    yield (
        f"{len(survey.papers)} papers, {len(survey.head_types)} types of attention heads in transformer models, by the "
        f"four stages of their work. Made from the entries of the survey; terms: [CC BY 4.0]({LICENCE})."
    )
    yield from ("", "## Contents", "")
    for name in (*(name for name, _, _ in groups), *([UNPLACED] if unplaced else ()), *([REST] if rest else ())):
        yield f"- [{name}](#{_anchor(name)})"
    for name, types, stage in groups:
        yield from ("", f"## {name}", "", _escaped(stage.summary))
        for head_type in types:
            yield from _head_type(head_type, survey, base)
    if unplaced:
        yield from ("", f"## {UNPLACED}")
        for head_type in unplaced:
            yield from _head_type(head_type, survey, base)
    if rest:
        yield from ("", f"## {REST}", "")
        yield from (_paper(paper, None) for paper in rest)


def _types_of(stage: FrameworkStage, survey: Survey) -> list[HeadType]:
    """Those the framework places, in its order, then those the entries put there."""
    placed = [survey.head_types[id_] for c in stage.categories for id_ in c.heads if id_ in survey.head_types]
    others = [
        head_type
        for head_type in survey.head_types.values()
        if survey.place_of(head_type.id) is None and head_type.staging and head_type.staging.stage == stage.id
    ]
    return placed + others


def _head_type(head_type: HeadType, survey: Survey, base: str) -> Iterator[str]:
    name = _escaped(head_type.name)
    yield from ("", f"### {_linked(name, f'{base}heads/{head_type.id}/') if base else name}", "")
    also = f" Also called {', '.join(_escaped(alias) for alias in head_type.aliases)}." if head_type.aliases else ""
    ours = " The stage is our suggestion." if head_type.staging and head_type.staging.suggested else ""
    yield f"{_escaped(head_type.summary)}{also}{ours}"
    uses = survey.papers_of(head_type.id)
    if uses:
        yield ""
    yield from (_paper(paper, use) for paper, use in reversed(uses))


def _paper(paper: Paper, use: HeadTypeUse | None) -> str:
    title, read_at = _escaped(paper.title), address(paper)
    people = paper.authors
    who = f"{people[0]} et al." if len(people) > 2 else " and ".join(people)
    parts = [
        _linked(title, read_at) if read_at else title,
        _escaped(", ".join(filter(None, (who, paper.venue)))),
        _linked("code", paper.links.code) if paper.links.code else "",
        _ROLES[use.role] if use else "",
    ]
    return f"- {paper.published}: " + " · ".join(filter(None, parts))


def _newest_first(survey: Survey) -> list[Paper]:
    return sorted(survey.papers.values(), key=lambda paper: (paper.published, paper.id), reverse=True)


def _linked(text: str, address: str) -> str:
    # Angle brackets, where parentheses would end the link early; an address of ours holds no angle bracket.
    return f"[{text}](<{address}>)" if "(" in address or ")" in address else f"[{text}]({address})"


def _anchor(name: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", name.casefold()).replace(" ", "-")


def _escaped(text: str) -> str:
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$#])", r"\\\1", text)
