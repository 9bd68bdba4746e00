"""Edits on the text of an entry, in place: comments and everything people wrote stay.

Each edit takes the text and the kind of its entry and returns the new text. None guesses: an edit that would need to
leaves the text alone. Whether the data are still the same afterwards is `repair.py`'s to check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import yaml

from survey_tools.knowledge.kinds import Kind
from survey_tools.knowledge.problems import FieldPath
from survey_tools.knowledge.yaml_source import Source, compose, parse

_MODE_LINE = "# yaml-language-server:"
_TAB_WIDTHS = (2, 4, 8)
_BLOCKS, _QUOTES, _PLAIN = ("|", ">"), ("'", '"'), (None, "")


# ---------------------------------------------------------------- bytes and lines


def without_byte_order_mark(text: str, kind: Kind) -> str:
    """Without U+FEFF in front; two editors may have left one each."""
    return text.lstrip("\ufeff")


def with_plain_line_ends(text: str, kind: Kind) -> str:
    """Lines end in a line feed alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def without_tabs(text: str, kind: Kind) -> str:
    """Spaces for tabs, where a reader gets the same data however wide a tab is; else the text as it was."""
    if "\t" not in text:
        return text
    indented = [_indented_by_spaces(text, width) for width in _TAB_WIDTHS]
    readings = [_read(each) for each in indented]
    if readings[0] is None or any(reading != readings[0] for reading in readings):
        return text
    pieces, end = [], 0
    for start, stop in _scalar_spans(indented[0]):  # a tab in a value is the writer's; elsewhere it only separates
        pieces += [indented[0][end:start].replace("\t", " "), indented[0][start:stop]]
        end = stop
    return "".join(pieces) + indented[0][end:].replace("\t", " ")


def _indented_by_spaces(text: str, width: int) -> str:
    return re.sub(r"^[ \t]+", lambda indent: indent[0].replace("\t", " " * width), text, flags=re.MULTILINE)


def without_trailing_space(text: str, kind: Kind) -> str:
    """No white space at the ends of lines, block text apart, where it may be meant."""
    kept = _lines_of_scalars(text, _BLOCKS)
    lines = text.split("\n")
    return "\n".join(line if number in kept else line.rstrip(" \t") for number, line in enumerate(lines))


def without_doubled_blank_lines(text: str, kind: Kind) -> str:
    """One blank line at most between two others, none at the end; inside text blank lines are part of it."""
    kept = _lines_of_scalars(text, (*_BLOCKS, *_PLAIN, *_QUOTES))
    lines: list[str] = []
    for number, line in enumerate(text.split("\n")):
        if line.strip() or number in kept or (lines and lines[-1].strip()):
            lines.append(line)
    return "\n".join(lines).rstrip("\n") + "\n"


def with_final_line_end(text: str, kind: Kind) -> str:
    """The last line ends."""
    return text if text.endswith("\n") else f"{text}\n"


def with_schema_line(text: str, kind: Kind) -> str:
    """The line that names the schema comes first; one of another schema among the first comments goes."""
    lines = text.split("\n")
    if lines[0] == kind.first_line:
        return text
    head = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    others = [line for line in lines[:head] if not line.startswith(_MODE_LINE)]
    return "\n".join([kind.first_line, *others, *lines[head:]])


# ---------------------------------------------------------------- fields


def in_order(text: str, kind: Kind) -> str:
    """Top-level fields in the record's order, each with the comments right above it and all that is below it.

    A field that the record does not know stays behind the one it stood behind.
    """
    root = tree(text)
    if not isinstance(root, yaml.MappingNode) or root.flow_style or any(k.start_mark.column for k, _ in root.value):
        return text
    lines = text.split("\n")
    starts = [_first_line_of(lines, key.start_mark.line, number) for number, (key, _) in enumerate(root.value)]
    end = len(lines)
    while end > starts[-1] + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith(("#", "..."))):
        end -= 1
    fields = list(kind.record.model_fields)
    ranks: list[int] = []
    for key, _ in root.value:
        ranks.append(fields.index(key.value) if key.value in fields else ranks[-1] if ranks else -1)
    blocks = [lines[start:stop] for start, stop in zip(starts, [*starts[1:], end], strict=True)]
    ordered = [block for _, block in sorted(zip(ranks, blocks, strict=True), key=lambda pair: pair[0])]
    while ordered[0] is not blocks[0] and not ordered[0][0].strip():  # blank lines part fields, so none comes first
        blocks[0].insert(0, ordered[0].pop(0))
    return "\n".join([*lines[: starts[0]], *(line for block in ordered for line in block), *lines[end:]])


def _first_line_of(lines: list[str], line: int, number: int) -> int:
    """Where the comments begin that stand right above a field, and the blank lines that set it off from the last one.

    Above the first field only comments: what a blank line parts from it is about the file. The schema's line belongs
    to no field.
    """
    while line > 0 and lines[line - 1].startswith("#") and not lines[line - 1].startswith(_MODE_LINE):
        line -= 1
    while number > 0 and not lines[line - 1].strip():
        line -= 1
    return line


# ---------------------------------------------------------------- for migrations


def rename_key(text: str, path: FieldPath, new: str) -> str:
    """The key at `path` by another name, its value and comments as they were; the text itself where it is not there."""
    found = Source("", text).nodes(path)
    return text if found is None else put(text, found[0], new)


def replace_value(text: str, path: FieldPath, new: str) -> str:
    """The scalar at `path` written as `new`; the text itself where there is none."""
    found = Source("", text).nodes(path)
    return text if found is None or not isinstance(found[1], yaml.ScalarNode) else put(text, found[1], new)


def put(text: str, node: yaml.Node, new: str) -> str:
    """`new` in the place of a node of the text."""
    start, end = (_offset(text, mark) for mark in (node.start_mark, node.end_mark))
    return text[:start] + new + text[end:]


# ---------------------------------------------------------------- places


@lru_cache(maxsize=4)
def tree(text: str) -> yaml.Node | None:
    """The nodes of a text, kept for the next edit; nobody changes them."""
    return compose(text)


def _read(text: str) -> Any:
    source = Source("", text)
    parse(source)
    return source.data


def _offset(text: str, mark: Any) -> int:
    """Where a mark stands; by line and column, which libyaml and PyYAML's own reader count alike."""
    return int(_line_starts(text)[mark.line] + mark.column)


@lru_cache(maxsize=4)
def _line_starts(text: str) -> tuple[int, ...]:
    # What is left out at the end of a text that lacks its last line end stands a line below it, for YAML.
    return (0, *(match.end() for match in re.finditer("\n", text)), len(text))


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Keys and values in the order of the file."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalars(key)
            yield from _scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)


def _scalar_spans(text: str) -> Iterator[tuple[int, int]]:
    for node in _scalars(tree(text)):
        yield _offset(text, node.start_mark), _offset(text, node.end_mark)


def _lines_of_scalars(text: str, styles: tuple[str | None, ...]) -> set[int]:
    """Lines (from 0) that lie inside scalars of several lines; the last line of a block only while it holds text."""
    lines = text.split("\n")
    inside: set[int] = set()
    for node in _scalars(tree(text)):
        first, last = node.start_mark.line, node.end_mark.line
        if node.style not in styles or first == last:
            continue
        if node.style in _BLOCKS:
            keeps = "+" in lines[first][node.start_mark.column :].split("#")[0]
            last -= node.end_mark.column == 0 and last < len(lines) - 1
            while not keeps and last > first and not lines[last].strip():
                last -= 1
            inside |= set(range(first + 1, last + 1))
        else:
            inside |= set(range(first, last))
    return inside
