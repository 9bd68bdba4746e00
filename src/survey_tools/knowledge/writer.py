"""An entry as the text of its file, the same for everyone: drafts, repairs and generated entries look alike.

Fields stand in the order of the record, long text is folded at the width of the repository, short lists and
mappings stand on one line, and a string is quoted only where YAML might read something else. Comments are not
kept: a file people have written in is mended in place (`repair.py`), never written anew.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

from survey_tools.knowledge.kinds import Kind
from survey_tools.knowledge.yaml_source import MAX_DIGITS, plain_scalar

WIDTH = 120
_SPECIAL = "!&*-?:,[]{}#|>@`\"'%=~"
"""What unquoted text may not start with."""
_RESOLVER, _TEXT = yaml.resolver.Resolver(), "tag:yaml.org,2002:str"
_INDENT = 2
_CELL = 70
"""Characters of a value that still counts as a cell of a table."""


def entry_text(data: Mapping[str, Any], kind: Kind) -> str:
    """The file of an entry: `data` as it would be read from YAML.

    Raises:
        ValueError: a value is of a type that an entry cannot hold.
    """
    ordered = _in_order(data, kind.record)
    return "\n".join((kind.first_line, *_block(ordered, 0))) + "\n"


def record_text(entry: BaseModel, kind: Kind) -> str:
    """The file of a record; what equals its default is left out."""
    return entry_text(entry.model_dump(mode="json", exclude_defaults=True), kind)


def _in_order(data: Mapping[str, Any], record: type[BaseModel]) -> dict[str, Any]:
    """Known fields first, in the record's order, down to nested records; unknown ones keep their place at the end."""
    fields = record.model_fields
    keys = [key for key in (*_first(fields), *fields) if key in data]
    keys += [key for key in data if key not in fields]
    return {key: _ordered(data[key], fields[key].annotation if key in fields else None) for key in dict.fromkeys(keys)}


def _first(fields: Mapping[str, Any]) -> tuple[str, ...]:
    return ("schema_version", "id") if "schema_version" in fields else ()


def _ordered(value: Any, annotation: Any) -> Any:
    records = _records(annotation)
    if isinstance(value, Mapping):
        best = max(records, key=lambda record: len(value.keys() & record.model_fields.keys()), default=None)
        return _in_order(value, best) if best else value
    if isinstance(value, list | tuple):
        return [_ordered(item, annotation) for item in value]
    return value


def _records(annotation: Any) -> list[type[BaseModel]]:
    """The records an annotation can hold: `X | None`, `tuple[X, ...]`, `A | B`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (tuple, list, Union, UnionType):
        return [record for argument in get_args(annotation) for record in _records(argument)]
    return []


def _lines(key: str, value: Any, indent: int) -> Iterator[str]:
    """`key: value` as lines; `key` may be the dash of a list."""
    start = " " * indent + key
    short = _scalar(value, inside=False) if isinstance(value, str) else _inline(value)
    has_parts = bool(value) and isinstance(value, Mapping | list | tuple | str)
    if short is not None and (not has_parts or len(start) + 1 + len(short) <= WIDTH):
        yield f"{start} {short}"
    elif isinstance(value, str):
        yield f"{start} >-" if _foldable(value) else f"{start} {short}"
        yield from textwrap.wrap(value, WIDTH, **_folding(indent)) if _foldable(value) else ()
    elif key == "-" and isinstance(value, Mapping) and _is_row(value):
        yield from _wrapped_row(start, value)
    else:
        inner = list(_block(value, indent + _INDENT))
        if key == "-":  # the first line of what is listed stands behind the dash
            yield f"{start} {inner[0].lstrip()}"
            yield from inner[1:]
        else:
            yield start
            yield from inner


def _block(value: Any, indent: int) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _lines(f"{_scalar(key)}:", item, indent)
    else:
        for item in value:
            yield from _lines("-", item, indent)


def _inline(value: Any) -> str | None:
    """The value on one line; None for a list of mappings, which is always a column."""
    if isinstance(value, Mapping):
        parts = [(_scalar(key), _inline(item)) for key, item in value.items()]
        return None if any(item is None for _, item in parts) else "{" + ", ".join(f"{k}: {v}" for k, v in parts) + "}"
    if isinstance(value, list | tuple):
        items = [None if isinstance(item, Mapping) else _inline(item) for item in value]
        return None if None in items else f"[{', '.join(map(str, items))}]"
    return _scalar(value)


def _is_row(value: Mapping[str, Any]) -> bool:
    """A row of a table rather than prose: scalars only, none of them long."""
    return all(not isinstance(item, Mapping | list | tuple) and len(str(item)) <= _CELL for item in value.values())


def _wrapped_row(start: str, row: Mapping[str, Any]) -> Iterator[str]:
    line = f"{start} {{"
    for i, (key, item) in enumerate(row.items()):
        cell = f"{_scalar(key)}: {_scalar(item)}" + ("}" if i == len(row) - 1 else ",")
        if len(line) + 1 + len(cell) > WIDTH:
            yield line.rstrip()
            line = " " * (len(start) + 2)
        line += cell + " "
    yield line.rstrip()


def _folding(indent: int) -> dict[str, Any]:
    margin = " " * (indent + _INDENT)
    return {
        "initial_indent": margin,
        "subsequent_indent": margin,
        "break_long_words": False,
        "break_on_hyphens": False,
    }


def _foldable(text: str) -> bool:
    """Whether folding and unfolding give the text back: single spaces only."""
    return text.isprintable() and "  " not in text and text == text.strip()


def _scalar(value: Any, inside: bool = True) -> str:
    """A key or a value; `inside` brackets or braces commas need quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and len(str(value)) <= MAX_DIGITS:
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        text = repr(value)
        return text if "." in text else text.replace("e", ".0e")
    if not isinstance(value, str):
        raise ValueError(f"an entry cannot hold {value!r}: give text, a number, true, false, null, a list or a mapping")
    if _is_plain(value, inside):
        return value
    if value.isprintable() and ("\\" in value or '"' in value):
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(_escaped(character) for character in value) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    return "\\n" if character == "\n" else f"\\U{ord(character):08X}"


def _is_plain(text: str, inside: bool) -> bool:
    """Whether every reader takes the unquoted text for itself."""
    value, complaint, _ = plain_scalar(text)
    # Other readers take a bare date for a date.
    tag = _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    if value != text or complaint or tag != _TEXT or text != text.strip() or not text.isprintable():
        return False
    if not any(character.isalpha() for character in text):
        return False  # nor should a person have to think whether 2026-08 is a number
    # PyYAML ends unquoted text inside brackets at a question mark.
    signs = (": ", " #", "[", "]", "{", "}", ",", "?") if inside else (": ", " #")
    return text[0] not in _SPECIAL and text[-1] != ":" and not any(sign in text for sign in signs)
