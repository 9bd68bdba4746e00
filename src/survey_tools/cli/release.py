"""`survey release`: what the release workflow asks before it publishes, and makes to publish it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from survey_tools.cli.opened import ROOT


@click.group()
def release() -> None:
    """For maintainers: check and pack a release."""


@release.command()
@click.argument("tag")
@ROOT
def check(tag: str, root: Path | None) -> None:
    """Check that TAG, pyproject.toml, CITATION.cff and CHANGELOG.md speak of the same version.

    Example: survey release check v0.1.0
    """
    from survey_tools.knowledge.root import find_root
    from survey_tools.release import release_problems

    problems = release_problems(root or find_root(), tag)
    for problem in problems:
        click.echo(problem)
    sys.exit(1 if problems else 0)


@release.command()
@click.argument("version")
@ROOT
def notes(version: str, root: Path | None) -> None:
    """Print what CHANGELOG.md says of VERSION; a v before it, as in a tag, does no harm.

    Example: survey release notes v0.1.0
    """
    from survey_tools.knowledge.root import find_root
    from survey_tools.release import release_notes

    click.echo(release_notes(root or find_root(), version.removeprefix("v")), nl=False)


@release.command()
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The zip to write.")
@click.option("--exports", type=click.Path(path_type=Path, file_okay=False), help="Folder of exports to take along.")
@ROOT
def data(out: Path, exports: Path | None, root: Path | None) -> None:
    """Pack entries, schemas and run records into one zip; equal content gives equal bytes.

    Example: survey release data --out dist/attention-head-survey-data.zip
    """
    from survey_tools.knowledge.root import find_root
    from survey_tools.release import write_data_archive

    click.echo(f"{write_data_archive(root or find_root(), out, exports)} files in {out}")
