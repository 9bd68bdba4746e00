"""What several commands open before they start: the survey's folder, its records, a model's source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from survey_tools.knowledge.survey import Survey
    from survey_tools.results.store import ResultStore

ROOT = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), help="The survey's folder; found by itself inside one."
)
RESULTS = click.option("--results", type=click.Path(path_type=Path), help="Folder of run records [results].")


def open_survey(root: Path | None, results: Path | None) -> tuple[Path, Survey, ResultStore]:
    """The folder, its entries and its records."""
    from survey_tools.knowledge.root import find_root
    from survey_tools.knowledge.survey import load_survey
    from survey_tools.results.store import ResultStore

    where = root or find_root()
    return where, load_survey(where), ResultStore(results or where / "results")


def result_folders(root: Path) -> list[Path]:
    """What the site shows: the committed records, and over them what `make site` executed here."""
    return [root / "results", root / "build" / "results"]
