"""Tasks of tokens drawn at random: only the context can tell what comes next, so no tokenizer or training helps.

Each has a twin that shares the tokens to be predicted and lacks what tells them; the nats that the context saves are
the loss on the twin minus the loss on the prompt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.context import context_of
from survey_tools.heads.prompts.task import Split

POOL_FROM = 20_000
"""The pool is taken from the first ids of a vocabulary: late ones are rare, and hardly trained in small models."""
NATS_NEEDED = 0.5


@dataclass(frozen=True)
class Sequences:
    """Prompts drawn at random and their twins, without a BOS token."""

    tokens: Int[Tensor, "prompt pos"]
    twin: Int[Tensor, "prompt pos"]
    scored: Bool[Tensor, "prompt pos"]
    """Tokens that the context tells; the twin has the same ones there."""
    roles: Mapping[str, Bool[Tensor, "prompt pos"]]


@dataclass(frozen=True, kw_only=True)
class SequenceTask:
    """A behaviour on tokens drawn at random."""

    id: str
    name: str
    """A noun phrase: `repeated random tokens`."""
    description: str
    """One line: what is to be predicted."""
    source: str | None
    """Id of the paper the task comes from. None: the task is ours."""
    draw: Callable[[Int[Tensor, " token"], int, int, torch.Generator], Sequences]
    """`draw(pool, prompts, length, generator)`: prompts of `length` tokens or a few less, made of the pool's."""
    roles: Mapping[str, str]
    """Every role, and what it marks."""
    length: int = 40
    """Tokens of a prompt in a capability test."""
    needed: float | None = NATS_NEEDED
    """Nats that the context must save for the behaviour to count as present."""


def token_pool(model: LoadedModel) -> Int[Tensor, " token"]:
    """Ids to draw from: no special token, no single character or byte."""
    size = model.network.get_input_embeddings().weight.shape[0]
    if model.tokenizer is None:
        return torch.arange(3, min(size, POOL_FROM))
    special = set(model.tokenizer.all_special_ids)
    words = model.tokenizer.convert_ids_to_tokens(list(range(min(size, POOL_FROM, len(model.tokenizer)))))
    ids = [
        index
        for index, word in enumerate(words)
        if index not in special and word and len(word.lstrip("Ġ▁ ")) >= 2 and not word.startswith("<")
    ]
    return torch.tensor(ids)


def sequences(task: SequenceTask, model: LoadedModel, prompts: int, split: Split = "test") -> Sequences:
    """Prompts of one split for a model, with the BOS token its tokenizer starts texts with, on its device.

    The split and the task's id are the seed: the first n of a split are the same for every n. Raises DetectionError
    where the vocabulary or the context is too small.
    """
    pool, context = token_pool(model), context_of(model.network)
    if len(pool) < task.length:
        raise DetectionError(
            f"{model.id} has {len(pool)} tokens to draw from; a prompt of {task.id} needs {task.length} different ones."
        )
    if context is not None and context < task.length + int(model.prepend_bos):
        raise DetectionError(f"{model.id} reads {context} tokens; a prompt of {task.id} has {task.length} and a start.")
    drawn = [task.draw(pool, 1, task.length, _generator(task.id, split, number)) for number in range(prompts)]
    device = model.network.get_input_embeddings().weight.device

    def joined(parts: list[Tensor], first: int | bool) -> Tensor:
        whole = torch.cat(parts)
        if model.prepend_bos:
            whole = torch.cat([whole.new_full((len(whole), 1), first), whole], 1)
        return whole.to(device)

    bos = model.tokenizer.bos_token_id if model.tokenizer is not None and model.prepend_bos else 0
    return Sequences(
        tokens=joined([d.tokens for d in drawn], bos),
        twin=joined([d.twin for d in drawn], bos),
        scored=joined([d.scored for d in drawn], False),
        roles={role: joined([d.roles[role] for d in drawn], False) for role in task.roles},
    )


def scored_loss(
    logits: Float[Tensor, "prompt pos d_vocab"], tokens: Int[Tensor, "prompt pos"], scored: Bool[Tensor, "prompt pos"]
) -> Float[Tensor, " prompt"]:
    """Mean loss in nats of every prompt's scored tokens, each read off the logits one place before."""
    log_p = logits[:, :-1].float().log_softmax(-1).gather(-1, tokens[:, 1:, None])[..., 0]
    asked = scored[:, 1:]
    return -(log_p * asked).sum(1) / asked.sum(1)


def _generator(task: str, split: Split, number: int) -> torch.Generator:
    seed = hashlib.sha256(f"{task} {split} {number}".encode()).digest()[:7]
    return torch.Generator().manual_seed(int.from_bytes(seed, "big"))
