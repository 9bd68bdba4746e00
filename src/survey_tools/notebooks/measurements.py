"""What a notebook hands over: one JSON file an entry, checked before any of it becomes a record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from survey_tools.errors import RecordError
from survey_tools.notebooks.plan import Run
from survey_tools.results.records import Measurement


def read_measurements(run: Run, out: Path) -> list[Measurement]:
    """The measurements in the folder `out`, in the order of the run's entries.

    Raises RecordError with all that is wrong: files missing or too many, fields that do not follow the schema, and
    measurements that say they are of something else than the run.
    """
    problems = []
    written = {path.stem for path in out.glob("*.json")}
    for entry in sorted(written - set(run.entries)):
        problems.append(f"{entry}.json was written, but the run is for {', '.join(run.entries)}")
    measurements = []
    for entry in run.entries:
        if entry not in written:
            problems.append(f"{entry}.json was not written into the folder `out`")
            continue
        try:
            measurement = Measurement.model_validate_json((out / f"{entry}.json").read_bytes())
        except ValidationError as error:
            problems += [f"{entry}.json: {_place(found)}{found['msg']}" for found in error.errors()]
            continue
        problems += [f"{entry}.json: {problem}" for problem in _mismatches(run, entry, measurement)]
        measurements.append(measurement)
    if problems:
        raise RecordError(f"{run.notebook} left no valid measurement: " + "; ".join(problems))
    return measurements


def _place(found: Any) -> str:
    return "".join(f"{part}." for part in found["loc"]).rstrip(".") + ": " if found["loc"] else ""


def _mismatches(run: Run, entry: str, measurement: Measurement) -> list[str]:
    """Where a measurement says something else than the run it came from."""
    expected = {"entry": entry, "model": run.model, "seed": run.parameters["seed"]}
    return [
        f"{name} is {getattr(measurement, name)!r}, expected {value!r}"
        for name, value in expected.items()
        if getattr(measurement, name) != value
    ]
