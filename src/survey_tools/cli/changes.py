"""`survey changes`: what a branch changes, as a reviewer and the workflows ask it."""

from __future__ import annotations

from pathlib import Path

import click

from survey_tools.cli.opened import ROOT, open_survey

BASE = click.option(
    "--base", default="origin/main", show_default=True, help="Revision that the branch left, and is compared with."
)


@click.group()
def changes() -> None:
    """What a branch changes: pages, measurements, verdicts."""


@changes.command()
@BASE
@ROOT
def pages(base: str, root: Path | None) -> None:
    """List the pages whose entry, record or text the branch changes, in Markdown.

    Example: survey changes pages --base origin/main
    """
    from survey_tools.changes import changed_files, changed_pages, pages_text

    where, survey, _ = open_survey(root, None)
    click.echo(pages_text(changed_pages(changed_files(where, base), survey)), nl=False)


@changes.command()
@BASE
@click.option("--model", "models", multiple=True, help="Models whose own entry counts too; repeatable.")
@ROOT
def entries(base: str, models: tuple[str, ...], root: Path | None) -> None:
    """List the entries whose measurement the branch touches, one id a line: what `survey run` should repeat.

    Example: survey changes entries --model smollm2-135m-instruct
    """
    from survey_tools.changes import changed_files, touched_entries

    where, survey, _ = open_survey(root, None)
    for entry in touched_entries(changed_files(where, base), survey, where, models):
        click.echo(entry)


@changes.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@ROOT
def verdicts(folder: Path, root: Path | None) -> None:
    """Compare the records in FOLDER with the committed ones, as a Markdown table of verdicts.

    Example: survey changes verdicts build/results
    """
    from survey_tools.changes import verdicts_text
    from survey_tools.results.store import ResultStore

    _, _, committed = open_survey(root, None)
    click.echo(verdicts_text(ResultStore(folder), committed), nl=False)
