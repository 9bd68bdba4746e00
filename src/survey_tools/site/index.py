"""Home with the four-stage map, and the lists of head types, papers, models and circuits."""

from __future__ import annotations

from collections.abc import Sequence

from survey_tools.knowledge.records import Category, Detection, FrameworkStage, HeadType, Paper
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    VERDICTS,
    badge,
    bullets,
    heads_page,
    inside,
    joined,
    plural,
    table,
    tag,
)
from survey_tools.site.escape import text
from survey_tools.site.page import Page

TITLE = "A living survey of attention heads"
DESCRIPTION = "What is known of each kind of attention head, who says so, and whether a run on an open model agrees."


def home_page(contents: Contents) -> Page:
    """The map: four stages in order, every head type the framework places, and those it leaves out."""
    survey = contents.survey
    stages = "\n".join(_stage_card(stage, contents) for stage in survey.framework.stages)
    source = inside(f"papers/{survey.framework.source}/", "the survey it follows")
    body = joined(
        [
            f"# {TITLE}",
            '<p class="lead">What is a head of this kind, who says so, has it been found in an open model, how sure is '
            "that, and how do I run it again. Every claim is backed by a run that anyone can repeat, or the page says "
            "plainly that it is not.</p>",
            _counts(contents),
            "## The four stages",
            f'<p class="quiet">{text(survey.framework.name)}, in the order of {source}. Types without an entry yet are '
            f"marked {tag('wanted', 'wanted')}.</p>",
            f'<div class="map">\n{stages}\n</div>',
            _outside(contents),
            _legend(),
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
    placed = {head for category in stage.categories for head in category.heads}
    suggested = [
        head_type.id
        for head_type in contents.survey.head_types.values()
        if head_type.staging and head_type.staging.stage == stage.id and head_type.id not in placed
    ]
    categories = list(stage.categories)
    if suggested:
        categories.append(Category(name="Suggested by us", heads=tuple(suggested)))
    groups = "".join(
        f"<h4>{text(category.name)}</h4>\n<ul>{''.join(_map_item(head, contents) for head in category.heads)}</ul>\n"
        for category in categories
    )
    return (
        f'<section class="stage stage--{stage.id.lower()}" id="stage-{stage.id.lower()}">\n'
        f'<h3><span class="stage-id">{stage.id}</span> {text(stage.name)}</h3>\n'
        f'<p class="question">{text(stage.question)}</p>\n{groups}</section>'
    )


def _map_item(head: str, contents: Contents) -> str:
    name = text(contents.head_name(head).removesuffix(" Head").removesuffix(" Heads"))
    if head not in contents.survey.head_types:
        return f'<li class="wanted"><span>{name}</span> {tag("wanted", "wanted")}</li>\n'
    listing = _by_model(head, contents) or f" {_not_run()}"
    return f"<li>{inside(heads_page(head), name)}{listing}</li>\n"


def _by_model(head: str, contents: Contents) -> str:
    """One verdict a model that ran; nothing when none did."""
    items = "".join(
        f'<li>{badge(record.verdict)} <span class="quiet">{text(contents.model_name(record.model))}</span></li>'
        for record in contents.records_of(head)
    )
    return f'<ul class="by-model">{items}</ul>' if items else ""


def _not_run() -> str:
    """The commonest verdict of all, without words on the map: they are read out and shown on hover."""
    return (
        '<span class="verdict verdict--not-run-yet verdict--short" title="not run yet"><span>not run yet</span></span>'
    )


def _outside(contents: Contents) -> str:
    survey = contents.survey
    heads = [head for head in survey.head_types.values() if survey.place_of(head.id) is None and head.staging is None]
    if not heads:
        return ""
    items = "".join(_map_item(head.id, contents) for head in heads)
    return f'## Outside the framework\n\n<ul class="outside">\n{items}</ul>'


def _legend() -> str:
    rows = (f"<div><dt>{badge(verdict)}</dt> <dd>{text(meaning)}</dd></div>\n" for verdict, meaning in VERDICTS.items())
    how = inside("about/", "How a head is found")
    return f'## Verdicts\n\n<dl class="legend">\n{"".join(rows)}</dl>\n\n{how}, criterion by criterion.'


def heads_index(contents: Contents) -> Page:
    """All head types, by stage, with each verdict."""
    survey = contents.survey
    sections = ["# Head types", _head_types_lead(contents)]
    for stage in survey.framework.stages:
        placed = [head for category in stage.categories for head in category.heads]
        ours = [
            head.id
            for head in survey.head_types.values()
            if head.staging and head.staging.stage == stage.id and head.id not in placed
        ]
        rows = [_head_row(head, contents) for head in [*placed, *ours] if head in survey.head_types]
        sections.append(f"## {stage.id} {text(stage.name)}")
        sections.append(f'<p class="quiet">{text(stage.summary)}</p>')
        sections.append(
            table(["head type", "what it does", "verdicts", "papers"], rows, numeric=[3]) if rows else "None yet."
        )
    outside = [
        head.id for head in survey.head_types.values() if survey.place_of(head.id) is None and head.staging is None
    ]
    if outside:
        rows = [_head_row(head, contents) for head in outside]
        sections += [
            "## Outside the framework",
            table(["head type", "what it does", "verdicts", "papers"], rows, numeric=[3]),
        ]
    wanted = [head for head in survey.framework.awaited if head not in survey.head_types]
    if wanted:
        names = (f"{text(contents.head_name(head))} {tag('wanted', 'wanted')}" for head in wanted)
        note = f"The framework names these; nobody has written them up yet ({inside('contributing/', 'how to')})."
        sections += ["## Wanted", note, bullets(names, "columns")]
    return Page("heads/index", "Head types", "Every kind of attention head in this survey.", joined(sections))


def _head_types_lead(contents: Contents) -> str:
    detectors = sum(isinstance(head.detection, Detection) for head in contents.survey.head_types.values())
    return (
        f"{plural(len(contents.survey.head_types), 'type')}, {detectors} with a detector. "
        "A verdict belongs to one model; verdicts are never rolled up."
    )


def _head_row(head: str, contents: Contents) -> list[str]:
    head_type: HeadType = contents.survey.head_types[head]
    suggested = f" {tag('suggested', 'suggested')}" if head_type.staging and head_type.staging.suggested else ""
    return [
        f"{inside(heads_page(head), text(head_type.name))}{suggested}",
        text(head_type.summary),
        _by_model(head, contents) or badge("not run yet"),
        str(len(contents.survey.papers_of(head))),
    ]


def papers_index(contents: Contents) -> Page:
    """All papers, newest first, by year."""
    newest = sorted(contents.survey.papers.values(), key=lambda paper: (paper.published, paper.id), reverse=True)
    by_year: dict[str, list[Paper]] = {}
    for paper in newest:
        by_year.setdefault(paper.published[:4], []).append(paper)
    sections = ["# Papers", f"{plural(len(newest), 'paper')}, newest first."]
    for year, papers in by_year.items():
        rows = [_paper_row(paper, contents) for paper in papers]
        sections += [f"## {year}", table(["paper", "head types", "stages"], rows)]
    return Page("papers/index", "Papers", "Every paper in this survey, newest first.", joined(sections))


def _paper_row(paper: Paper, contents: Contents) -> list[str]:
    types = ", ".join(
        inside(heads_page(use.id), text(contents.head_name(use.id)))
        if use.id in contents.survey.head_types
        else text(contents.head_name(use.id))
        for use in paper.head_types
    )
    wanted = f" {tag('summary wanted', 'wanted')}" if paper.summary is None else ""
    by = f' <br><span class="quiet">{text(_short_authors(paper.authors))}</span>' if paper.authors else ""
    stages = " ".join(contents.survey.stages_of(paper))
    return [f"{inside(f'papers/{paper.id}/', text(paper.title))}{wanted}{by}", types or "–", stages or "–"]


def _short_authors(authors: Sequence[str]) -> str:
    return ", ".join(authors) if len(authors) <= 3 else f"{authors[0]} and {len(authors) - 1} others"


def models_index(contents: Contents) -> Page:
    """All open models with the number of verdicts of each kind."""
    rows = []
    for model in contents.models:
        records = contents.records_on(model.id)
        counts = {verdict: sum(record.verdict == verdict for record in records) for verdict in VERDICTS}
        verdicts = "".join(f"<li>{badge(verdict)} × {count}</li>" for verdict, count in counts.items() if count)
        name = inside(f"models/{model.id}/", text(model.name))
        rows.append(
            [
                f'{name} <br><span class="quiet">{text(model.summary)}</span>',
                f"{model.shape.layers} × {model.shape.heads}",
                f"{model.shape.d_model:,}",
                text(model.licence.name),
                f'<ul class="by-model">{verdicts}</ul>' if verdicts else badge("not run yet"),
            ]
        )
    listing = (
        table(["model", "layers × heads", "width", "licence", "verdicts"], rows, numeric=[1, 2])
        if rows
        else "None yet."
    )
    planted = "A planted model has heads put at known places: a detector must find exactly those."
    lead = f"{plural(len(rows), 'open model')}. {planted}"
    return Page(
        "models/index",
        "Models",
        "The open models that head types are looked for in.",
        joined(["# Models", lead, listing]),
    )


def circuits_index(contents: Contents) -> Page:
    """All circuits."""
    rows = []
    for circuit in contents.survey.circuits.values():
        count = sum(len(group.heads) for group in circuit.heads)
        rows.append(
            [
                inside(f"circuits/{circuit.id}/", text(circuit.name)),
                text(circuit.task),
                text(circuit.model),
                inside(f"papers/{circuit.paper}/", text(circuit.paper)),
                str(count) if count else "–",
            ]
        )
    listing = table(["circuit", "task", "model", "paper", "heads"], rows, numeric=[4]) if rows else "None yet."
    lead = f"{plural(len(rows), 'circuit')}: heads that work together, as papers report them."
    return Page("circuits/index", "Circuits", "Heads that work together.", joined(["# Circuits", lead, listing]))
