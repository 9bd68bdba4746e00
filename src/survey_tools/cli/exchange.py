"""`survey export`, `survey import`: the survey in other formats, and other people's lists against it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from survey_tools.cli.opened import RESULTS, ROOT, open_survey

if TYPE_CHECKING:
    from survey_tools.exchange.comparison import Comparison
    from survey_tools.knowledge.survey import Survey

FORMATS = ("bibtex", "csl", "json", "jsonl", "parquet", "csv", "awesome", "atom", "jsonld", "croissant")
TABLES = ("published-heads", "head-scores")
Command = TypeVar("Command", bound=Callable[..., object])


@click.command("export")
@click.argument("layout", metavar="|".join(FORMATS), type=click.Choice(FORMATS))
@click.option("--out", help="A file, or a folder for all files of a format [standard output].")
@click.option("--table", type=click.Choice(TABLES), help="Of csv and parquet, this table alone.")
@click.option(
    "--site-url", envvar="SITE_URL", default="", help="Where the site lies: atom, jsonld and croissant link to it."
)
@RESULTS
@ROOT
def export_command(
    layout: str, out: str | None, table: str | None, site_url: str, results: Path | None, root: Path | None
) -> None:
    """Write the survey in a format that other programs read.

    The same entries and records give the same bytes on any day. csv and parquet hold two tables, the heads that papers
    name and the scores that runs measured; croissant describes them.

    Example: survey export bibtex --out survey.bib
    """
    from survey_tools.exchange.export import Source, export
    from survey_tools.exchange.files import write

    _, survey, store = open_survey(root, results)
    files = export(layout, Source(survey, store, site_url), table)
    main, content = next(iter(files.items()))
    tables = layout in ("csv", "parquet") and table is None
    if out is not None and (out.endswith("/") or Path(out).is_dir()):
        for name, text in files.items():
            write(Path(out) / name, text)
            click.echo(str(Path(out) / name), err=True)
    elif tables:
        raise click.UsageError(f"{layout} has two tables; choose one with --table, or give --out FOLDER/ for both")
    elif out is not None:
        write(Path(out), content)
    elif layout == "parquet" and sys.stdout.isatty():
        raise click.UsageError(f"{main} is no text for a terminal; give --out FILE")
    else:
        click.echo(content, nl=False)


@click.group("import")
def import_group() -> None:
    """Compare another list with the survey: what is new, what differs, what it lacks."""


def _options(command: Command) -> Command:
    for option in (
        ROOT,
        click.option(
            "--write", "folder", type=click.Path(path_type=Path, file_okay=False), help="Drafts of new papers."
        ),
        click.option("--json", "as_json", is_flag=True, help="For machines."),
        click.argument("file", type=click.Path(path_type=Path)),
    ):
        command = option(command)
    return command


@import_group.command("bibtex")
@_options
def import_bibtex(file: Path, as_json: bool, folder: Path | None, root: Path | None) -> None:
    """Compare a BibTeX file with the entries, field by field. Nothing is written, unless --write names a folder.

    Example: survey import bibtex library.bib
    """
    from survey_tools.exchange.comparison import compare_bibtex

    _compare(compare_bibtex, file, as_json, folder, root)


@import_group.command("awesome")
@_options
def import_awesome(file: Path, as_json: bool, folder: Path | None, root: Path | None) -> None:
    """Compare the README of Awesome-Attention-Heads with the entries. Nothing is written, unless --write is given.

    Example: survey import awesome README.md
    """
    from survey_tools.exchange.comparison import compare_awesome

    _compare(compare_awesome, file, as_json, folder, root)


def _compare(
    compare: Callable[[str, Survey, str], Comparison], file: Path, as_json: bool, folder: Path | None, root: Path | None
) -> None:
    from survey_tools.exchange.comparison_text import as_json as json_of
    from survey_tools.exchange.comparison_text import as_text
    from survey_tools.exchange.files import read_text
    from survey_tools.knowledge.root import find_root
    from survey_tools.knowledge.survey import load_survey

    where = root or find_root()
    comparison = compare(read_text(file), load_survey(where), file.name)
    click.echo((json_of if as_json else as_text)(comparison), nl=False)
    if folder is not None:
        _write(comparison, where, folder)


def _write(comparison: Comparison, root: Path, folder: Path) -> None:
    from survey_tools.knowledge.load import load_entries
    from survey_tools.literature.listed_drafts import draft_listed, write_drafts

    made = draft_listed((new.listed for new in comparison.missing_here), load_entries(root), comparison.listing.name)
    for line, why in made.refused:
        click.echo(f"no draft for line {line}: {why}", err=True)
    for path in write_drafts(made.drafts, folder):
        click.echo(f"draft: {path}", err=True)
