"""The last failed attempt at an entry, kept on this machine only: `build/failures/<model>/<entry>.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Failure:
    """Why a run did not become a record."""

    cell: str | None
    """`cell 3 of 7 (scores = measure())`; None when it failed outside the cells."""
    error: str
    """Exception name and message, or what ended the run."""
    when: str
    """UTC date and time."""
    digest: str
    """Of what was tried: code that has changed since then has not failed yet."""
    traceback: str = ""

    @property
    def sentence(self) -> str:
        """Cell and error on one line."""
        return f"{self.cell}: {self.error}" if self.cell else self.error


def failure_path(root: Path, model: str, entry: str) -> Path:
    """Where the failure of an entry on a model is kept."""
    return root / "build" / "failures" / model / f"{entry}.json"


def last_failure(root: Path, model: str, entry: str) -> Failure | None:
    """The failure kept for an entry; None when there is none, or its file cannot be read as one."""
    try:
        return Failure(**json.loads(failure_path(root, model, entry).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None  # a note for people on this machine: a damaged one must not stop a run that would replace it


def keep_failure(root: Path, model: str, entry: str, failure: Failure) -> None:
    """Write the failure down."""
    path = failure_path(root, model, entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(failure), indent=1) + "\n", encoding="utf-8")


def forget_failure(root: Path, model: str, entry: str) -> None:
    """Remove what an earlier attempt left, after a success."""
    failure_path(root, model, entry).unlink(missing_ok=True)
