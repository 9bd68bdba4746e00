"""The survey as data: one JSON for everything, and one for each entry and run record."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from survey_tools.results.capability import CapabilityRecord
from survey_tools.site.contents import Contents

SCHEMA_VERSION = 1
COLUMNS = (
    "task", "model", "verdict", "reading", "value", "unit", "low", "high", "chance", "needed", "items", "independent",
    "margin", "on_twin", "reason",
)  # fmt: skip
"""Of the capability table as data; `low` and `high` are the ends of the 95 % interval."""


def export_files(contents: Contents) -> dict[str, str]:
    """JSON files by their path in the documentation folder."""
    survey = contents.survey
    folders = {
        "heads": survey.head_types,
        "papers": survey.papers,
        "circuits": survey.circuits,
        "models": survey.models,
    }
    files = {"survey.json": _json(everything(contents))}
    for folder, entries in folders.items():
        for entry in entries.values():
            files[f"{folder}/{entry.id}.json"] = _json(entry.model_dump(mode="json"))
    for scheme in survey.schemes.values():
        files[f"background/{scheme.id}.json"] = _json(scheme.model_dump(mode="json"))
    for entry_id, background in _background(contents).items():
        files[f"background/{entry_id}.json"] = _json(background)
    for record in contents.records:
        files[f"records/{record.model}/{record.entry}.json"] = _json(record.model_dump(mode="json"), compact=True)
    cells = [cell for task in contents.tasks for cell in contents.cells_of(task)]
    for cell in cells:
        files[f"records/{cell.model}/tasks/{cell.task}.json"] = _json(cell.model_dump(mode="json"))
    if cells:
        rows = [_row(cell) for cell in cells]
        files["capability.json"] = _json(rows)
        files["capability.csv"] = _csv(rows)
    for one in contents.placed_series:
        files[f"records/{one.model}/series/{one.entry}-{one.seed}.json"] = _json(
            one.model_dump(mode="json"), compact=True
        )
    return files


def _background(contents: Contents) -> dict[str, Any]:
    """Methods, benchmarks, glossary and open questions by id; those that exist."""
    survey = contents.survey
    known = (survey.methods, survey.benchmarks, survey.glossary, survey.open_questions)
    return {entry.id: entry.model_dump(mode="json") for entry in known if entry}


def _row(cell: CapabilityRecord) -> dict[str, Any]:
    low, high = cell.interval or (None, None)
    known = {**cell.model_dump(mode="json"), "low": low, "high": high}
    return {column: known[column] for column in COLUMNS}


def _csv(rows: list[dict[str, Any]]) -> str:
    written = io.StringIO()
    table = csv.DictWriter(written, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return written.getvalue()


def everything(contents: Contents) -> dict[str, Any]:
    """All entries and all verdicts: what a program needs to ask its own questions."""
    survey = contents.survey

    def dumped(entries: Any) -> list[Any]:
        return [entry.model_dump(mode="json") for entry in entries.values()]

    return {
        "schema_version": SCHEMA_VERSION,
        "framework": survey.framework.model_dump(mode="json"),
        "head_types": dumped(survey.head_types),
        "papers": dumped(survey.papers),
        "circuits": dumped(survey.circuits),
        "models": dumped(survey.models),
        "schemes": dumped(survey.schemes),
        "background": _background(contents),
        "verdicts": [
            {
                "entry": record.entry,
                "model": record.model,
                "verdict": record.verdict,
                "reason": record.reason,
                "found": [[head.layer, head.head] for head in record.found],
                "record": f"records/{record.model}/{record.entry}.json",
            }
            for record in contents.records
        ],
        "capabilities": [
            {**_row(cell), "record": f"records/{cell.model}/tasks/{cell.task}.json"}
            for task in contents.tasks
            for cell in contents.cells_of(task)
        ],
        "series": [
            {
                "entry": one.entry,
                "model": one.model,
                "seed": one.seed,
                "record": f"records/{one.model}/series/{one.entry}-{one.seed}.json",
            }
            for one in contents.placed_series
        ],
    }


def _json(data: Any, compact: bool = False) -> str:
    if compact:  # matrices of scores: one number a line would be nine tenths white space
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
