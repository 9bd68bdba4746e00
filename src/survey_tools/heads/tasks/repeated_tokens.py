"""Random tokens, then the same again: nothing but the context can tell what comes next.

Tokens are drawn without replacement from a fixed pool (with replacement a perfect induction head reads 0.58).
The broken twin keeps the first copy and goes on with other tokens. Source: elhage-2021-framework and
olsson-2022-induction-heads; the lengths are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.behaviour import Batch, Behaviour
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.context import context_of
from survey_tools.heads.prompts.sequences import NATS_NEEDED, Sequences, SequenceTask, token_pool
from survey_tools.heads.settings import Settings

SHORTEST = 16
"""Fewer tokens in a copy than this, and distances can't be told apart."""


@dataclass(frozen=True)
class RepeatedTokens:
    """`repeated` is [start | r | r], `fresh` is [start | r | s] with s unlike r."""

    repeated: Int[Tensor, "prompt pos"]
    fresh: Int[Tensor, "prompt pos"]
    start: int
    """1 where the tokenizer begins a text with a token of its own, else 0."""
    half_length: int
    pool: int
    """Number of tokens drawn from."""

    def rows(self, part: str) -> range:
        """Query positions: `all` but the first two, or those of the `second` copy, or all of these but the `last`."""
        length = self.repeated.shape[1]
        if part == "all":
            return range(self.start + 2, length)
        if part == "second":
            return range(self.start + self.half_length, length)
        return range(self.start + self.half_length, length - 1)


def draw(model: LoadedModel, prompts: int, half_length: int, seed: int) -> RepeatedTokens:
    """Draw prompts and their broken twins.

    A copy is shorter than `half_length` where the context or the vocabulary (two copies' worth of different
    tokens) asks for it; `RepeatedTokens.half_length` says what was drawn. Raises DetectionError below `SHORTEST`.
    """
    pool = token_pool(model)
    start = int(model.prepend_bos)
    length = _fitting_length(model, len(pool), start, half_length)
    generator = torch.Generator().manual_seed(seed)
    fresh = torch.stack([pool[torch.randperm(len(pool), generator=generator)[: 2 * length]] for _ in range(prompts)])
    both = torch.cat([fresh[:, :length], fresh[:, :length]], 1), fresh
    if start:
        assert model.tokenizer is not None
        bos = torch.full((prompts, 1), model.tokenizer.bos_token_id)
        both = torch.cat([bos, both[0]], 1), torch.cat([bos, both[1]], 1)
    device = model.network.get_input_embeddings().weight.device
    return RepeatedTokens(both[0].to(device), both[1].to(device), start, length, len(pool))


def _fitting_length(model: LoadedModel, pool: int, start: int, half_length: int) -> int:
    context = context_of(model.network) or start + 2 * half_length
    length = min(half_length, pool // 2, (context - start) // 2)
    if length < SHORTEST:
        raise DetectionError(
            f"{model.id} reads {context} tokens and has {pool} to draw from; two copies of {SHORTEST} different "
            "random tokens do not fit, so attention on repeats can't be tested on it."
        )
    return length


def behaviour(model: LoadedModel, settings: Settings) -> Behaviour:
    """Loss on the second copy, and the nats that the repetition saves against the broken twin."""
    task = draw(model, settings.cause_prompts, settings.cause_half_length, settings.seed + 1)
    keep = task.half_length
    start = task.repeated[:, : task.start]
    # the twin ends in the very same tokens, after others: only the repetition differs
    twin = torch.cat([start, task.fresh[:, task.start + keep :], task.fresh[:, task.start : task.start + keep]], 1)
    fresh_loss = _loss(_last_logits(model.network, twin, keep), twin)
    batch = Batch(
        tokens=task.repeated,
        keep=keep,
        score=lambda logits: _loss(logits, task.repeated),
        success=lambda logits: fresh_loss - _loss(logits, task.repeated),
    )
    return Behaviour(
        id="repeated-tokens",
        name="loss on the second copy of random tokens",
        unit="nats",
        harm="higher",
        capability_name="nats saved by the repetition",
        chance=0.0,
        needed=NATS_NEEDED,
        batches=(batch,),
    )


def _loss(logits: Float[Tensor, "prompt keep d_vocab"], tokens: Tensor) -> Float[Tensor, " prompt"]:
    """Mean loss on the last keep - 1 tokens, each read off the logits one place before."""
    keep = logits.shape[1]
    log_p = logits[:, :-1].float().log_softmax(-1)
    return -log_p.gather(-1, tokens[:, -keep + 1 :, None])[..., 0].mean(1)


def _last_logits(network: PreTrainedModel, tokens: Tensor, keep: int) -> Tensor:
    from survey_tools.heads.capture import last_logits

    with torch.no_grad():
        return last_logits(network, tokens, keep)


def _sequences(pool: Int[Tensor, " token"], prompts: int, length: int, generator: torch.Generator) -> Sequences:
    """[r | r], whose second copy but for its first token is told by the first; the twin is [s | r]."""
    half = min(length, len(pool)) // 2
    drawn = torch.stack([pool[torch.randperm(len(pool), generator=generator)[: 2 * half]] for _ in range(prompts)])
    second = torch.zeros(prompts, 2 * half, dtype=torch.bool)
    second[:, half:] = True
    told = second.clone()
    told[:, half] = False
    return Sequences(
        tokens=torch.cat([drawn[:, :half], drawn[:, :half]], 1),
        twin=torch.cat([drawn[:, half:], drawn[:, :half]], 1),
        scored=told,
        roles={"second copy": second},
    )


TASK = SequenceTask(
    id="repeated-tokens",
    name="repeated random tokens",
    description="Random tokens come a second time in the same order: each is told by what followed its earlier copy.",
    source="olsson-2022-induction-heads",
    draw=_sequences,
    roles={"second copy": "the tokens that come a second time"},
)
