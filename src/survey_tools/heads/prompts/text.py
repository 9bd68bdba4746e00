"""A text whose passages have roles: who is the subject, where the needle stands, which letters are options.

Roles are spans of characters, so that a text knows no tokenizer; `rendering` turns them into token positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import Formatter

UNMARKED = "_"
"""A field whose name begins so is filled in and gets no role."""


@dataclass(frozen=True, order=True)
class Span:
    """Characters `start` to `stop` (exclusive) of a text, and what they are in it."""

    start: int
    stop: int
    role: str


@dataclass(frozen=True)
class Text:
    """A text and the roles of its passages; a role may have several spans, and spans may nest."""

    text: str
    spans: tuple[Span, ...] = ()

    @classmethod
    def of(cls, frame: str, **fillings: str | Text) -> Text:
        """Fill a frame; every field becomes a span with the field's name as its role.

        `{subject}` takes the filling of that name, as often as it stands there; `{subject:the boy}` marks words of the
        frame itself; `{_word}` is filled in unmarked. A filling that is a `Text` brings its own roles along.
        Raises KeyError for a field without a filling, ValueError for a filling without a field: a typo in a task.

        Example: `Text.of("{s1} and {io} sat; {s2} gave a drink to", s1="John", io="Mary", s2="John")`.
        """
        text, spans, used = "", [], set()
        for literal, field, words, _ in Formatter().parse(frame):
            text += literal
            if field is None:
                continue
            if not words:
                used.add(field)
            filling = words or fillings[field]
            start = len(text)
            if isinstance(filling, Text):
                spans += [Span(start + span.start, start + span.stop, span.role) for span in filling.spans]
                filling = filling.text
            text += filling
            if not field.startswith(UNMARKED):
                spans.append(Span(start, len(text), field))
        if unused := set(fillings) - used:
            raise ValueError(f"the frame {frame!r} has no field for {', '.join(sorted(unused))}.")
        return cls(text, tuple(sorted(spans)))

    def __add__(self, other: Text | str) -> Text:
        """Two texts one after the other, roles kept."""
        if isinstance(other, str):
            return Text(self.text + other, self.spans)
        shift = len(self.text)
        moved = (Span(shift + span.start, shift + span.stop, span.role) for span in other.spans)
        return Text(self.text + other.text, (*self.spans, *moved))

    def passages(self, role: str) -> tuple[str, ...]:
        """The words of every span of a role, in order."""
        return tuple(self.text[span.start : span.stop] for span in self.spans if span.role == role)

    @property
    def roles(self) -> frozenset[str]:
        """All roles that occur."""
        return frozenset(span.role for span in self.spans)
