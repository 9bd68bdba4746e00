"""The page of a task: what is asked, which models can do it and how sure that is, and which head types need it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from survey_tools import charts
from survey_tools.results.capability import CapabilityRecord, Example
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    EXCLUDED,
    badge,
    bullets,
    facts,
    figure,
    heads_page,
    inside,
    joined,
    measured,
    measured_interval,
    number,
    sign,
    table,
)
from survey_tools.site.escape import code_block, text, verbatim
from survey_tools.site.page import Page
from survey_tools.site.task_table import newest
from survey_tools.site.verdict_card import anchor


def task_page(task: str, contents: Contents, svg_cache: Path | None = None) -> Page:
    """What is asked, by whom it was introduced, examples, what each model makes of it, and who needs it."""
    cells = contents.cells_of(task)
    about = newest(cells)
    name = contents.task_name(task)
    measured_cells = [cell for cell in cells if cell.value is not None]
    body = joined(
        [
            f"# {text(name)}",
            f'<p class="crumbs">{inside("tasks/", "Tasks")} <span>›</span> {text(task)}</p>',
            f'<p class="lead">{text(about.description)}</p>',
            _facts(about, contents),
            "## Which models can do it",
            _charts(measured_cells, contents, svg_cache),
            _numbers(measured_cells, contents),
            _left_out(measured_cells, contents),
            _not_put(cells, contents),
            _asking(task, contents),
            _examples(about.examples),
            _roles(about.roles),
            _again(task, cells),
        ]
    )
    return Page(f"tasks/{task}", name, about.description, body, boost=2, hide=("toc",))


def _facts(about: CapabilityRecord, contents: Contents) -> str:
    source = about.source
    if source is None:
        paper = "none: the task is ours"
    elif source in contents.survey.papers:
        paper = inside(f"papers/{source}/", text(contents.survey.papers[source].title))
    else:
        paper = text(source)
    return facts([("Paper", paper), ("Words", "our own" if about.examples and source else "")])


def _charts(cells: Sequence[CapabilityRecord], contents: Contents, svg_cache: Path | None) -> str:
    """One chart a kind of number: those of a probe stand apart from a model's own expectations."""
    kinds = list(dict.fromkeys((cell.reading, cell.unit, cell.name) for cell in cells))
    drawn = [
        _chart([cell for cell in cells if (cell.reading, cell.unit, cell.name) == kind], contents, svg_cache)
        for kind in kinds
    ]
    return "\n\n".join(drawn)


def _chart(cells: Sequence[CapabilityRecord], contents: Contents, svg_cache: Path | None) -> str:
    rows = [
        charts.AbilityRow(
            name=contents.model_name(cell.model),
            value=cell.value,
            low=cell.interval[0],
            high=cell.interval[1],
            needed=cell.needed,
            present=cell.verdict == "present",
        )
        for cell in cells
        if cell.value is not None and cell.interval is not None and cell.needed is not None
    ]
    unit: Literal["share", "nats"] = "share" if cells[0].unit == "share" else "nats"
    svg = charts.to_svg(
        charts.ability_chart(rows, "share right" if unit == "share" else "nats saved", unit),
        f"{contents.task_name(cells[0].task)}: {cells[0].name}",
        " ".join(f"{contents.model_name(cell.model)}: {cell.reason}" for cell in cells),
        svg_cache,
    )
    words = cells[0].name[:1].upper() + cells[0].name[1:]
    return figure(
        svg,
        f"{text(words)}, with the 95 % interval. Grey tick: needed. Filled dot: present; hollow diamond: absent.",
    )


def _numbers(cells: Sequence[CapabilityRecord], contents: Contents) -> str:
    if not cells:
        return ""
    text_like, drawn = any(c.unit == "share" for c in cells), any(c.unit == "nats" for c in cells)
    margin = "log odds" if text_like else "loss"
    header = ["model", "value", "95 % interval", "chance", "needed", "items", "keys", margin, "on the twin", "measured"]
    rows = []
    for cell in cells:
        rows.append(
            [
                f'<span id="{anchor(cell.model)}"></span>{_model(cell.model, contents)}<br>'
                f'<span class="quiet">{text(cell.reason)}</span>',
                sign(cell.verdict, measured(cell.value, cell.unit)),
                measured_interval(cell.interval, cell.unit),
                measured(cell.chance, cell.unit),
                measured(cell.needed, cell.unit),
                f"{cell.items:,}",
                f"{cell.independent:,}",
                number(cell.margin),
                measured(cell.on_twin, cell.unit),
                inside(_record(cell), text(cell.environment.finished or "record")),
            ]
        )
    return joined(
        [
            table(header, rows, numeric=range(1, len(header)), kind="data data--reasons"),
            _columns(cells, text_like, drawn),
        ]
    )


def _columns(cells: Sequence[CapabilityRecord], text_like: bool, drawn: bool) -> str:
    """What the columns mean; only those that hold something."""
    margin, twin = any(c.margin is not None for c in cells), any(c.on_twin is not None for c in cells)
    return facts(
        [
            ("Keys", "Items about different things: the interval is computed over these."),
            (
                "Log odds",
                "Of right against wrong answers, mean in nats: above 0 the right ones are likelier."
                if margin and text_like
                else "",
            ),
            ("Loss", "Mean nats of the tokens that the context tells." if margin and drawn else ""),
            (
                "On the twin",
                "How often what is right here still wins after the corrupted twin, a prompt as like as can be where it "
                "is wrong or undetermined: a model that reads what was changed gives it up."
                if twin and text_like
                else "The loss on the corrupted twin; minus the loss, it is the value."
                if twin
                else "",
            ),
        ],
        "facts facts--small",
    )


def _left_out(cells: Sequence[CapabilityRecord], contents: Contents) -> str:
    rows = [
        f"{_model(cell.model, contents)}: "
        + "; ".join(f"{count:,} ({text(reason)})" for reason, count in sorted(cell.dropped.items()))
        for cell in cells
        if cell.dropped
    ]
    return "### Items left out\n\n" + bullets(rows) if rows else ""


def _not_put(cells: Sequence[CapabilityRecord], contents: Contents) -> str:
    rows = [
        f'<span id="{anchor(cell.model)}"></span>{_model(cell.model, contents)}: {text(cell.reason)}'
        for cell in cells
        if cell.value is None
    ]
    return f"### Does not apply\n\n{bullets(rows)}" if rows else ""


def _asking(task: str, contents: Contents) -> str:
    rows = [
        f"{inside(heads_page(head_type.id), text(head_type.name))} "
        + " · ".join(
            f"{badge(record.verdict)} "
            + inside(f"{heads_page(head_type.id)}#{anchor(record.model)}", text(contents.model_name(record.model)))
            for record in contents.records_of(head_type.id)
            if record.capability and record.capability.task == task
        )
        for head_type in contents.asking(task)
    ]
    if not rows:
        return ""
    lead = "A run of these types asks first whether the model can do this task, and tests the cause on it."
    return f"## Head types that ask it\n\n{lead}\n\n{bullets(rows, 'verdicts')}"


def _examples(examples: Sequence[Example]) -> str:
    if not examples:
        return ""
    shown = []
    for example in examples:
        pairs = [
            ("Prompt", f"<pre>{verbatim(example.prompt)}</pre>"),
            ("Right", _answers(example.right)),
            ("Wrong", _answers(example.wrong)),
            ("Corrupted twin", f"<pre>{verbatim(example.twin)}</pre>" if example.twin else ""),
        ]
        shown.append(facts(pairs, "facts example").replace("<dl ", f"<dl{EXCLUDED} ", 1))
    return "## Examples\n\nOf the dev split, as the model reads them.\n\n" + "\n\n".join(shown)


def _answers(answers: Sequence[str]) -> str:
    """As they follow the prompt: the space in front is left out here, since nobody sees it."""
    return ", ".join(f"<code>{verbatim(answer.strip()) or verbatim(answer)}</code>" for answer in answers)


def _roles(roles: dict[str, str]) -> str:
    if not roles:
        return ""
    lead = "Passages of the prompts whose positions are known to detectors."
    return f"## Roles\n\n{lead}\n\n" + facts((role, text(meaning)) for role, meaning in sorted(roles.items()))


def _again(task: str, cells: Sequence[CapabilityRecord]) -> str:
    command = code_block(f"survey tasks run {task} --model {cells[0].model}", "sh")
    return f"## Measure it again\n\n{command}"


def _record(cell: CapabilityRecord) -> str:
    return f"records/{cell.model}/tasks/{cell.task}.json"


def _model(model: str, contents: Contents) -> str:
    return inside(f"models/{model}/", text(contents.model_name(model)))
