"""Ordered classes of words: which member comes next? `Monday, Tuesday, Wednesday,` -> Thursday.

As data for weights: the tokens of each class in their order. As a behaviour: three neighbours in a row, and the next
against its neighbours; the twin is one place further. Source: gould-2023-successor-heads; the lists are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.prompts.vocabulary import single_token
from survey_tools.heads.words.order import DAYS, LETTERS, MONTHS, NUMBERS, ORDINALS

CLASSES = {"days": DAYS, "months": MONTHS, "number words": NUMBERS, "ordinals": ORDINALS, "letters": LETTERS}
SMALLEST = 5
"""A class is used when at least so many of its words, in a row, are single tokens."""
SHOWN = 3
NEAR = 3
"""Wrong answers are the members so near to the right one: the words shown, and those that come too early."""
ITEMS = 40
"""Prompts of a causal check."""
FRAMES = (
    " {shown}, {shown2}, {last},",
    "They come in this order: {shown}, {shown2}, {last},",
    "She counted aloud: {shown}, {shown2}, {last},",
    "First {shown}, then {shown2}, then {last}, then",
    "The list on the wall said {shown}, {shown2}, {last},",
)
"""The first is the plain list, as the paper has it; causal checks use it alone."""


@dataclass(frozen=True)
class OrderedClass:
    """A run of neighbours of one class that are single tokens."""

    name: str
    words: tuple[str, ...]
    tokens: Int[Tensor, " member"]


def ordered_classes(model: LoadedModel) -> tuple[tuple[OrderedClass, ...], int]:
    """The longest single-token run of every class that has one of `SMALLEST` words, and how many words were dropped.

    Raises DetectionError when no class is left.
    """
    if model.tokenizer is None:
        raise DetectionError(f"{model.id} has no tokenizer, so no word can be put to it.")
    classes, dropped = [], 0
    for name, words in CLASSES.items():
        ids = [single_token(model.tokenizer, word) for word in words]
        start, stop = _longest_run(ids)
        dropped += len(words) - (stop - start)
        if stop - start >= SMALLEST:
            classes.append(OrderedClass(name, words[start:stop], torch.tensor(ids[start:stop])))
        else:
            dropped += stop - start
    if not classes:
        raise DetectionError(
            f"the tokenizer of {model.id} splits the words of every ordered class; nothing is left to test."
        )
    return tuple(classes), dropped


def _longest_run(ids: list[int | None]) -> tuple[int, int]:
    best, begin = (0, 0), 0
    for index, token in enumerate([*ids, None]):
        if token is None:
            if index - begin > best[1] - best[0]:
                best = (begin, index)
            begin = index + 1
    return best


def _items() -> list[Item]:
    items = []
    for name, words in CLASSES.items():
        windows = len(words) - SHOWN
        for start in range(windows):
            other = start + 1 if start + 1 < windows else start - 1
            for index, frame in enumerate(FRAMES):
                answer = words[start + SHOWN]
                items.append(
                    Item(
                        key=f"{name} {answer}",
                        prompt=_shown(frame, words, start),
                        right=(f" {answer}",),
                        wrong=tuple(f" {word}" for word in _near(words, start + SHOWN) if word != answer),
                        frame=index,
                        twin=_shown(frame, words, other),
                        twin_right=(f" {words[other + SHOWN]}",),
                    )
                )
    return items


def _near(words: tuple[str, ...], answer: int) -> tuple[str, ...]:
    return words[max(0, answer - NEAR) : answer + NEAR + 1]


def _shown(frame: str, words: tuple[str, ...], start: int) -> Text:
    return Text.of(frame, shown=words[start], shown2=words[start + 1], last=words[start + SHOWN - 1])


TASK = TextTask(
    id="succession",
    name="succession",
    description="Three neighbours of an ordered class (days, months, numbers, ordinals, letters): which comes next?",
    source="gould-2023-successor-heads",
    make=_items,
    roles={"shown": "the first word shown", "shown2": "the one after it", "last": "the last word shown"},
    frames=len(FRAMES),
    needed=0.5,
)
behaviour = text_behaviour(TASK, ITEMS, only=lambda item: item.frame == 0, together=lambda item: item.key)
