"""From read data to a record; what pydantic objects to becomes one sentence a problem, placed in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from survey_tools.knowledge.annotations import (
    Target,
    follow,
    is_record,
    literal_values,
    required_fields,
)
from survey_tools.knowledge.lookup import closest, did_you_mean
from survey_tools.knowledge.migrations import VERSION_FIELD, is_known, notes, version_of
from survey_tools.knowledge.problems import FieldPath, Problem, shown
from survey_tools.knowledge.records import ID_PATTERN, MODEL_ID_PATTERN, SCHEMA_VERSION, Entry, Record
from survey_tools.knowledge.yaml_source import Source

R = TypeVar("R", bound=Record)

_SHARED_PATTERNS = {
    ID_PATTERN: "an id of lower-case letters, digits and hyphens",
    MODEL_ID_PATTERN: "a model id of lower-case letters and digits, joined by single dots and hyphens",
}
PATTERN_WORDS = {
    "arxiv": "an arXiv number such as 2211.00593 or cs/0112017, without address or version",
    "doi": "a DOI such as 10.18653/v1/P16-1154, without address",
    "acl": "an ACL Anthology id such as P16-1154, without address",
    "openreview": "an OpenReview id such as NpsVSN6o4ul, without address",
    "heads": "a head such as L5H1",
    "sha256": "a sha256 of 64 lower-case hexadecimal digits",
    "name": "a package name",
    "version": "a package version",
    "repo": "a repository such as owner/name",
    "revision": "a full commit hash of 40 lower-case hexadecimal digits",
}
"""What a value should have been, by field; a test holds that every pattern of the records is named."""

_BARE = {"arxiv": r"\d{4}\.\d{4,5}", "doi": r"10\.\d{4,9}/\S+"}

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


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


@dataclass(frozen=True)
class _Fault:
    """One pydantic error with what its location leads to."""

    kind: str
    target: Target
    value: Any
    context: dict[str, Any]
    expected: str = ""

    @property
    def is_type(self) -> bool:
        return self.kind in _TYPES

    @property
    def optional(self) -> bool:
        """True when the record can do without the value."""
        field = self.target.owner.model_fields.get(str(self.target.path[-1])) if self.target.path else None
        return field is not None and not field.is_required()


def _problems(source: Source, record: type[Record], error: ValidationError) -> list[Problem]:
    faults = [
        _Fault(e["type"], follow(record, e["loc"]), e["input"], e.get("ctx", {}))
        for e in error.errors(include_url=False)
        if not (e["type"] == "too_short" and e["input"])  # its items are wrong, and each says so itself
    ]
    return [_problem(source, fault) for fault in _settle(faults, 0)]


def _settle(faults: list[_Fault], depth: int) -> list[_Fault]:
    """Of each union keep the faults of the member that was meant; where none fits say what may stand."""
    settled = [fault for fault in faults if len(fault.target.branches) <= depth]
    unions: dict[FieldPath, dict[str, list[_Fault]]] = {}
    for fault in faults:
        if len(fault.target.branches) > depth:
            branch = fault.target.branches[depth]
            unions.setdefault(branch.path, {}).setdefault(branch.tag, []).append(fault)
    for path, tags in unions.items():
        if len(tags) > 1 and all(f.target.path == path and f.is_type for fs in tags.values() for f in fs):
            settled.append(_none_fits(tags))
            continue
        # A member that objects to the value's type was not meant when another one accepts the type.
        meant = [fs for fs in tags.values() if not any(f.target.path == path and f.is_type for f in fs)]
        settled += _settle(min(meant or tags.values(), key=lambda fs: _misfit(fs, path)), depth + 1)
    return settled


def _misfit(faults: list[_Fault], union: FieldPath) -> tuple[int, int, int]:
    """How badly a union's member fits: by its keys first (misspelling one is a near fit), then by its values."""
    keys = [f for f in faults if f.kind in ("missing", "extra_forbidden") and f.target.path[:-1] == union]
    misspelt = sum(
        fault.kind == "extra_forbidden"
        and closest(str(fault.target.path[-1]), required_fields(fault.target.owner)) is not None
        for fault in keys
    )
    return len(keys), -misspelt, len(faults)


def _none_fits(tags: dict[str, list[_Fault]]) -> _Fault:
    faults = [fs[0] for fs in tags.values()]
    words = []
    for fault in faults:
        word = _TYPES[fault.kind]
        if is_record(fault.target.annotation):
            word += " with " + " and ".join(required_fields(fault.target.annotation))
        words.append(word)
    expected = _either(list(dict.fromkeys(w for w in words if w != "a whole number" or "a number" not in words)))
    return _Fault("no_member", faults[0].target, faults[0].value, {}, expected)


# ---------------------------------------------------------------- sentences


def _problem(source: Source, fault: _Fault) -> Problem:
    message, hint = _SENTENCES.get(fault.kind, _other)(source, fault)
    path = fault.target.path
    if fault.kind.startswith("union_tag"):
        path = (*path, _discriminator(fault))
    return source.problem(path, message, hint, of_key=fault.kind == "extra_forbidden")


def _missing(source: Source, fault: _Fault) -> tuple[str, str]:
    key = fault.target.path[-1]
    others = [
        name
        for branch in fault.target.branches[-1:]
        if branch.path == fault.target.path[:-1]
        for record in branch.others
        for name in required_fields(record)
    ]
    instead = [f"'{name}:'" for name in others]
    return "is missing", f"add '{key}:'" + (f", or {_either(instead)} in its place" if others else "")


def _unknown_key(source: Source, fault: _Fault) -> tuple[str, str]:
    key = str(fault.target.path[-1])
    known = list(fault.target.owner.model_fields)
    for branch in fault.target.branches[-1:]:
        if branch.path == fault.target.path[:-1]:
            known += [name for record in branch.others for name in record.model_fields]
    return "is not a known key", did_you_mean(key, known) or f"known here: {', '.join(known)}"


def _literal(source: Source, fault: _Fault) -> tuple[str, str]:
    allowed = literal_values(fault.target.annotation)
    return _choice(fault.value, [str(value) for value in allowed])


def _tag(source: Source, fault: _Fault) -> tuple[str, str]:
    allowed = re.findall(r"'([^']*)'", str(fault.context["expected_tags"]))
    return _choice(fault.value.get(_discriminator(fault)), allowed)


def _no_tag(source: Source, fault: _Fault) -> tuple[str, str]:
    return "is missing", f"add '{_discriminator(fault)}:'"


def _discriminator(fault: _Fault) -> str:
    return str(fault.context["discriminator"]).strip("'")


def _choice(found: Any, allowed: list[str]) -> tuple[str, str]:
    if found is None:
        return f"is empty, but must be {_either(allowed)}", ""
    hint = did_you_mean(found, allowed) if isinstance(found, str) else ""
    return f"must be {_either(allowed)}, not {shown(found)}", hint


def _type(source: Source, fault: _Fault) -> tuple[str, str]:
    expected, found = fault.expected or _TYPES[fault.kind], fault.value
    if found is None:
        return f"is empty, but must be {expected}", "write it" + (", or leave the line out" if fault.optional else "")
    if fault.kind == "string_type":
        raw = source.place(fault.target.path).raw
        if isinstance(found, bool | int | float) and raw is not None:
            as_read = "a truth value" if isinstance(found, bool) else "a number"
            return f"{raw} is read as {as_read}, but must be text", f"write '{raw}' in quotes"
        hint = "text that holds ': ' needs quotes" if isinstance(found, dict) else ""
        return f"must be text, not {shown(found)}", hint
    hint = "start each item's line with '- ', or write [a, b]" if expected == "a list" else ""
    return f"must be {expected}, not {shown(found)}", hint


def _pattern(source: Source, fault: _Fault) -> tuple[str, str]:
    pattern, value = str(fault.context["pattern"]), str(fault.value)
    field = next((part for part in reversed(fault.target.path) if isinstance(part, str)), "")
    words = _SHARED_PATTERNS.get(pattern) or PATTERN_WORDS.get(field) or f"text that matches {pattern}"
    suggestion = ""
    if pattern in _SHARED_PATTERNS:
        suggestion = re.sub(r"[^a-z0-9]+", "-", value.casefold()).strip("-")
    elif bare := re.search(_BARE.get(field, r"(?!)"), value):
        suggestion = bare[0]
    return f"must be {words}, not {shown(fault.value)}", f"write '{suggestion}'" if suggestion else ""


def _rule(source: Source, fault: _Fault) -> tuple[str, str]:
    return str(fault.context["error"]), ""


def _at_least(source: Source, fault: _Fault) -> tuple[str, str]:
    return f"must be {fault.context['ge']} or more, not {shown(fault.value)}", ""


def _more_than(source: Source, fault: _Fault) -> tuple[str, str]:
    return f"must be more than {fault.context['gt']}, not {shown(fault.value)}", ""


def _too_long(source: Source, fault: _Fault) -> tuple[str, str]:
    most = fault.context["max_length"]
    return f"is {len(fault.value):,} characters long; at most {most:,} fit", ""


def _too_short(source: Source, fault: _Fault) -> tuple[str, str]:
    return "needs at least one item", ""


def _other(source: Source, fault: _Fault) -> tuple[str, str]:
    return f"is not valid ({fault.kind.replace('_', ' ')}): {shown(fault.value)}", ""


_SENTENCES: dict[str, Callable[[Source, _Fault], tuple[str, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "literal_error": _literal,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _no_tag,
    "no_member": _type,
    **dict.fromkeys(_TYPES, _type),
    "string_pattern_mismatch": _pattern,
    "value_error": _rule,
    "greater_than_equal": _at_least,
    "greater_than": _more_than,
    "string_too_long": _too_long,
    "too_short": _too_short,
}


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
