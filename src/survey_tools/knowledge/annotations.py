"""Where a pydantic error's location leads: through our record types, to the place in the file.

Pydantic's locations mix keys of the file with the names of union members it tried
(`("reproduction", "Reproduction", "notebook")`). Walking the types along with the location tells them apart.
"""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from survey_tools.knowledge.problems import FieldPath
from survey_tools.knowledge.records import Record


@dataclass(frozen=True)
class Branch:
    """A union on the way: where it stands, which member pydantic tried, and the other members."""

    path: FieldPath
    tag: str
    others: tuple[type[Record], ...]


@dataclass(frozen=True)
class Target:
    """What a location leads to: the path in the file, the unions passed, the record that holds the last
    key, and the annotation of the value."""

    path: FieldPath
    branches: tuple[Branch, ...]
    owner: type[Record]
    annotation: Any


def follow(record: type[Record], location: tuple[str | int, ...]) -> Target:
    """Follow a pydantic error location through the types of `record`."""
    path: list[str | int] = []
    branches: list[Branch] = []
    owner = record
    current: Any = record
    for part in location:
        current = bare(current)
        if is_record(current):
            owner = current
            path.append(part)
            info = current.model_fields.get(str(part))
            current = info.annotation if info else None
        elif get_origin(current) in (tuple, list):
            path.append(part)
            current = get_args(current)[0]
        elif get_origin(current) is dict:
            path.append(part)
            current = get_args(current)[1]
        elif _is_union(current):
            chosen = _member(current, str(part))
            others = tuple(m for m in members(current) if is_record(m) and m is not chosen)
            branches.append(Branch(tuple(path), str(part), others))
            current = chosen
    return Target(tuple(path), tuple(branches), owner, bare(current))


def bare(annotation: Any) -> Any:
    """The annotation without Annotated and without `| None` beside a single type."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif _is_union(annotation) and len(alone := members(annotation)) == 1:
            annotation = alone[0]
        else:
            return annotation


def members(union: Any) -> list[Any]:
    """The members of a union, None left out."""
    return [bare(member) for member in get_args(union) if member is not type(None)]


def is_record(annotation: Any) -> bool:
    """True of our record classes."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def literal_values(annotation: Any) -> tuple[Any, ...]:
    """The values of a Literal, else nothing."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def required_fields(record: type[Record]) -> list[str]:
    """Fields that have no default."""
    return [name for name, info in record.model_fields.items() if info.is_required()]


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _member(union: Any, tag: str) -> Any:
    """The member that pydantic calls `tag`: a record's name, its discriminating value, or a type's name."""
    for member in members(union):
        if is_record(member):
            values = {v for info in member.model_fields.values() for v in literal_values(info.annotation)}
            if member.__name__ == tag or tag in values:
                return member
        elif tag.split("[")[0] == getattr(get_origin(member) or member, "__name__", ""):
            return member
    return None
