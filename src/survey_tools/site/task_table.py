"""The capability table: which open model can do what, how well, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from survey_tools.results.capability import CapabilityRecord
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    ABILITIES,
    badge,
    inside,
    joined,
    measured,
    measured_interval,
    plural,
    sign,
    table,
    task_page_of,
)
from survey_tools.site.escape import code_block, text
from survey_tools.site.page import Page
from survey_tools.site.verdict_card import anchor

HOW_TO_READ = (
    "Items are of each task's held-out test split, which no detector was made on. "
    "A behaviour is present where the lower end of the 95 % interval lies above what is needed: chance, unless the "
    "column says more. Chance is what is reached without reading: by guessing, by one constant answer, or by having "
    "favourites among the answers. "
    "An encoder expects no next token: it is read through a probe where the task has labels, and else the task does "
    "not apply."
)


def tasks_index(contents: Contents) -> Page:
    """The capability table: tasks down, models across."""
    title, description = "Tasks", "Which open model can do what, how well, and how sure that is."
    if not contents.tasks:
        command = code_block("survey tasks run --model MODEL", "sh")
        body = f"# {title}\n\nNo model has been asked yet. This asks one:\n\n{command}"
        return Page("tasks/index", title, description, body)
    models = contents.asked_models
    header = [
        "task",
        *(inside(f"models/{model.id}/", text(model.name)) for model in models),
        "chance",  # last, so that a phone shows a model beside the task
    ]
    rows = [_row(task, [model.id for model in models], contents) for task in contents.tasks]
    lead = (
        f"{plural(len(rows), 'task')}, asked of {plural(len(models), 'open model')}. A detection means something only "
        "where the model has the behaviour, so it asks this table first."
    )
    data = f"{inside('capability.csv', 'CSV')}, {inside('capability.json', 'JSON')}"
    body = joined(
        [
            f"# {title}",
            f'<p class="lead">{lead}</p>',
            f"<p>{HOW_TO_READ}</p>",
            f'<p class="signs">{" ".join(badge(word) for word in ABILITIES)}</p>',
            table(header, rows, numeric=range(1, len(header)), kind="data data--wide"),
            f'<p class="quiet">Under each value its 95 % interval. This table as data: {data}.</p>',
        ]
    )
    return Page("tasks/index", title, description, body, hide=("toc",))


def _row(task: str, models: Sequence[str], contents: Contents) -> list[str]:
    cells = {cell.model: cell for cell in contents.cells_of(task)}
    name = inside(task_page_of(task), text(contents.task_name(task)))
    about = f'<span class="quiet">{text(newest(list(cells.values())).description)}</span>'
    return [f"{name}<br>{about}", *(_cell(cells.get(model)) for model in models), _chance(list(cells.values()))]


def _chance(cells: Sequence[CapabilityRecord]) -> str:
    """What chance reaches; it differs a little between models that were asked different items."""
    known = [cell for cell in cells if cell.chance is not None and cell.needed is not None]
    if not known:
        return "–"
    unit = known[0].unit
    chance = _spread([cell.chance or 0.0 for cell in known], unit)
    needed = _spread([cell.needed or 0.0 for cell in known], unit)
    return chance if needed == chance else f'{chance}<br><span class="quiet">needed {needed}</span>'


def _spread(values: Sequence[float], unit: str) -> str:
    low, high = min(values), max(values)
    one = measured(low, unit)
    return one if one == measured(high, unit) else measured_interval((low, high), unit)


def _cell(cell: CapabilityRecord | None) -> str:
    if cell is None:
        return sign("not run yet")
    there = f"{task_page_of(cell.task)}#{anchor(cell.model)}"
    if cell.value is None:
        return inside(there, sign(cell.verdict, title=cell.reason))
    how = ", probe" if cell.reading == "probe" else ""
    shown = inside(there, sign(cell.verdict, measured(cell.value, cell.unit), cell.reason))
    return f'{shown}<br><span class="quiet">{measured_interval(cell.interval, cell.unit)}{how}</span>'


def newest(cells: Sequence[CapabilityRecord]) -> CapabilityRecord:
    """The record that was made last: its description is the task's own of today."""
    return max(cells, key=lambda cell: cell.environment.finished or "")
