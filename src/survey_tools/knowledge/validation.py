"""From read data to a record; what pydantic objects to becomes one sentence a problem, placed in the file."""

from __future__ import annotations

import json
from typing import TypeVar

from pydantic import ValidationError

from survey_tools.knowledge.annotations import follow
from survey_tools.knowledge.fault_words import problem as in_words
from survey_tools.knowledge.faults import Fault, settle
from survey_tools.knowledge.migrations import VERSION_FIELD, is_known, notes, version_of
from survey_tools.knowledge.problems import Problem, shown
from survey_tools.knowledge.records import SCHEMA_VERSION, Entry, Record
from survey_tools.knowledge.yaml_source import Source

R = TypeVar("R", bound=Record)


def to_record(source: Source, record: type[R]) -> R | None:
    """`source.data` as a record, or None after adding every problem to `source.problems`."""
    if source.data is None:
        return None
    if issubclass(record, Entry) and (problem := _other_version(source)):
        source.problems = [problem]  # whatever else there is may be right in that version
        return None
    try:
        # JSON mode: strict, yet a list may become a tuple.
        found = record.model_validate_json(json.dumps(source.data))
    except ValidationError as error:
        taken = {(problem.line, problem.column) for problem in source.problems}
        for problem in _problems(source, record, error):
            # A value that was refused as YAML already (an unquoted `no`) gets no second sentence.
            if (problem.line, problem.column) not in taken:
                source.problems.append(problem)
        source.problems.sort()
        return None
    return None if source.problems else found


def _other_version(source: Source) -> Problem | None:
    written = (source.data or {}).get(VERSION_FIELD)
    if isinstance(written, bool | float):  # to Python, true and 1.0 are 1
        return source.problem((VERSION_FIELD,), f"must be {SCHEMA_VERSION}, not {shown(written)}")
    version = version_of(source.data)
    if version is None or version == SCHEMA_VERSION:
        return None
    if version > SCHEMA_VERSION:
        message = f"is {version}, which is newer than this package knows ({SCHEMA_VERSION})"
        hint = "update the package: pip install --upgrade attention-head-survey"
    elif is_known(version):
        message = f"is {version}, but entries are written in version {SCHEMA_VERSION} by now"
        hint = f"run `survey check --fix`, which {' and '.join(notes(source.data or {}))}"
    else:
        return None  # it never was: the record says what must stand there
    return source.problem((VERSION_FIELD,), message, hint)


def _problems(source: Source, record: type[Record], error: ValidationError) -> list[Problem]:
    faults = [
        Fault(e["type"], follow(record, e["loc"]), e["input"], e.get("ctx", {}))
        for e in error.errors(include_url=False)
        if not (e["type"] == "too_short" and e["input"])  # its items are wrong, and each says so itself
    ]
    return [in_words(source, fault) for fault in settle(faults)]
