"""The command line: parse, one library call, print. The only place that turns errors into exit codes.

Exit codes: 0 done; 1 problems found, or a run failed; 2 the command cannot be carried out as given.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from survey_tools import __version__
from survey_tools.errors import KnowledgeError, SurveyError

if TYPE_CHECKING:
    from survey_tools.heads.models import Licence, ModelSource
    from survey_tools.knowledge.survey import Survey
    from survey_tools.results.store import ResultStore

ROOT = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), help="The survey's folder; found by itself inside one."
)


class _Commands(click.Group):
    """Prints an error of ours as one sentence; anything else is a bug and keeps its traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KnowledgeError as error:
            click.echo(f"survey: {error}", err=True)
            click.echo("survey: `survey check` lists every problem with its place.", err=True)
            context.exit(2)
        except SurveyError as error:
            click.echo(f"survey: {error}", err=True)
            context.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="survey")
def main() -> None:
    """A living survey of attention heads.

    Example: survey detect smollm2-135m-instruct --head induction
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads in one process ran slower than one
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--format", "layout", type=click.Choice(["text", "github", "json"]), default="text", show_default=True)
@ROOT
def check(paths: tuple[Path, ...], layout: str, root: Path | None) -> None:
    """Check entries; all problems at once, each with line and column.

    Example: survey check papers/wang-2022-ioi.yml
    """
    from survey_tools.knowledge import reports
    from survey_tools.knowledge.check import check as check_entries
    from survey_tools.knowledge.root import find_root

    problems = check_entries(root or find_root(), paths)
    text = {"text": reports.as_text, "github": reports.as_github, "json": reports.as_json}[layout](problems)
    click.echo(text.rstrip("\n"))
    sys.exit(1 if problems else 0)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option("--results", "results", type=click.Path(path_type=Path), help="Folder of run records [results].")
@ROOT
def status(as_json: bool, results: Path | None, root: Path | None) -> None:
    """Show every entry on every model: fresh, stale (and why), missing or failed.

    Example: survey status --json
    """
    from survey_tools.notebooks.plan import status as status_of

    where, survey, store = _open(root, results)
    rows = status_of(survey, store, where)
    if as_json:
        fields = ("entry", "model", "state", "detail")
        click.echo(json.dumps([{name: getattr(row, name) for name in fields} for row in rows], indent=1))
        return
    from rich.table import Table

    table = Table("model", "entry", "state", "verdict", "why", box=None, pad_edge=False)
    for row in rows:
        verdict = row.record.verdict if row.record else ""
        table.add_row(row.model, row.entry, row.state, verdict, row.detail)
    _console().print(table)


@main.command()
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

    where, survey, store = _open(root, results)
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


@main.command()
@click.argument("model")
@click.option("--head", "heads", multiple=True, help="Id of a head type; repeatable [all that have a detector].")
@click.option("--detector", "files", multiple=True, type=click.Path(path_type=Path), help="A detector file of yours.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--dtype", type=click.Choice(["float32", "bfloat16", "float16"]), default="float32", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--accept-licence", is_flag=True, help="You accept the terms of the model's weights.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write all numbers as JSON.")
def detect(
    model: str,
    heads: tuple[str, ...],
    files: tuple[Path, ...],
    device: str,
    dtype: str,
    seed: int,
    accept_licence: bool,
    out: Path | None,
) -> None:
    """Look for attention heads in any open model: an id, owner/name of a hub, or a folder.

    Example: survey detect smollm2-135m-instruct --head induction --head previous-token
    """
    with _progress() as say:
        from survey_tools import api
        from survey_tools.heads.detectors import detector_from_file, load_detector

        asked = [load_detector(head) for head in heads] + [detector_from_file(path) for path in files]
        wanted = asked or [load_detector(head) for head in api.known_detectors()]
        say(f"loading {model}")
        loaded = api.load_model(
            model, device=device, dtype=dtype, accept_licence=accept_licence, progress=lambda what, *_: say(what)
        )
        measurements = api.detect(loaded, wanted, api.Settings(seed=seed), say)
    if out:
        text = json.dumps([m.model_dump(mode="json") for m in measurements], indent=1)
        out.write_text(text + "\n", encoding="utf-8")
    _print_measurements(measurements)


@main.group()
def models() -> None:
    """Open models: what there is, where the weights come from, what is cached."""


@models.command("list")
@ROOT
def list_models(root: Path | None) -> None:
    """List the models that have an entry.

    Example: survey models list
    """
    from rich.table import Table

    from survey_tools.api import model_source
    from survey_tools.heads.models import is_cached

    _, survey, _ = _open(root, None)
    table = Table("id", "layers x heads", "licence", "size", "from", "cached", box=None, pad_edge=False)
    for entry in survey.models.values():
        source, _ = model_source(entry.id, survey)
        size = f"{entry.source.bytes / 1e6:.0f} MB" if entry.source.kind == "package" else ""
        cached = "yes" if is_cached(entry.id, source) else "no"
        shape = f"{entry.shape.layers} x {entry.shape.heads}"
        table.add_row(entry.id, shape, entry.licence.name, size, entry.source.kind, cached)
    _console().print(table)


@models.command()
@click.argument("model")
@click.option("--accept-licence", is_flag=True, help="You accept the terms of the weights.")
@ROOT
def pull(model: str, accept_licence: bool, root: Path | None) -> None:
    """Fetch a model, verify it and keep it in the cache; resumes where it stopped.

    Example: survey models pull smollm2-135m-instruct
    """
    from survey_tools.heads.models import pull as pull_model

    source, licence = _source_of(model, root)
    with _progress() as say:
        folder = pull_model(
            model, source, licence=licence, accept_licence=accept_licence, progress=lambda what, *_: say(what)
        )
    click.echo(folder)


@models.command()
@click.argument("model")
@ROOT
def path(model: str, root: Path | None) -> None:
    """Print the folder of a cached model; exit 1 when it is not cached.

    Example: survey models path smollm2-135m-instruct
    """
    from survey_tools.heads.models import is_cached
    from survey_tools.heads.models import pull as pull_model

    source, licence = _source_of(model, root)
    if not is_cached(model, source):
        click.echo(f"survey: {model} is not cached; `survey models pull {model}` fetches it.", err=True)
        sys.exit(1)
    click.echo(pull_model(model, source, licence=licence))


@main.group()
def site() -> None:
    """The website."""


@site.command()
@click.option("--results", multiple=True, type=click.Path(path_type=Path), help="Folders of records; later ones win.")
@ROOT
def build(results: tuple[Path, ...], root: Path | None) -> None:
    """Build the site into site/, strictly: a broken link is an error.

    Example: survey site build
    """
    from survey_tools.knowledge.root import find_root
    from survey_tools.site.build import build_site

    where = root or find_root()
    report = build_site(where, where / "site", list(results) or _result_folders(where))
    click.echo(f"{report.pages} pages in {report.output} ({report.written} files changed, {report.removed} removed)")
    for record in report.unplaced:
        click.echo(f"survey: no page shows {record}: the survey does not know its entry or model", err=True)


@site.command()
@click.option("--port", default=8000, show_default=True)
@ROOT
def serve(port: int, root: Path | None) -> None:
    """Build the site and show it on http://127.0.0.1:8000 until you press Ctrl-C.

    Example: survey site serve --port 8080
    """
    from survey_tools.knowledge.root import find_root
    from survey_tools.site.build import serve as serve_site

    where = root or find_root()
    serve_site(where, _result_folders(where), f"127.0.0.1:{port}", report=click.echo)


# ---------------------------------------------------------------- shared by commands


def _open(root: Path | None, results: Path | None) -> tuple[Path, Survey, ResultStore]:
    from survey_tools.knowledge.root import find_root
    from survey_tools.knowledge.survey import load_survey
    from survey_tools.results.store import ResultStore

    where = root or find_root()
    return where, load_survey(where), ResultStore(results or where / "results")


def _source_of(model: str, root: Path | None) -> tuple[ModelSource, Licence | None]:
    """Where a model that a person named comes from; what has a slash is no entry, so no entries are read for it."""
    from survey_tools.api import model_source

    return model_source(model, None if "/" in model else _open(root, None)[1])


def _result_folders(root: Path) -> list[Path]:
    """What the site shows: the committed records, and over them what `make site` executed here."""
    return [root / "results", root / "build" / "results"]


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if not (index.isdigit() and count.isdigit()):
        raise click.BadParameter(f"{text!r} is not I/N, such as 1/4", param_hint="--shard")
    return int(index), int(count)


def _fetch_models(survey: Survey, names: list[str]) -> None:
    """Before any notebook starts: one process fetches, with its progress where a person sees it."""
    from survey_tools.api import model_source
    from survey_tools.heads.models import is_cached
    from survey_tools.heads.models import pull as pull_model

    for name in names:
        source, licence = model_source(name, survey)
        if not is_cached(name, source):
            with _progress() as say:
                pull_model(name, source, licence=licence, progress=lambda what, *_, say=say: say(what))


def _console() -> Any:
    from rich.console import Console

    # a pipe gets whole lines; a terminal its own width
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False)


class _progress:  # noqa: N801 - reads like the function it is
    """A line that says what is being done: live on a terminal, one line a step elsewhere."""

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        if not console.is_terminal:
            self._bar = None
            said: list[str] = []

            def say(sentence: str) -> None:
                if said[-1:] != [sentence]:
                    said[:] = [sentence]
                    click.echo(sentence, err=True)

            return say
        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console, transient=True
        )
        self._bar.start()
        task = self._bar.add_task("starting", total=None)
        bar = self._bar
        return lambda sentence: bar.update(task, description=sentence)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _print_measurements(measurements: list[Any]) -> None:
    from rich.table import Table

    console = _console()
    for measurement in measurements:
        console.print(f"\n[bold]{measurement.entry}[/bold] on {measurement.model}: [bold]{measurement.verdict}[/bold]")
        console.print(measurement.reason)
        heads = [*measurement.found, *measurement.near[:3]]
        table = Table("head", "score", "95 % interval", "control", "p", "write", "missed", box=None, pad_edge=False)
        for head in heads:
            table.add_row(
                f"L{head.layer}H{head.head}",
                f"{head.score:.3f}",
                f"{head.interval[0]:.3f} to {head.interval[1]:.3f}",
                f"{head.control:.3f}",
                f"{head.p_value:.2g}",
                "" if head.write is None else f"{head.write:.3f}",
                ", ".join(head.failed),
            )
        console.print(table)
