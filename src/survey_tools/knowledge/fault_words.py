"""A fault in words: what is wrong, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from survey_tools.knowledge.annotations import literal_values, required_fields
from survey_tools.knowledge.faults import TYPES, Fault, either
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.problems import Problem, shown
from survey_tools.knowledge.records import ID_PATTERN, MODEL_ID_PATTERN
from survey_tools.knowledge.yaml_source import Source

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


def problem(source: Source, fault: Fault) -> Problem:
    """The fault as a sentence at its place in the file."""
    message, hint = _SENTENCES.get(fault.kind, _other)(source, fault)
    path = fault.target.path
    if fault.kind.startswith("union_tag"):
        path = (*path, _discriminator(fault))
    return source.problem(path, message, hint, of_key=fault.kind == "extra_forbidden")


def _missing(source: Source, fault: Fault) -> tuple[str, str]:
    key = fault.target.path[-1]
    others = [
        name
        for branch in fault.target.branches[-1:]
        if branch.path == fault.target.path[:-1]
        for record in branch.others
        for name in required_fields(record)
    ]
    instead = [f"'{name}:'" for name in others]
    return "is missing", f"add '{key}:'" + (f", or {either(instead)} in its place" if others else "")


def _unknown_key(source: Source, fault: Fault) -> tuple[str, str]:
    key = str(fault.target.path[-1])
    known = list(fault.target.owner.model_fields)
    for branch in fault.target.branches[-1:]:
        if branch.path == fault.target.path[:-1]:
            known += [name for record in branch.others for name in record.model_fields]
    return "is not a known key", did_you_mean(key, known) or f"known here: {', '.join(known)}"


def _literal(source: Source, fault: Fault) -> tuple[str, str]:
    allowed = literal_values(fault.target.annotation)
    return _choice(fault.value, [str(value) for value in allowed])


def _tag(source: Source, fault: Fault) -> tuple[str, str]:
    allowed = re.findall(r"'([^']*)'", str(fault.context["expected_tags"]))
    return _choice(fault.value.get(_discriminator(fault)), allowed)


def _no_tag(source: Source, fault: Fault) -> tuple[str, str]:
    return "is missing", f"add '{_discriminator(fault)}:'"


def _discriminator(fault: Fault) -> str:
    return str(fault.context["discriminator"]).strip("'")


def _choice(found: Any, allowed: list[str]) -> tuple[str, str]:
    if found is None:
        return f"is empty, but must be {either(allowed)}", ""
    hint = did_you_mean(found, allowed) if isinstance(found, str) else ""
    return f"must be {either(allowed)}, not {shown(found)}", hint


def _type(source: Source, fault: Fault) -> tuple[str, str]:
    expected, found = fault.expected or TYPES[fault.kind], fault.value
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


def _pattern(source: Source, fault: Fault) -> tuple[str, str]:
    pattern, value = str(fault.context["pattern"]), str(fault.value)
    field = next((part for part in reversed(fault.target.path) if isinstance(part, str)), "")
    words = _SHARED_PATTERNS.get(pattern) or PATTERN_WORDS.get(field) or f"text that matches {pattern}"
    suggestion = ""
    if pattern in _SHARED_PATTERNS:
        suggestion = re.sub(r"[^a-z0-9]+", "-", value.casefold()).strip("-")
    elif bare := re.search(_BARE.get(field, r"(?!)"), value):
        suggestion = bare[0]
    return f"must be {words}, not {shown(fault.value)}", f"write '{suggestion}'" if suggestion else ""


def _rule(source: Source, fault: Fault) -> tuple[str, str]:
    return str(fault.context["error"]), ""


def _at_least(source: Source, fault: Fault) -> tuple[str, str]:
    return f"must be {fault.context['ge']} or more, not {shown(fault.value)}", ""


def _more_than(source: Source, fault: Fault) -> tuple[str, str]:
    return f"must be more than {fault.context['gt']}, not {shown(fault.value)}", ""


def _too_long(source: Source, fault: Fault) -> tuple[str, str]:
    most = fault.context["max_length"]
    return f"is {len(fault.value):,} characters long; at most {most:,} fit", ""


def _too_short(source: Source, fault: Fault) -> tuple[str, str]:
    return "needs at least one item", ""


def _other(source: Source, fault: Fault) -> tuple[str, str]:
    return f"is not valid ({fault.kind.replace('_', ' ')}): {shown(fault.value)}", ""


_SENTENCES: dict[str, Callable[[Source, Fault], tuple[str, str]]] = {
    "missing": _missing,
    "extra_forbidden": _unknown_key,
    "literal_error": _literal,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _no_tag,
    "no_member": _type,
    **dict.fromkeys(TYPES, _type),
    "string_pattern_mismatch": _pattern,
    "value_error": _rule,
    "greater_than_equal": _at_least,
    "greater_than": _more_than,
    "string_too_long": _too_long,
    "too_short": _too_short,
}
