"""Ordered classes of words: which member comes next? `Monday, Tuesday, Wednesday,` -> Thursday.

As data for weights: the tokens of each class in their order. As a behaviour: three neighbours in a row, and
the logit of the next against the mean of the class. Source: gould-2023-successor-heads; the lists are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.settings import Settings
from survey_tools.heads.tasks.behaviour import Batch, Behaviour
from survey_tools.heads.tasks.words import DAYS, LETTERS, MONTHS, NUMBERS, ORDINALS, encode, single_token

CLASSES = {"days": DAYS, "months": MONTHS, "number words": NUMBERS, "ordinals": ORDINALS, "letters": LETTERS}
SMALLEST = 5
"""A class is used when at least so many of its words, in a row, are single tokens."""
SHOWN = 3


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


def behaviour(model: LoadedModel, settings: Settings) -> Behaviour:
    """Logit of the next word of a class against the mean of the other members."""
    classes, dropped = ordered_classes(model)
    device = model.network.get_input_embeddings().weight.device
    batches, chances = [], []
    for group in classes:
        prompts, answers = [], []
        for first in range(len(group.words) - SHOWN):
            text = " " + ", ".join(group.words[first : first + SHOWN]) + ","
            prompts.append(encode(model.tokenizer, text, model.prepend_bos))
            answers.append(first + SHOWN)
            chances.append(1 / len(group.words))
        batches.append(
            _batch(torch.tensor(prompts, device=device), group.tokens.to(device), torch.tensor(answers, device=device))
        )
    return Behaviour(
        id="succession",
        name="logit of the next word above the mean of its class",
        unit="logits",
        harm="lower",
        capability_name="share of sequences whose next word is the likeliest of its class",
        chance=sum(chances) / len(chances),
        needed=0.5,
        batches=tuple(batches),
        dropped=dropped,
    )


def _batch(tokens: Tensor, members: Tensor, answers: Tensor) -> Batch:
    def among_members(logits: Float[Tensor, "prompt keep d_vocab"]) -> Float[Tensor, "prompt member"]:
        return logits[:, -1].float()[:, members]

    def difference(logits: Tensor) -> Float[Tensor, " prompt"]:
        own = among_members(logits)
        right = own[torch.arange(len(own)), answers]
        return right - (own.sum(1) - right) / (own.shape[1] - 1)

    return Batch(
        tokens=tokens,
        keep=1,
        score=difference,
        success=lambda logits: (among_members(logits).argmax(1) == answers).float(),
    )
