"""A problem of an entry, with the place to look at and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from survey_tools.errors import KnowledgeError

FieldPath: TypeAlias = tuple[str | int, ...]
"""The way to a value inside a file: `("heads", 2, "layer")`, printed `heads[2].layer`."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong in one file; `str` gives `path:line:column: field: message; hint`.

    `path` is relative to the root with forward slashes, `line` and `column` count from 1, and `field` is
    empty when the problem is about the file as a whole.
    """

    path: str
    line: int
    column: int
    field: str
    message: str
    hint: str = ""

    @property
    def sentence(self) -> str:
        """Field, message and hint on one line, without the place."""
        text = f"{self.field}: {self.message}" if self.field else self.message
        return one_line(f"{text}; {self.hint}" if self.hint else text)

    def __str__(self) -> str:
        return f"{one_line(self.path)}:{self.line}:{self.column}: {self.sentence}"


def one_line(text: str) -> str:
    """Escape what does not print: a file must not be able to write lines of its own into a report."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shown(value: object, limit: int = 60) -> str:
    """A found value for a message: quoted when it is text, cut when it is long."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return f"'{text}'" if isinstance(value, str) else text


def field_name(field_path: FieldPath) -> str:
    """`("heads", 2, "layer")` as `heads[2].layer`."""
    name = ""
    for part in field_path:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name


MOST_SHOWN = 10
"""Of an error that stops a command; `survey check` is the one that prints them all."""


def raise_for(problems: Sequence[Problem]) -> None:
    """Raise KnowledgeError with all of `problems` when there are any.

    Raises:
        KnowledgeError: the message counts them and prints the first ten; `.problems` holds them all.
    """
    if not problems:
        return
    lines = "\n".join(f"  {problem}" for problem in problems[:MOST_SHOWN])
    if len(problems) > MOST_SHOWN:
        lines += f"\n  and {len(problems) - MOST_SHOWN} more"
    raise KnowledgeError(f"the entries cannot be used; {count(problems)}:\n{lines}", tuple(problems))


def count(problems: Sequence[Problem]) -> str:
    """`3 problems in 2 files`."""
    files = len({problem.path for problem in problems})
    return f"{plural(len(problems), 'problem')} in {plural(files, 'file')}"


def plural(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
