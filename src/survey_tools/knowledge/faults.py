"""What pydantic objects to, with what its location leads to; of the members of a union, the one that was meant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from survey_tools.knowledge.annotations import Target, is_record, required_fields
from survey_tools.knowledge.lookup import closest
from survey_tools.knowledge.problems import FieldPath

TYPES = {
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
"""Kinds of faults that are about the type of a value, and what it should have been."""


@dataclass(frozen=True)
class Fault:
    """One pydantic error with what its location leads to."""

    kind: str
    target: Target
    value: Any
    context: dict[str, Any]
    expected: str = ""

    @property
    def is_type(self) -> bool:
        """True when the value is of another type than the field."""
        return self.kind in TYPES

    @property
    def optional(self) -> bool:
        """True when the record can do without the value."""
        field = self.target.owner.model_fields.get(str(self.target.path[-1])) if self.target.path else None
        return field is not None and not field.is_required()


def settle(faults: list[Fault], depth: int = 0) -> list[Fault]:
    """Of each union keep the faults of the member that was meant; where none fits say what may stand."""
    settled = [fault for fault in faults if len(fault.target.branches) <= depth]
    unions: dict[FieldPath, dict[str, list[Fault]]] = {}
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
        settled += settle(min(meant or tags.values(), key=lambda fs: _misfit(fs, path)), depth + 1)
    return settled


def _misfit(faults: list[Fault], union: FieldPath) -> tuple[int, int, int]:
    """How badly a union's member fits: by its keys first (misspelling one is a near fit), then by its values."""
    keys = [f for f in faults if f.kind in ("missing", "extra_forbidden") and f.target.path[:-1] == union]
    misspelt = sum(
        fault.kind == "extra_forbidden"
        and closest(str(fault.target.path[-1]), required_fields(fault.target.owner)) is not None
        for fault in keys
    )
    return len(keys), -misspelt, len(faults)


def _none_fits(tags: dict[str, list[Fault]]) -> Fault:
    faults = [fs[0] for fs in tags.values()]
    words = []
    for fault in faults:
        word = TYPES[fault.kind]
        if is_record(fault.target.annotation):
            word += " with " + " and ".join(required_fields(fault.target.annotation))
        words.append(word)
    expected = either(list(dict.fromkeys(w for w in words if w != "a whole number" or "a number" not in words)))
    return Fault("no_member", faults[0].target, faults[0].value, {}, expected)


def either(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
