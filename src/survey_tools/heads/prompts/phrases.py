"""Phrases put together with their gold structure: dependencies word by word, and brackets around constituents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from survey_tools.heads.prompts.task import Arc
from survey_tools.heads.prompts.text import Span, Text

HEAD = "head"
Part: TypeAlias = "tuple[str, Phrase | str]"


@dataclass(frozen=True)
class Phrase:
    """Words, which of them is the head, and the structure among them; words are counted from 0."""

    words: tuple[str, ...]
    head: int
    arcs: tuple[tuple[int, int, str], ...] = ()
    """(dependent, head, relation)."""
    brackets: tuple[tuple[int, int, str], ...] = ()
    """(first word, end, label), inner ones before those around them."""

    def text(self) -> Text:
        """The words with a space between them; each has its own role `w0`, `w1`, ..., each bracket its label's."""
        starts, at = [], 0
        for word in self.words:
            starts.append(at)
            at += len(word) + 1
        ends = [start + len(word) for start, word in zip(starts, self.words, strict=True)]
        words = [Span(start, end, f"w{i}") for i, (start, end) in enumerate(zip(starts, ends, strict=True))]
        brackets = [Span(starts[first], ends[end - 1], label) for first, end, label in self.brackets]
        return Text(" ".join(self.words), tuple(sorted([*words, *brackets])))

    def gold(self) -> tuple[Arc, ...]:
        """The arcs between the roles of `text()`; the root has none."""
        return tuple(Arc(f"w{dependent}", f"w{head}", relation) for dependent, head, relation in sorted(self.arcs))


def phrase(label: str, *parts: Part) -> Phrase:
    """Join parts, each with its relation to the one that is the `HEAD`; the label `""` leaves out the bracket.

    A part is a phrase or a single word. Raises ValueError unless exactly one part is the head.

    Example: `phrase("NP", ("det", "the"), ("amod", "old"), (HEAD, "farmer"))`.
    """
    relations = [relation for relation, _ in parts]
    if relations.count(HEAD) != 1:
        raise ValueError(f"a phrase has one head, not {relations.count(HEAD)}: {', '.join(relations)}.")
    words: list[str] = []
    heads: list[int] = []
    arcs: list[tuple[int, int, str]] = []
    brackets: list[tuple[int, int, str]] = []
    for _, part in parts:
        inner = part if isinstance(part, Phrase) else Phrase((part,), 0)
        at = len(words)
        heads.append(at + inner.head)
        arcs += [(at + dependent, at + head, relation) for dependent, head, relation in inner.arcs]
        brackets += [(at + first, at + end, inside) for first, end, inside in inner.brackets]
        words += inner.words
    head = heads[relations.index(HEAD)]
    arcs += [(own, head, relation) for own, relation in zip(heads, relations, strict=True) if relation != HEAD]
    if label:
        brackets.append((0, len(words), label))
    return Phrase(tuple(words), head, tuple(arcs), tuple(brackets))
