"""Home: what is here, and the map of the four stages."""

from __future__ import annotations

from collections.abc import Iterable

from survey_tools.exchange.jsonld import embedded, jsonld_of_survey
from survey_tools.knowledge.records import Detection, FrameworkStage, HeadType
from survey_tools.site.browse import narrowed
from survey_tools.site.contents import Contents
from survey_tools.site.elements import VERDICTS, badge, heads_page, inside, joined, plural, tag
from survey_tools.site.escape import text
from survey_tools.site.head_list import by_model, outside, suggested_in
from survey_tools.site.page import Page

TITLE = "A living survey of attention heads"
DESCRIPTION = "What is known of each kind of attention head, who says so, and whether a run on an open model agrees."


def home_page(contents: Contents) -> Page:
    """The map: four stages in order, every type the framework places; those it leaves out are folded below them."""
    survey = contents.survey
    stages = "\n".join(_stage_card(stage, contents) for stage in survey.framework.stages)
    source = inside(f"papers/{survey.framework.source}/", "the survey it follows")
    wanted = any(head not in survey.head_types for head in survey.framework.awaited)
    note = f" Types without an entry yet are marked {tag('wanted', 'wanted')}." if wanted else ""
    body = joined(
        [
            f"# {TITLE}",
            '<p class="lead">What is a head of this kind, who says so, has it been found in an open model, how sure is '
            "that, and how do I run it again. Every claim is backed by a run that anyone can repeat, or the page says "
            "plainly that it is not.</p>",
            _counts(contents),
            "## The four stages",
            f'<p class="quiet">{text(survey.framework.name)}, in the order of {source}.{note}</p>',
            f'<div class="map">\n{stages}\n</div>',
            _outside(contents),
            _ways_in(contents),
            _legend(),
            embedded(jsonld_of_survey(survey, contents.site_url)),
        ]
    )
    return Page("index", TITLE, DESCRIPTION, body, hide=("navigation", "toc"))


def _counts(contents: Contents) -> str:
    survey = contents.survey
    measured = len({record.entry for record in contents.records if record.entry in survey.head_types})
    models = len({record.model for record in contents.records})
    items = [
        (len(survey.head_types), "head types", "heads/"),
        (len(survey.papers), "papers", "papers/"),
        (len(survey.circuits), "circuits", "circuits/"),
        *([(len(contents.tasks), "tasks", "tasks/")] if contents.tasks else []),
        (measured, f"head types measured on {plural(models, 'open model')}", "models/"),
    ]
    cells = "".join(
        f"<li>{inside(address, f'<strong>{count:,}</strong> {text(words)}')}</li>" for count, words, address in items
    )
    return f'<ul class="counts">{cells}</ul>'


def _stage_card(stage: FrameworkStage, contents: Contents) -> str:
    groups = "".join(
        f"<h4>{text(category.name)}</h4>\n<ul>{''.join(_map_item(head, contents) for head in category.heads)}</ul>\n"
        for category in stage.categories
    )
    ours = suggested_in(stage.id, contents)
    return (
        f'<section class="stage stage--{stage.id.lower()}" id="stage-{stage.id.lower()}">\n'
        f'<h3><span class="stage-id">{stage.id}</span> {text(stage.name)}</h3>\n'
        f'<p class="question">{text(stage.question)}</p>\n{groups}{_folded(ours, contents)}</section>'
    )


def _folded(heads: list[HeadType], contents: Contents) -> str:
    """Types that we put into a stage: those that were run stand open like the framework's own, the rest is folded."""
    run = [head for head in heads if contents.records_of(head.id)]
    rest = [head for head in heads if head not in run]
    listed = "".join(_map_item(head.id, contents) for head in run)
    shown = f"<h4>Suggested by us</h4>\n<ul>{listed}</ul>\n" if run else ""
    if not rest:
        return shown
    more = "more suggested by us" if run else "suggested by us"
    return f"{shown}<details><summary>{len(rest)} {more}</summary>\n<p>{_links(rest)}</p>\n</details>\n"


def _links(heads: Iterable[HeadType]) -> str:
    return ", ".join(inside(heads_page(head.id), _label(head.name)) for head in heads)


def _label(name: str) -> str:
    return text(name.removesuffix(" Heads").removesuffix(" Head"))


def _map_item(head: str, contents: Contents) -> str:
    name = _label(contents.head_name(head))
    if head not in contents.survey.head_types:
        return f'<li class="wanted"><span>{name}</span> {tag("wanted", "wanted")}</li>\n'
    listing = by_model(head, contents) or f" {_not_run()}"
    return f"<li>{inside(heads_page(head), name)}{listing}</li>\n"


def _not_run() -> str:
    """The commonest verdict of all, without words on the map: they are read out and shown on hover."""
    return (
        '<span class="verdict verdict--not-run-yet verdict--short" title="not run yet"><span>not run yet</span></span>'
    )


def _outside(contents: Contents) -> str:
    heads = outside(contents)
    run = [head for head in heads if contents.records_of(head.id)]
    rest = [head for head in heads if head not in run]
    if not heads:
        return ""
    items = "".join(_map_item(head.id, contents) for head in run)
    shown = f'<ul class="outside">\n{items}</ul>\n\n' if run else ""
    folded = (
        f"<details><summary>{plural(len(rest), 'type')} without a stage</summary>\n<p>{_links(rest)}</p>\n</details>"
        if rest
        else ""
    )
    return f"## Outside the framework\n\n{shown}{folded}"


def _ways_in(contents: Contents) -> str:
    """For readers who come with a question, not with a name."""
    planned = sum(not isinstance(head.detection, Detection) for head in contents.survey.head_types.values())
    missing = f"{plural(planned, 'detector')} and more"
    run = narrowed("papers/", "Papers with a run here", has="run")
    ways = [
        f"What do others call it? {inside('background/naming/', 'Names in another scheme, both ways')}",
        f"How is a head studied? {inside('background/methods/', 'Methods')}, each with its papers and our module",
        f"What does a word mean? {inside('background/glossary/', 'Glossary')}, {inside('notation/', 'notation')}",
        f"What was tried again? {run}",
        f"What is missing? {inside('background/wanted/', missing)}, and how to help",
    ]
    rows = "".join(f"<li>{way}.</li>\n" for way in ways)
    return f'## Ways in\n\n<ul class="plain">\n{rows}</ul>'


def _legend() -> str:
    rows = (f"<div><dt>{badge(verdict)}</dt> <dd>{text(meaning)}</dd></div>\n" for verdict, meaning in VERDICTS.items())
    how = inside("about/", "How a head is found")
    return f'## Verdicts\n\n<dl class="legend">\n{"".join(rows)}</dl>\n\n{how}, criterion by criterion.'
