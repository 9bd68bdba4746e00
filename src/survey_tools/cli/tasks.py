"""`survey tasks`: behaviours with known answers, and which model has which of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from survey_tools.cli.opened import RESULTS, ROOT, open_survey
from survey_tools.cli.terminal import print_table, progress

if TYPE_CHECKING:
    from survey_tools.heads.prompts.task import TextTask
    from survey_tools.heads.tasks import Task

ITEMS = click.option("--items", type=click.IntRange(min=2), default=200, show_default=True, help="Test items a cell.")
ACCEPT = click.option("--accept-licence", is_flag=True, help="You accept the terms of the weights.")


@click.group()
def tasks() -> None:
    """Tasks: prompts with known answers, and which model can do what."""


@tasks.command("list")
def list_tasks() -> None:
    """List all tasks with their sizes.

    Example: survey tasks list
    """
    from survey_tools.heads.prompts.sequences import SequenceTask
    from survey_tools.heads.tasks import load_task, task_ids

    rows = []
    for task in map(load_task, task_ids()):
        sizes = ("drawn", "drawn", "") if isinstance(task, SequenceTask) else tuple(map(str, _sizes(task)))
        rows.append((task.id, *sizes, task.source or "ours", task.description))
    print_table(("task", "dev", "test", "frames", "source", "what is asked"), rows)


def _sizes(task: TextTask) -> tuple[int, int, int]:
    return len(task.items("dev")), len(task.items("test")), task.frames


@tasks.command()
@click.argument("task")
@click.option("--items", type=click.IntRange(min=1), default=3, show_default=True, help="How many to show.")
def show(task: str, items: int) -> None:
    """Show items of a task's dev split: the prompt, its roles, right and wrong answers, the corrupted twin.

    Example: survey tasks show indirect-object
    """
    from survey_tools.heads.prompts.sequences import SequenceTask
    from survey_tools.heads.tasks import load_task

    found = load_task(task)
    click.echo(f"{found.name}: {found.description}")
    if isinstance(found, SequenceTask):
        click.echo("Its tokens are drawn at random from a model's vocabulary.")
        return
    for item in found.items("dev")[:items]:
        click.echo()
        click.echo(f"prompt  {item.prompt.text!r}")
        for role in sorted(item.prompt.roles):
            click.echo(f"        {role}: {', '.join(map(repr, item.prompt.passages(role)))}")
        click.echo(f"right   {', '.join(map(repr, item.right))}")
        click.echo(f"wrong   {', '.join(map(repr, item.wrong))}")
        if item.twin is not None:
            answer = ", ".join(map(repr, item.twin_right)) or "none of them"
            click.echo(f"twin    {item.twin.text!r}, right: {answer}")


@tasks.command()
@click.argument("task_ids", metavar="[TASK]...", nargs=-1)
@click.option("--model", required=True, help="Id of a model entry.")
@ITEMS
@click.option("--force", is_flag=True, help="Fresh cells, too.")
@click.option("--device", default="cpu", show_default=True)
@RESULTS
@ACCEPT
@ROOT
def run(
    task_ids: tuple[str, ...],
    model: str,
    items: int,
    force: bool,
    device: str,
    results: Path | None,
    accept_licence: bool,
    root: Path | None,
) -> None:
    """Measure what a model can do: one record a task, written as soon as it is there; fresh ones are left.

    Example: survey tasks run indirect-object succession --model smollm2-135m-instruct
    """
    from survey_tools.api import load_model, require_device
    from survey_tools.heads.tasks import load_task
    from survey_tools.heads.tasks import task_ids as all_ids
    from survey_tools.notebooks.capability import measure_cells, standing

    where, survey, store = open_survey(root, results)
    entry = survey.model(model)
    asked: list[Task] = [load_task(task) for task in task_ids or all_ids()]
    if not force and all(standing(store, task.id, entry, items) == "fresh" for task in asked):
        click.echo(f"{model}: all {len(asked)} cells are fresh.")
        return
    require_device(device)
    with progress() as say:
        loaded = load_model(model, device=device, accept_licence=accept_licence, progress=say, survey=survey)
        for task in asked:
            if not force and standing(store, task.id, entry, items, loaded.digest) == "fresh":
                continue
            [record] = measure_cells(entry, loaded, [task], items, store, where, say)
            click.echo(f"{task.id}: {record.verdict}, {record.reason}")


@tasks.command()
@RESULTS
@ROOT
def table(results: Path | None, root: Path | None) -> None:
    """Show which model can do which task, from the records; `no`: not above what is needed, `-`: does not apply.

    Example: survey tasks table
    """
    from survey_tools.heads.tasks import task_ids
    from survey_tools.notebooks.capability import standing

    _, survey, store = open_survey(root, results)
    records = {(record.task, record.model): record for record in store.capabilities()}
    models = sorted({model for _, model in records})
    rows = []
    for task in sorted({task for task, _ in records}):
        cells = []
        for model in models:
            record = records.get((task, model))
            if record is None:
                cells.append("")
            elif record.value is None:
                cells.append("-")
            else:
                cells.append(f"{record.value:.2f}{'' if record.verdict == 'present' else ' no'}")
        rows.append((task, *cells))
    print_table(("task", *models), rows)
    known = set(task_ids())
    for model in models:
        measured = [cell for (task, of), cell in records.items() if of == model and task in known]
        entry = survey.models.get(model)
        stale = [c.task for c in measured if entry and standing(store, c.task, entry, c.asked) != "fresh"]
        if stale:
            click.echo(f"{model}: stale are {', '.join(stale)}; `survey tasks run --model {model}` mends it.")
