"""Quotes for values that must be text: which they are, after the types of the records, and where."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, TypeGuard, Union, get_origin

import yaml

from survey_tools.knowledge.annotations import bare, is_record, literal_values, members
from survey_tools.knowledge.kinds import Kind
from survey_tools.knowledge.problems import FieldPath
from survey_tools.knowledge.text_edits import put, tree
from survey_tools.knowledge.yaml_source import is_text, plain_scalar


def unquoted_text(text: str, kind: Kind) -> list[tuple[FieldPath, str]]:
    """Values that must be text but that we or other readers take for something else, with what is written there.

    Only unquoted scalars count, and `null` is left: nothing may be meant.
    """
    return [(path, node.value) for path, node in _unquoted_values(text, kind)]


def with_quotes(text: str, kind: Kind) -> str:
    """Quotes around what `unquoted_text` finds, and around keys that are read as something else."""
    nodes = [node for _, node in _unquoted_values(text, kind)]
    nodes += [key for _, key in _below((), tree(text), keys=True) if _misread(key)]
    for node in sorted(nodes, key=lambda node: node.start_mark.index, reverse=True):
        text = put(text, node, f'"{node.value}"')
    return text


def _unquoted_values(text: str, kind: Kind) -> list[tuple[FieldPath, yaml.ScalarNode]]:
    misread = [(path, node) for path, node in _below((), tree(text)) if _misread(node)]
    return [(path, node) for path, node in misread if _must_be_text(kind, path)]


def _below(path: FieldPath, node: yaml.Node | None, keys: bool = False) -> Iterator[tuple[FieldPath, yaml.Node]]:
    """Every scalar below a node that is a value, or a key, with its path."""
    if isinstance(node, yaml.MappingNode):
        read: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if keys:
                yield path, key
            if name not in read:  # of a key written twice only the first value is read
                yield from _below((*path, name), value, keys)
            read.add(name)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            yield from _below((*path, number), item, keys)
    elif node is not None and not keys:
        yield path, node


def _misread(node: yaml.Node) -> TypeGuard[yaml.ScalarNode]:
    """Whether a node is written without quotes and is no text to some reader."""
    return (
        isinstance(node, yaml.ScalarNode)
        and not node.style
        and not is_text(node.value)
        and plain_scalar(node.value)[0] is not None
    )


def _must_be_text(kind: Kind, path: FieldPath) -> bool:
    """Whether the records allow nothing but text (or one of several texts) at `path`."""
    may_be = [kind.record]
    for part in path:
        may_be = [inner for annotation in _alternatives(may_be) for inner in _inside(annotation, part)]
    alternatives = _alternatives(may_be)
    return bool(alternatives) and all(
        annotation is str or any(isinstance(value, str) for value in literal_values(annotation))
        for annotation in alternatives
    )


def _inside(annotation: Any, part: str | int) -> list[Any]:
    if is_record(annotation):
        info = annotation.model_fields.get(part)
        return [info.annotation] if info else []
    if isinstance(part, int) and get_origin(annotation) in (tuple, list):
        return members(annotation)[:1]
    if isinstance(part, str) and get_origin(annotation) is dict:
        return members(annotation)[1:]
    return []


def _alternatives(annotations: list[Any]) -> list[Any]:
    """The annotations with their unions taken apart."""
    found: list[Any] = []
    for annotation in map(bare, annotations):
        found += _alternatives(members(annotation)) if get_origin(annotation) in (Union, UnionType) else [annotation]
    return found
