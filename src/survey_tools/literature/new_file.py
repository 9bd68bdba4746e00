"""Files that are made whole and never in the place of another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from survey_tools.errors import SurveyError
from survey_tools.knowledge.root import PACKAGED


def write_new(files: Mapping[Path, str]) -> None:
    """Write every file, or none: each appears at once with all its text, and one that exists is left alone.

    Raises:
        SurveyError: one of them exists, or a folder cannot be written to.
    """
    existing = [path for path in files if path.exists() or path.is_symlink()]
    if existing:
        raise SurveyError(f"{existing[0]} exists already; it is not overwritten")
    made: list[Path] = []
    try:
        for path, text in files.items():
            _write(path, text)
            made.append(path)
    except OSError as error:
        for done in made:
            done.unlink(missing_ok=True)
        exists = isinstance(error, FileExistsError)
        why = "exists already; it is not overwritten" if exists else f"cannot be written: {error.strerror or error}"
        raise SurveyError(f"{path} {why}") from None


def refuse_packaged(root: Path) -> None:
    """Raises SurveyError where the entries are those of an installed package: an update would take what was added."""
    if root.resolve() == PACKAGED:
        raise SurveyError("the entries of an installed package are not added to; run this in a checkout of the survey")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The leading dot keeps a half-written file from being read as an entry.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".new")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        _link(Path(name), path, text)
    finally:
        Path(name).unlink(missing_ok=True)


def _link(made: Path, path: Path, text: str) -> None:
    """Unlike a rename, a link fails where something has come to stand meanwhile."""
    try:
        os.link(made, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            try:
                stream.write(text)
                stream.flush()
            except OSError:
                path.unlink(missing_ok=True)  # a disk that is full leaves no half entry
                raise
