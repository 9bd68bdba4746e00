"""One detection, one file; its name says which kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path

from survey_tools.errors import RecordError
from survey_tools.report.facts import RunFacts
from survey_tools.results.records import Measurement
from survey_tools.results.tables import full_table


@dataclass(frozen=True)
class _Format:
    needs: tuple[str, ...]
    """Modules that a bare installation lacks."""
    extra: str
    """The extra that brings them."""
    content: Callable[[Sequence[Measurement], RunFacts], bytes]


def write_report(path: Path, measurements: Sequence[Measurement], run: RunFacts) -> None:
    """Write `measurements` to `path`: `.html` (one page that needs nothing else), `.json` (all numbers as in a run
    record) or `.parquet` (a row for every model, head type and head; `survey_tools.results.tables.full_table`).

    Raises:
        RecordError: the format is unknown, needs an extra, or the file cannot be written.

    Example: `write_report(Path("heads.html"), measurements, RunFacts("survey detect gpt2", environment))`.
    """
    content = require_format(path).content(measurements, run)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise RecordError(f"{path}: cannot be written ({error.strerror}).") from error


def require_format(path: Path) -> _Format:
    """Whether `path` can be written at all: asked before the minutes of a detection, not after them.

    Raises:
        RecordError: the name does not end in a known format, its folder does not exist, or a package is missing.
    """
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        known = ", ".join(_FORMATS)
        near = get_close_matches(suffix, _FORMATS, n=1)
        hint = f"; did you mean {path.with_suffix(near[0]).name!r}?" if near else "."
        raise RecordError(f"{path}: reports are written as {known}, not {suffix or 'a file without an ending'}{hint}")
    if not path.absolute().parent.is_dir():
        raise RecordError(f"{path}: there is no folder {path.parent}; make it, or name another file.")
    chosen = _FORMATS[suffix]
    missing = [module for module in chosen.needs if find_spec(module) is None]
    if missing:
        raise RecordError(
            f"{path}: a {suffix} file needs {', '.join(missing)}, which is not installed; "
            f'`pip install "attention-head-survey[{chosen.extra}]"` brings it.'
        )
    return chosen


def _html(measurements: Sequence[Measurement], run: RunFacts) -> bytes:
    from survey_tools.report.html import page

    return page(measurements, run).encode()


def _json(measurements: Sequence[Measurement], _run: RunFacts) -> bytes:
    return (json.dumps([m.model_dump(mode="json") for m in measurements], indent=1) + "\n").encode()


def _parquet(measurements: Sequence[Measurement], run: RunFacts) -> bytes:
    from survey_tools.report.parquet import table_bytes

    return table_bytes(full_table(measurements), run.command)


_FORMATS = {
    ".html": _Format(("altair", "vl_convert", "latex2mathml"), "site", _html),
    ".json": _Format((), "", _json),
    ".parquet": _Format(("pyarrow",), "tables", _parquet),
}
"""Add a format here."""
