"""The survey as data: one JSON for everything, and one for each entry and run record."""

from __future__ import annotations

import json
from typing import Any

from survey_tools.site.contents import Contents

SCHEMA_VERSION = 1


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
    for record in contents.records:
        files[f"records/{record.model}/{record.entry}.json"] = _json(record.model_dump(mode="json"), compact=True)
    return files


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
    }


def _json(data: Any, compact: bool = False) -> str:
    if compact:  # matrices of scores: one number a line would be nine tenths white space
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n"
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"
