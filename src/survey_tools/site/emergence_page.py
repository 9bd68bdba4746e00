"""When each kind of head appears in the training of a model, and what the loss does then: every seed beside the others.

A series knows no null, no write and no cause: it says when, and the run record of the final checkpoint whether.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from survey_tools import charts
from survey_tools.knowledge.records import OpenModel
from survey_tools.results.series import LOSSES, SeriesRecord, TaskCurve
from survey_tools.site.appearance import Appearance, amount, appearance, loss_at, universal
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    aligned,
    badge,
    figure,
    head_name,
    heads_page,
    inside,
    joined,
    number,
    plural,
    table,
    task_page_of,
)
from survey_tools.site.escape import code_block, text
from survey_tools.site.formula import formula
from survey_tools.site.page import Page
from survey_tools.site.verdict_card import anchor

BUMP = "olsson-2022-induction-heads"
"""Id of the paper that looked at heads over training first."""
NAMED = 6
"""Heads named in a row; the others are only counted."""
LOSS_HEIGHT = 90
WIDE = "chart chart--wide"


def emergence_page(contents: Contents, svg_cache: Path | None = None) -> Page:
    """One section a model whose checkpoints were measured."""
    title, description = "Emergence", "When each kind of head appears in training, what the loss does then, by seed."
    lead = (
        '<p class="lead">When does each kind of head appear in training, what does the loss do at that moment, and is '
        "it the same for every seed?</p>"
    )
    if contents.families:
        parts = [_how_to_read(contents), *(_family(model, contents, svg_cache) for model in contents.families)]
    else:
        command = code_block("survey train tiny --seed 0\nsurvey emergence tiny --seed 0", "sh")
        parts = [f"No training has been measured yet. This trains a small model and measures it:\n\n{command}"]
    return Page("emergence/index", title, description, joined([f"# {title}", lead, *parts]), boost=2)


def family_anchor(model: str, entry: str = "") -> str:
    """Fragment of a model's section, or of the part about one head type."""
    return f"{anchor(model)}-{entry}" if entry else anchor(model)


def _how_to_read(contents: Contents) -> str:
    known = BUMP in contents.survey.papers
    paper = inside(f"papers/{BUMP}/", "Olsson et al. 2022") if known else "Olsson et al. 2022"
    return joined(
        [
            "At every saved checkpoint all heads are scored, and scored again on a broken stimulus, the control. A "
            "type has **appeared** at the first checkpoint from which on the best head stays above its control by the "
            "type's minimum effect. The fall of the loss at which induction heads appear is known as the "
            f"induction bump ({paper}).",
            "A series says **when** heads of a type appear. **Whether** they count as such heads is decided by the run "
            "record of the final checkpoint, with what chance reaches, what the heads write and what removing them "
            "does.",
        ]
    )


def _family(model: OpenModel, contents: Contents, svg_cache: Path | None) -> str:
    types = sorted(contents.types_in_training(model.id), key=lambda entry: _order(entry, model.id, contents))
    return joined(
        [
            f"## {text(model.name)} {{ #{family_anchor(model.id)} }}",
            _about(model, contents),
            _overview(types, model.id, contents),
            *(_type_section(entry, model.id, contents, svg_cache) for entry in types),
            _losses(model.id, contents, svg_cache),
        ]
    )


def _order(entry: str, model: str, contents: Contents) -> tuple[float, str]:
    """Types that appear earlier stand first, those that never do last."""
    tokens = [one.at.tokens for one in appearances(entry, model, contents) if one.at is not None]
    return (sum(tokens) / len(tokens) if tokens else float("inf")), entry


def appearances(entry: str, model: str, contents: Contents) -> list[Appearance]:
    """When heads of a type appear in each training of a model, by seed."""
    return [appearance(record) for record in contents.series_of(model, entry)]


def _about(model: OpenModel, contents: Contents) -> str:
    every = [
        record
        for entry in (*contents.types_in_training(model.id), LOSSES)
        for record in contents.series_of(model.id, entry)
    ]
    seeds = len({record.seed for record in every})
    states = max(len(record.checkpoints) for record in every)
    last = max(point.tokens for record in every for point in record.checkpoints)
    whole = (
        f"{plural(seeds, 'seed')}, {plural(states, 'checkpoint')} each" if seeds > 1 else plural(states, "checkpoint")
    )
    link = inside(f"models/{model.id}/", text(model.name))
    return f"{link}: {text(model.summary)} {whole}, up to {amount(last)} tokens."


def _overview(types: Sequence[str], model: str, contents: Contents) -> str:
    if not types:
        return ""
    rows = [
        [
            f'<a href="#{family_anchor(model, entry)}">{text(contents.head_name(entry))}</a>',
            text(universal(appearances(entry, model, contents))),
            badge(contents.verdict(entry, model)),
        ]
        for entry in types
    ]
    return table(["head type", "in training", "final checkpoint"], rows, searchable=True)


def _type_section(entry: str, model: str, contents: Contents, svg_cache: Path | None) -> str:
    records = contents.series_of(model, entry)
    score = records[0]
    name = text(contents.head_name(entry))
    measure = (
        f'<p class="quiet">Score: {text(score.name or entry)} {formula(score.formula, display=False)}; '
        f"minimum effect {number(score.minimum_effect)}.</p>"
    )
    links = " · ".join(inside(_json(record), f"Seed {record.seed} (JSON)") for record in records)
    return joined(
        [
            f"### {name} {{ #{family_anchor(model, entry)} }}",
            f"<p>{text(universal([appearance(record) for record in records]))} {_decided(entry, model, contents)}</p>",
            emergence_figure(entry, model, contents, svg_cache, with_loss=True),
            _seeds(entry, model, contents),
            measure,
            f'<p class="links">{links}</p>',
        ]
    )


def _decided(entry: str, model: str, contents: Contents) -> str:
    """What the run record of the finished weights says."""
    for record in contents.records_of(entry):
        if record.model == model:
            section = inside(f"{heads_page(entry)}#{anchor(model)}", "its run record")
            return f"The final checkpoint: {badge(record.verdict)}, by {section}."
    return f"The final checkpoint: {badge('not run yet')}, so it is open whether these heads count."


def emergence_figure(
    entry: str, model: str, contents: Contents, svg_cache: Path | None = None, *, with_loss: bool = False
) -> str:
    """Best head's score over training, a line a seed; below it, the loss of the task that the type's runs ask."""
    records = contents.series_of(model, entry)
    found = [appearance(record) for record in records]
    needed = records[0].minimum_effect
    level = "" if needed is None else f"needed: {needed:.3g}"
    panels = [charts.Panel("score − control", [_curve(one) for one in found], needed, level)]
    caption = "<strong>Best head</strong> at each checkpoint: its score minus its control."
    caption += " Ringed: where it first stays at what is needed." if any(one.at for one in found) else ""
    task = contents.task_of(entry) if with_loss else None
    losses = _loss_curves(model, task, contents) if task else []
    if task and losses:
        panels.append(charts.Panel("loss (nats)", losses, height=LOSS_HEIGHT))
        caption += f" <strong>Below</strong>: the loss of {_task(task, contents)}, which runs of this type ask for."
    name = contents.head_name(entry)
    title = f"{name} over the training of {contents.model_name(model)}"
    return figure(charts.to_svg(charts.training_chart(panels), title, universal(found), svg_cache), caption, WIDE)


def _curve(one: Appearance) -> charts.Curve:
    return charts.Curve(f"seed {one.seed}", [point.tokens for point in one.checkpoints], one.best, one.first)


def _loss_curves(model: str, task: str, contents: Contents) -> list[charts.Curve]:
    return [
        charts.Curve(f"seed {record.seed}", [point.tokens for point in record.checkpoints], record.tasks[task].losses)
        for record in contents.series_of(model, LOSSES)
        if task in record.tasks
    ]


def _task(task: str, contents: Contents) -> str:
    name = text(contents.task_name(task))
    return inside(task_page_of(task), name) if task in contents.tasks else name


def _seeds(entry: str, model: str, contents: Contents) -> str:
    """One row a training: when, what the loss does then, and which heads there are at the end."""
    task = contents.task_of(entry)
    known = {record.seed: record for record in contents.series_of(model, LOSSES) if task in record.tasks}
    losses = ["loss before", "loss then", "loss at the end"] if known else []
    rows = []
    for one in appearances(entry, model, contents):
        row = [f"<strong>{one.seed}</strong>", *_when(one)]
        if losses:
            row += _loss_cells(one, known.get(one.seed), task or "")
        rows.append([*row, str(len(one.heads)), _heads(one)])
    header = ["seed", "appears by", "step", *losses, "heads at the end", "which (score − control)"]
    note = (
        '<p class="quiet">Loss before: at the last checkpoint where the type had not yet appeared.</p>'
        if losses
        else ""
    )
    return joined([table(header, rows, numeric=range(1, len(header) - 1)), note])


def _when(one: Appearance) -> list[str]:
    if one.at is None:
        return ["never", "–"]
    not_yet = f'<br><span class="quiet">not at {amount(one.before.tokens)}</span>' if one.before else ""
    return [f"{amount(one.at.tokens)} tokens{not_yet}", f"{one.at.step:,}"]


def _loss_cells(one: Appearance, record: SeriesRecord | None, task: str) -> list[str]:
    if record is None:
        return ["–"] * 3
    curve: TaskCurve = record.tasks[task]
    moments = (one.before, one.at, one.checkpoints[-1])
    return [aligned(loss_at(curve, record.checkpoints, moment)) for moment in moments]


def _heads(one: Appearance) -> str:
    named = ", ".join(f"{head_name(there.layer, there.head)} {number(there.difference)}" for there in one.heads[:NAMED])
    more = f" and {len(one.heads) - NAMED} more" if len(one.heads) > NAMED else ""
    return named + more or "none"


def _losses(model: str, contents: Contents, svg_cache: Path | None) -> str:
    """How well each task is done over training: small charts side by side."""
    records = contents.series_of(model, LOSSES)
    tasks = list(dict.fromkeys(task for record in records for task in record.tasks))
    if not tasks:
        return ""
    drawn = []
    for task in tasks:
        curves = _loss_curves(model, task, contents)
        ends = ", ".join(f"{curve.name} {curve.values[-1]:.3g}" for curve in curves)
        name = contents.task_name(task)
        svg = charts.to_svg(
            charts.training_chart([charts.Panel("loss (nats)", curves, height=LOSS_HEIGHT)]),
            f"Loss of {name} over the training of {contents.model_name(model)}",
            f"At the end: {ends} nats.",
            svg_cache,
        )
        drawn.append(figure(svg, f"<strong>{_task(task, contents)}</strong>. At the end: {text(ends)} nats."))
    links = " · ".join(inside(_json(record), f"Seed {record.seed} (JSON)") for record in records)
    return joined(
        [
            f"### Loss of each task {{ #{family_anchor(model, LOSSES)} }}",
            "On test items that the training has not read. Of a text: the loss of its right answers among all given "
            "ones; of tokens drawn at random: of those that the context tells.",
            f'<div class="pair">{"".join(drawn)}</div>',
            f'<p class="links">{links}</p>',
        ]
    )


def _json(record: SeriesRecord) -> str:
    return f"records/{record.model}/series/{record.entry}-{record.seed}.json"


def training_section(entry: str, contents: Contents, svg_cache: Path | None) -> str:
    """For the page of a head type: when it appears, in each model whose training was measured; else nothing."""
    parts = []
    for model in contents.families:
        if entry in contents.types_in_training(model.id):
            where = inside(f"emergence/#{family_anchor(model.id, entry)}", f"{text(model.name)}, seed by seed")
            said = text(universal(appearances(entry, model.id, contents)))
            parts.append(f"<p>{where}: {said}</p>\n\n{emergence_figure(entry, model.id, contents, svg_cache)}")
    return joined(["### While training { #while-training }", *parts]) if parts else ""
