"""What a task is: items with known answers, made of text alone, so that any tokenizer can be given them.

Dev is for making a detector, test for measuring with it. An item's `key` names what it is about (a pair of names, a
fact, a verb) and decides its split, so that nothing a detector was made on returns in the test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

from survey_tools.errors import DetectionError
from survey_tools.heads.prompts.text import Text

Split: TypeAlias = Literal["dev", "test"]
ENOUGH = 200
"""Distinct test items that a task has, unless `fewer` says why not."""
DEV_SHARE = 0.25
FRAMES = 5


@dataclass(frozen=True)
class Arc:
    """One gold dependency: two roles of an item's text, and the relation between them."""

    dependent: str
    head: str
    relation: str


@dataclass(frozen=True)
class Item:
    """A prompt, what continues it rightly, and what wrongly.

    Continuations are written as they follow the prompt, mostly with a space in front. The model is asked which of
    `right` and `wrong` it expects: at the first token where they differ.
    """

    key: str
    """What the item is about; items of one key share a split, and count as one in intervals."""
    prompt: Text
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    frame: int = 0
    """Which sentence frame it was made with."""
    twin: Text | None = None
    """The corrupted prompt, for patching: as like the prompt as can be, and without what makes `right` right."""
    twin_right: tuple[str, ...] = ()
    """Which of `right` and `wrong` are right after the twin; empty where none is."""
    label: str = ""
    """One of the task's `labels`."""
    arcs: tuple[Arc, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TextTask:
    """A behaviour as items of text."""

    id: str
    """As the file's name, with hyphens."""
    name: str
    """A noun phrase: `indirect object identification`."""
    description: str
    """One line: what is asked."""
    source: str | None
    """Id of the paper the task comes from; the words are ours. None: the task is ours."""
    make: Callable[[], Sequence[Item]]
    """All items of both splits, in any order, the same on every call."""
    roles: Mapping[str, str]
    """Every role of the texts, and what it marks."""
    frames: int
    """Number of sentence frames; `FRAMES` or more where the task uses sentences."""
    labels: tuple[str, ...] = ()
    """Classes that probes tell apart; `()`: the items have no labels."""
    labelled_role: str = ""
    """Whose words the label is about: what an encoder is given, and where probes read."""
    several_tokens: tuple[str, ...] = ()
    """Roles that must be split by the tokenizer; items where one is not are dropped."""
    form: Literal["text", "request"] = "text"
    """`request`: put to the model as a user's message, where its tokenizer has a chat template."""
    needed: float | None = None
    """The lower end of the interval must be above it for the behaviour to count as present. None: chance."""
    fewer: str = ""
    """Why there are fewer than `ENOUGH` distinct test items, where that is so."""

    def items(self, split: Split) -> tuple[Item, ...]:
        """Items of one split, mixed: any first n of them hold every frame and kind alike.

        Raises DetectionError when the task contradicts itself; the sentence names the item.
        """
        return _split_items(self)[split]


@cache
def _checked_items(make: Callable[[], Sequence[Item]], task: str) -> tuple[Item, ...]:
    items = tuple(make())
    seen: set[str] = set()
    for item in items:
        if item.prompt.text in seen:
            raise DetectionError(f"task {task} makes {item.prompt.text!r} twice; make every prompt once.")
        seen.add(item.prompt.text)
        if not item.right or not item.wrong or set(item.right) & set(item.wrong):
            raise DetectionError(
                f"{item.prompt.text!r} of task {task} needs right and wrong continuations that differ."
            )
        if not set(item.twin_right) <= {*item.right, *item.wrong}:
            raise DetectionError(f"the twin of {item.prompt.text!r} of task {task} has an answer that is no option.")
    return items


def _split_items(task: TextTask) -> dict[Split, tuple[Item, ...]]:
    mixed = sorted(_checked_items(task.make, task.id), key=lambda item: _hash(f"{task.id} {item.prompt.text}"))
    for item in mixed:
        if item.label not in (task.labels or ("",)):
            raise DetectionError(f"{item.prompt.text!r} of task {task.id} has label {item.label!r}, not in its labels.")
        if task.labels and not item.prompt.passages(task.labelled_role):
            raise DetectionError(f"{item.prompt.text!r} of task {task.id} has a label and no {task.labelled_role!r}.")
        if unknown := (item.prompt.roles | (item.twin.roles if item.twin else frozenset())) - set(task.roles):
            raise DetectionError(f"task {task.id} does not describe its role {', '.join(sorted(unknown))}.")
    dev = {item.key for item in mixed if _hash(f"{task.id} {item.key}") < DEV_SHARE}
    return {
        "dev": tuple(item for item in mixed if item.key in dev),
        "test": tuple(item for item in mixed if item.key not in dev),
    }


def _hash(text: str) -> float:
    """A number in [0, 1) that only the text decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48
