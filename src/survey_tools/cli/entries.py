"""`survey check`, `survey status`, `survey run`: entries, and the records that stand behind them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from survey_tools.cli.opened import RESULTS, ROOT, open_survey
from survey_tools.cli.terminal import print_table, progress

if TYPE_CHECKING:
    from survey_tools.knowledge.survey import Survey


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "layout", type=click.Choice(["text", "github", "json"]), default="text", show_default=True)
@click.option("--fix", is_flag=True, help="First mend in place what needs no guess; says what it did.")
@click.option(
    "--sources",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder of <paper id>.txt: numbers in summaries must stand there.",
)
@ROOT
def check(paths: tuple[Path, ...], layout: str, fix: bool, sources: Path | None, root: Path | None) -> None:
    """Check entries; all problems at once, each with line and column.

    --fix puts fields in order, quotes what must be text, removes stray white space, tabs and byte order marks, writes
    the $schema line and brings entries of older versions up to date. Comments stay, and nothing is guessed.

    Example: survey check papers/wang-2022-ioi.yml --fix
    """
    from survey_tools.knowledge import reports
    from survey_tools.knowledge.check import check as check_entries
    from survey_tools.knowledge.repair import repair
    from survey_tools.knowledge.root import find_root

    where = root or find_root()
    for repaired in repair(where, paths) if fix else ():
        click.echo(str(repaired), err=layout != "text")  # elsewhere a program reads the problems alone
    problems = check_entries(where, paths, sources)
    text = {"text": reports.as_text, "github": reports.as_github, "json": reports.as_json}[layout](problems)
    click.echo(text.rstrip("\n"))
    sys.exit(1 if problems else 0)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines, all models.")
@click.option("--all", "everything", is_flag=True, help="Models too on which nothing was ever run.")
@RESULTS
@ROOT
def status(as_json: bool, everything: bool, results: Path | None, root: Path | None) -> None:
    """Show every entry on every model: fresh, stale (and why), missing or failed.

    Example: survey status --json
    """
    from survey_tools.notebooks.plan import status as status_of

    where, survey, store = open_survey(root, results)
    rows = status_of(survey, store, where)
    if as_json:
        fields = ("entry", "model", "state", "detail")
        click.echo(json.dumps([{name: getattr(row, name) for name in fields} for row in rows], indent=1))
        return
    begun = {row.model for row in rows if row.state != "missing" or survey.models[row.model].default}
    waiting = {row.model for row in rows} - begun
    if not everything:
        rows = [row for row in rows if row.model in begun]
    verdicts = (row.record.verdict if row.record else "" for row in rows)
    print_table(
        ("model", "entry", "state", "verdict", "why"),
        ((row.model, row.entry, row.state, verdict, row.detail) for row, verdict in zip(rows, verdicts, strict=True)),
    )
    if waiting and not everything:
        click.echo(f"\nand {len(waiting)} models on which nothing was ever run (--all lists them)")


@click.command()
@click.argument("entries", nargs=-1)
@click.option("--model", "models", multiple=True, help="Id of a model's entry; repeatable [the default models].")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--jobs", default=2, show_default=True, help="Notebooks executed side by side.")
@click.option("--force", is_flag=True, help="Fresh entries too.")
@click.option("--dry-run", is_flag=True, help="Only say what would run.")
@click.option("--shard", help="I/N: this machine's part of the plan.")
@click.option("--time-limit", default=3600, show_default=True, help="Seconds until a notebook is killed.")
@click.option("--results", "results", type=click.Path(path_type=Path), help="Write records here [results].")
@ROOT
def run(
    entries: tuple[str, ...],
    models: tuple[str, ...],
    device: str,
    jobs: int,
    force: bool,
    dry_run: bool,
    shard: str | None,
    time_limit: int,
    results: Path | None,
    root: Path | None,
) -> None:
    """Execute the notebooks whose records are stale or missing.

    Example: survey run induction --model smollm2-135m-instruct
    """
    from survey_tools.notebooks.plan import plan
    from survey_tools.notebooks.plan import shard as part_of
    from survey_tools.notebooks.run import run_all

    where, survey, store = open_survey(root, results)
    runs = plan(survey, store, models=models or None, entries=entries or None, force=force, root=where, device=device)
    if shard:
        runs = part_of(runs, *_shard(shard))
    if not runs:
        click.echo("Nothing to run: every record is fresh.")
        return
    for item in runs:
        click.echo(f"{item.model}  {item.notebook}: {', '.join(item.entries)}")
    if dry_run:
        return
    _fetch_models(survey, sorted({item.model for item in runs}))
    outcomes = run_all(
        runs, jobs=jobs, store=store, root=where, timeout_s=time_limit, on_event=lambda event: click.echo(str(event))
    )
    failed = [outcome for outcome in outcomes if not outcome.ok]
    click.echo(f"{len(outcomes) - len(failed)} of {len(outcomes)} runs done.")
    sys.exit(1 if failed else 0)


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit()):
        raise click.BadParameter(f"{text!r} is not I/N, such as 1/4", param_hint="--shard")
    return int(index), int(count)


def _fetch_models(survey: Survey, names: list[str]) -> None:
    """Before any notebook starts: one process fetches, with its progress where a person sees it."""
    from survey_tools.api import model_source
    from survey_tools.heads.models import is_cached, pull

    for name in names:
        source, licence = model_source(name, survey)
        if not is_cached(name, source):
            with progress() as say:
                pull(name, source, licence=licence, progress=say)
