"""The survey as JSON, or as JSON Lines with one entry a line: every field, and what is derived from other files."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from survey_tools.exchange.dataset import LICENCE, NAME, json_text
from survey_tools.knowledge.bibliography import address, cite_as
from survey_tools.knowledge.records import Circuit, Entry, HeadType, Methods, OpenModel, Paper
from survey_tools.knowledge.survey import Survey

SCHEMA_VERSION = 1


def json_of(survey: Survey) -> str:
    """One object: entries by kind, a list where there can be several; each has its relations under `derived`."""
    many = {kind: [plain(entry, survey) for entry in entries] for kind, entries in _many(survey).items()}
    single = {kind: plain(entry, survey) for kind, entry in _single(survey).items()}
    return json_text({"schema_version": SCHEMA_VERSION, "name": NAME, "license": LICENCE, **single, **many})


def jsonl_of(survey: Survey) -> str:
    """The same entries, one a line; `entry`, the first key, says under which name `json_of` has it."""
    entries = list(_single(survey).items())
    entries += [(kind, entry) for kind, several in _many(survey).items() for entry in several]
    lines = ({"entry": kind, **plain(entry, survey)} for kind, entry in entries)
    return "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)


def plain(entry: Entry, survey: Survey) -> dict[str, Any]:
    """An entry as data, with what other entries say of it under `derived`."""
    return {**entry.model_dump(mode="json"), "derived": _derived(entry, survey)}


def _single(survey: Survey) -> dict[str, Entry]:
    """Kinds of which there is one entry."""
    entries: dict[str, Entry | None] = {
        "framework": survey.framework,
        "methods": survey.methods,
        "benchmarks": survey.benchmarks,
        "glossary": survey.glossary,
        "open_questions": survey.open_questions,
    }
    return {kind: entry for kind, entry in entries.items() if entry is not None}


def _many(survey: Survey) -> dict[str, Collection[Entry]]:
    return {
        "head_types": survey.head_types.values(),
        "papers": survey.papers.values(),
        "circuits": survey.circuits.values(),
        "models": survey.models.values(),
        "schemes": survey.schemes.values(),
    }


def _derived(entry: Entry, survey: Survey) -> dict[str, Any]:
    match entry:
        case HeadType():
            return _of_head_type(entry, survey)
        case Paper():
            return {
                "stages": list(survey.stages_of(entry)),
                "circuits": [circuit.id for circuit in survey.circuits.values() if circuit.paper == entry.id],
                "address": address(entry),
                "cite_as": cite_as(entry),
            }
        case Circuit():
            return {"head_types": list(dict.fromkeys(group.head_type for group in entry.heads if group.head_type))}
        case OpenModel():
            return {"papers": [paper.id for paper in survey.papers.values() if entry.upstream in paper.models]}
        case Methods():
            return {
                "papers": {
                    method.id: [paper.id for paper in survey.papers_with_method(method.id)]
                    for _, method in entry.walk()
                }
            }
    return {}


def _of_head_type(head_type: HeadType, survey: Survey) -> dict[str, Any]:
    place = survey.place_of(head_type.id)
    return {
        "place": {"stage": place.stage, "category": place.category} if place else None,
        "introduced_by": [paper.id for paper in survey.introduced_by(head_type.id)],
        "papers": [
            {"id": paper.id, "role": use.role, "name_used": use.name_used}
            for paper, use in survey.papers_of(head_type.id)
        ],
        "relations": [{"kind": r.kind, "id": r.id, "note": r.note} for r in survey.relations_of(head_type.id)],
        "circuits": [circuit.id for circuit in survey.circuits_of(head_type.id)],
        "published_heads": [
            {"paper": paper, "model": head.model, "layer": head.layer, "head": head.head}
            for paper, head in survey.published_heads(head_type.id)
        ],
    }
