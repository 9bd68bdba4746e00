"""`survey train` and `survey emergence`: small models from nothing, and when their heads appear."""

from __future__ import annotations

from pathlib import Path

import click

from survey_tools.cli.opened import RESULTS, ROOT, open_survey
from survey_tools.cli.terminal import progress


@click.command()
@click.argument("recipe")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the weights and the texts.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A recipe of yours (YAML); RECIPE is then the name that its runs get.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--steps", type=click.IntRange(min=1), help="Train for so many steps in all. [default: the recipe's]")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the checkpoints. [default: in the cache]"
)
@click.option(
    "--finished",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder for the finished weights, too, as src/survey_tools/heads/data holds them.",
)
def train(
    recipe: str,
    seed: int,
    config: Path | None,
    device: str,
    steps: int | None,
    out: Path | None,
    finished: Path | None,
) -> None:
    """Train a small model of a recipe, such as `tiny`, with checkpoints; goes on where a killed run stopped.

    Example: survey train tiny --seed 0
    """
    from survey_tools import api
    from survey_tools.heads.supply.trained import training_folder
    from survey_tools.heads.training import loop
    from survey_tools.heads.training.checkpoints import copy_finished
    from survey_tools.heads.training.recipe import load_recipe, read_recipe, require_name

    api.require_device(device)
    require_name(recipe)
    chosen = read_recipe(config) if config else load_recipe(recipe)
    if steps is not None:
        chosen = chosen.with_steps(steps)
    folder = out or training_folder(recipe, seed)
    with progress() as say:
        say("starting")
        last = loop.train(chosen, seed, folder, device=device, progress=say)
    click.echo(last)
    for path in copy_finished(last, recipe, seed, finished) if finished else ():
        click.echo(path)


@click.command()
@click.argument("model")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of a model trained here.")
@click.option("--head", "heads", multiple=True, help="Head type, repeatable. [default: all]")
@click.option("--task", "tasks", multiple=True, help="Task, repeatable. [default: what it was trained on, or all]")
@click.option("--step", "steps", type=int, multiple=True, help="Training step, repeatable. [default: all checkpoints]")
@click.option("--most", type=click.IntRange(min=2), help="No more checkpoints than that, at equal ratios of steps.")
@click.option("--items", type=click.IntRange(min=2), default=200, show_default=True, help="Test items of a task.")
@click.option("--device", default="cpu", show_default=True)
@RESULTS
@ROOT
def emergence(
    model: str,
    seed: int,
    heads: tuple[str, ...],
    tasks: tuple[str, ...],
    steps: tuple[int, ...],
    most: int | None,
    items: int,
    device: str,
    results: Path | None,
    root: Path | None,
) -> None:
    """Measure every head of every checkpoint, and the losses: when does which kind of head appear?

    Writes one record a head type, and one with the losses. MODEL is the id of an entry whose checkpoints are known:
    trained here (`survey train`), or published.

    Example: survey emergence tiny --seed 0
    """
    from survey_tools import api
    from survey_tools.notebooks import emergence as series

    where, survey, store = open_survey(root, results)
    asked = series.plan(survey, model, seed, heads=heads, tasks=tasks, steps=steps, most=most, items=items)
    api.require_device(device)
    with progress() as say:
        records = series.measure(
            asked, lambda name: api.load_model(name, device=device, survey=survey, progress=say), where, say
        )
    for record in records:
        click.echo(store.put_series(record))
