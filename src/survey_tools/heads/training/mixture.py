"""What a small model reads: rows of tokens, each filled with documents of one task, drawn anew for every step.

The rows of a step depend on the seed and the step alone, so a run that was stopped goes on as if it never was.
Documents come from dev items and from fresh draws, never from a test split.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from survey_tools.heads.prompts.sequences import SequenceTask
from survey_tools.heads.prompts.task import TextTask
from survey_tools.heads.tasks import Task
from survey_tools.heads.training.fillers import FILLERS
from survey_tools.heads.training.fresh import FRESH
from survey_tools.heads.words.people import NAMES

FRESH_SHARE = 0.5
"""Of the documents of a task that has fresh draws; the others are its dev items."""
SHORTEST = 8
"""Tokens of the shortest random sequence: in short ones, an earlier copy is soon stumbled upon."""


@dataclass(frozen=True)
class Rows:
    """The rows of one step."""

    tokens: Int[Tensor, "row pos"]
    told: Bool[Tensor, "row pos"]
    """False where nothing before a token tells it: one drawn at random, a name that was not mentioned yet."""


@dataclass(frozen=True)
class Document:
    """One text, without BOS."""

    tokens: Sequence[int]
    told: Sequence[bool]


class Mixture:
    """Tasks with their shares of the rows, as tokens of one tokenizer.

    `pool` holds the tokens that random sequences are made of. Example: `mixture.rows(step=0).tokens`.
    """

    def __init__(
        self,
        shares: Sequence[tuple[Task, float]],
        tokenizer: Any,
        pool: Int[Tensor, " token"],
        *,
        seed: int,
        rows: int,
        length: int,
    ) -> None:
        self._tasks, self._shares = zip(*shares, strict=True)
        self._tokenizer, self._pool = tokenizer, pool
        self._seed, self._rows, self._length = seed, rows, length
        self._drawn = frozenset(tokenizer.convert_tokens_to_ids([*FILLERS, *NAMES]))
        self._dev = {task.id: self._dev_documents(task) for task in self._tasks if isinstance(task, TextTask)}

    def rows(self, step: int) -> Rows:
        """The rows that are read at `step`, the same at every call."""
        random = Random(f"{self._seed} {step}")  # a string, since the seeds of neighbouring numbers are alike
        tokens, told = [], []
        for task in random.choices(self._tasks, self._shares, k=self._rows):
            row, known = self._row(task, random)
            tokens.append(row)
            told.append(known)
        return Rows(torch.tensor(tokens), torch.tensor(told))

    def _row(self, task: Task, random: Random) -> tuple[list[int], list[bool]]:
        tokens: list[int] = []
        told: list[bool] = []
        while len(tokens) < self._length:
            document = self._document(task, random)
            tokens += [self._tokenizer.bos_token_id, *document.tokens]
            told += [False, *document.told]
        return tokens[: self._length], told[: self._length]

    def _document(self, task: Task, random: Random) -> Document:
        if isinstance(task, SequenceTask):
            return self._sequence(task, random)
        if task.id in FRESH and random.random() < FRESH_SHARE:
            return self._encoded(FRESH[task.id](random))
        return random.choice(self._dev[task.id])

    def _sequence(self, task: SequenceTask, random: Random) -> Document:
        generator = torch.Generator().manual_seed(random.getrandbits(60))
        longest = self._length - 1  # after BOS
        length = round(SHORTEST * (longest / SHORTEST) ** random.random())  # every doubling as likely as the next
        drawn = task.draw(self._pool, 1, length, generator)
        return Document(drawn.tokens[0].tolist(), drawn.scored[0].tolist())

    def _dev_documents(self, task: TextTask) -> tuple[Document, ...]:
        return tuple(self._encoded(item.prompt.text + answer) for item in task.items("dev") for answer in item.right)

    def _encoded(self, text: str) -> Document:
        tokens = self._tokenizer.encode(text, add_special_tokens=False)
        return Document(tokens, [t not in self._drawn or t in tokens[:i] for i, t in enumerate(tokens)])
