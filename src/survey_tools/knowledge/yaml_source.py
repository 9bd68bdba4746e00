"""Strict YAML: the part of the language that cannot surprise, read with the place of everything.

Scalars follow the core schema of YAML 1.2 and nothing else: a date stays text, an unquoted `no` is
refused because other readers take it for false. Anchors, aliases, tags and a second document are refused:
an entry needs none, and nested aliases are how a small file becomes a huge one.

Events are read in one pass without places (every file goes through it, so it is the fast path); the
places of values are worked out by a second reading, only for a file that has a problem.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import yaml

from survey_tools.knowledge.file_text import Refusal, read_text
from survey_tools.knowledge.problems import FieldPath, Problem, field_name, shown

Value: TypeAlias = str | int | float | bool | list["Value"] | dict[str, "Value"] | None

MAX_DEPTH = 16
MAX_DIGITS = 18
"""Of a whole number: within 64 bits, and far from where Python refuses to convert."""

# libyaml when PyYAML was built with it, else the slower reader of the same events.
Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_AMBIGUOUS = ("yes", "no", "on", "off")
_SUSPECT = frozenset("~0123456789+-.nNtTfFyYoO")
"""First characters of plain scalars that may be something else than text."""
_INTEGER = re.compile(r"^[-+]?[0-9]+$")
_FLOAT = re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")
_FIXES = {
    "mapping values are not allowed": "put text that holds ': ' in quotes",
    "expected ',' or": "inside { } and [ ], put text that holds one of , { } [ ] in quotes",
    "expected key": "check the indentation of this line and of those above it",
    "expected ':'": "a line is 'key: value'",
    "unexpected end of stream": "close the quote",
    "cannot start any token": "put text that starts with @, `, % or the like in quotes",
}
"""What mostly lies behind the parser's words."""
_QUOTE = "quote it when it is text"
_OTHERS, _TEXT = yaml.resolver.Resolver(), "tag:yaml.org,2002:str"
_NOT_FINITE = re.compile(r"(?i)^[-+]?\.(inf|nan)$")


class Place(NamedTuple):
    """Where a value starts, and its raw text when it is a scalar."""

    line: int
    column: int
    raw: str | None


class _Stop(Exception):
    """The rest of the file cannot be trusted; the problem is already noted."""


@dataclass
class Source:
    """One file as read: its data (None when it could not be had) and what is wrong with it as YAML."""

    path: str
    text: str = ""
    data: dict[str, Value] | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def first_line(self) -> str:
        """The file's first line without its end."""
        return self.text.split("\n", 1)[0].rstrip("\r")

    def place(self, field_path: FieldPath, of_key: bool = False) -> Place:
        """Where the value at `field_path` starts (or its key); for what is not there, its parent."""
        way = self._way(field_path)
        if not way:
            return Place(1, 1, None)
        chosen = way[-1][0 if of_key else 1]
        raw = chosen.value if isinstance(chosen, yaml.ScalarNode) else None
        return Place(chosen.start_mark.line + 1, chosen.start_mark.column + 1, raw)

    def nodes(self, field_path: FieldPath) -> tuple[yaml.Node, yaml.Node] | None:
        """Key and value at `field_path` as PyYAML's nodes; None where it is not there."""
        way = self._way(field_path)
        return way[-1] if len(way) == len(field_path) + 1 else None

    def _way(self, field_path: FieldPath) -> list[tuple[yaml.Node, yaml.Node]]:
        """Keys and values from the root on, as far as the path leads."""
        if self._root is None:
            return []
        way = [(self._root, self._root)]
        for part in field_path:
            found = _child(way[-1][1], part)
            if found is None:
                break
            way.append(found)
        return way

    def problem(
        self, field_path: FieldPath, message: str, hint: str = "", of_key: bool = False, word: str = ""
    ) -> Problem:
        """A Problem at the value (or key) of `field_path`; at the first `word` in the value, where one is given."""
        place = self.place(field_path, of_key)
        line, column = self._first(word, place) if word else (place.line, place.column)
        return Problem(self.path, line, column, field_name(field_path), message, hint)

    def _first(self, word: str, place: Place) -> tuple[int, int]:
        lines = self.text.splitlines()
        found = re.compile(rf"(?<![\w.]){re.escape(word)}(?!\w|[.,]\d)")
        for number, line in enumerate(lines[place.line - 1 :], place.line):
            if match := found.search(line, place.column - 1 if number == place.line else 0):
                return number, match.start() + 1
        return place.line, place.column

    @cached_property
    def _root(self) -> yaml.Node | None:
        return compose(self.text)


def compose(text: str) -> yaml.Node | None:
    """The text as PyYAML's tree of nodes, each with its place; None where it is no YAML."""
    try:
        return yaml.compose(text, Loader=Loader)
    except yaml.YAMLError:
        return None


def _child(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def read_source(file: Path, path: str) -> Source:
    """Read `file`, called `path` in messages. Never raises: whatever is wrong is in `.problems`."""
    source = Source(path)
    try:
        source.text = read_text(file)
    except Refusal as refusal:
        source.problems.append(Problem(path, refusal.line, refusal.column, "", str(refusal), refusal.hint))
        return source
    parse(source)
    return source


def parse(source: Source) -> None:
    """Fill `source.data` from `source.text`, noting every problem; data stays None if it cannot be had."""
    reader = _Reader(source)
    try:
        reader.document()
    except _Stop:
        pass
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
        hint = next((fix for words, fix in _FIXES.items() if words in what), "")
        source.problems.append(Problem(source.path, line, column, "", f"is not valid YAML: {what}", hint))
    source.problems.sort()


class _Reader:
    """Builds the data of one document from parser events and notes what is refused on the way."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.loader = Loader(source.text)
        self.next = self.loader.get_event
        self.trail: list[str | int] = []
        """Where the reading stands; a path a value would cost more than reading the value."""

    def note(self, event: yaml.Event, message: str, hint: str = "") -> None:
        mark = event.start_mark
        assert mark is not None  # events of a parser always carry one
        where = field_name(tuple(self.trail))
        self.source.problems.append(Problem(self.source.path, mark.line + 1, mark.column + 1, where, message, hint))

    def document(self) -> None:
        self.next()  # the stream's start
        if isinstance(start := self.next(), yaml.StreamEndEvent):
            self.note(start, "holds only comments", "write the entry, or remove the file")
            return
        first = self.next()
        data = self.value(first)
        self.next()  # the document's end
        if not isinstance(more := self.next(), yaml.StreamEndEvent):
            self.note(more, "holds a second document", "remove the line '---': one entry a file")
        if isinstance(data, dict):
            self.source.data = data
        else:
            self.note(first, f"must be a mapping of 'key: value' lines, not {shown(data)}")

    def value(self, event: Any) -> Value:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            sign, kind = ("*", "alias") if isinstance(event, yaml.AliasEvent) else ("&", "anchor")
            hint = f"write the value out, or quote it when it is text that starts with '{sign}'"
            self.note(event, f"holds the {kind} {sign}{event.anchor}; anchors and aliases are refused", hint)
            raise _Stop
        if event.tag is not None:
            self.note(event, f"holds the tag {shown(event.tag)}; tags are refused", "remove it; quotes make text")
        if isinstance(event, yaml.ScalarEvent):
            if not event.implicit[0]:  # quoted, or a block of text
                return event.value
            value, complaint, hint = plain_scalar(event.value)
            if complaint:
                self.note(event, complaint, hint)
            return value
        if len(self.trail) >= MAX_DEPTH:
            self.note(event, f"is nested more than {MAX_DEPTH} deep")
            raise _Stop
        return self.mapping() if isinstance(event, yaml.MappingStartEvent) else self.sequence()

    def sequence(self) -> list[Value]:
        items: list[Value] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            self.trail.append(len(items))
            items.append(self.value(event))
            self.trail.pop()
        return items

    def mapping(self) -> dict[str, Value]:
        pairs: dict[str, Value] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.key(event)
            self.trail.append(key)
            if key in lines:
                self.note(event, f"is written twice, first in line {lines[key]}", "keep one of them")
                self.value(self.next())
            else:
                lines[key] = event.start_mark.line + 1
                pairs[key] = self.value(self.next())
            self.trail.pop()
        return pairs

    def key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self.note(event, "has a key that is not text", "write 'key: value' with a word as key")
            raise _Stop
        before = len(self.source.problems)
        key = self.value(event)
        if isinstance(key, str):
            return key
        if len(self.source.problems) == before:
            self.note(event, f"has the key {shown(key)}, which is not text", f"write '{event.value}'")
        return event.value


def is_text(text: str) -> bool:
    """Whether unquoted `text` is text to us and to readers of YAML 1.1, who take a bare date for a date."""
    value, complaint, _ = plain_scalar(text)
    tag = _OTHERS.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
    return value == text and not complaint and bool(tag == _TEXT)


@lru_cache(maxsize=8192)
def plain_scalar(text: str) -> tuple[str | int | float | bool | None, str, str]:
    """What unquoted `text` stands for, with a complaint and a hint when it should not stand there."""
    if text and text[0] not in _SUSPECT:
        return text, "", ""
    if text in _WORDS:
        return _WORDS[text], "", ""
    if text.casefold() in _AMBIGUOUS:
        hint = f"quote it when it is text: '{text}'; write true or false when it is a yes or a no"
        return text, f"{text} without quotes is read as a truth value by some programs", hint
    if _INTEGER.match(text):
        if len(text) <= MAX_DIGITS:
            return int(text), "", ""
        return text, f"is a number of {len(text)} digits", _QUOTE
    if _FLOAT.match(text):
        if math.isfinite(number := float(text)):
            return number, "", ""
        return text, f"{text} is too large for a number", _QUOTE
    if _NOT_FINITE.match(text):
        return text, f"{text} is not a number to be published", "leave the field out"
    return text, "", ""
