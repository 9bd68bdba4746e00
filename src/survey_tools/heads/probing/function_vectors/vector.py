"""The function vector: what the heads that carry a task write together, added to prompts that do not name it.

    v = sum over chosen heads of z_mean @ W_O

Added to the residual stream after a block, at the last position of a prompt without examples, it makes the network
do the task, where the heads were the right ones (todd-2023-function-vectors). The control is the vector of as many
random heads of the same layers: it is as large, and holds their means of the same prompts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.calibrate import mean_interval, random_head_sets, rank_p
from survey_tools.heads.capture import Head, all_heads, name_of
from survey_tools.heads.interception import attach
from survey_tools.heads.probing.function_vectors.last_position import BATCH, LastPosition, answer_probabilities
from survey_tools.heads.weights.architectures import block_paths, first_of
from survey_tools.heads.weights.per_head import heads_add_up, output_weight

RANDOM_SETS = 100


def function_vector(
    network: PreTrainedModel, means: Float[Tensor, "head d_head"], heads: Sequence[Head]
) -> Float[Tensor, " d_model"]:
    """Sum of the mean head_results of `heads`; `means` has a row for every head of the network.

    Raises DetectionError for a head that does not exist, ArchitectureRefused where what heads write does not add
    up in the residual stream.
    """
    _require_adding_up(network)
    return _sum_of_results(network, means, heads)


def random_head_vectors(
    network: PreTrainedModel,
    means: Float[Tensor, "head d_head"],
    heads: Sequence[Head],
    draws: int = RANDOM_SETS,
    seed: int = 0,
) -> Float[Tensor, "draw d_model"]:
    """Function vectors of as many other heads of the same layers, at most `draws`; fewer where no more sets exist.

    Raises DetectionError when a layer has fewer other heads than chosen ones.
    """
    _require_adding_up(network)
    sets = random_head_sets(heads, attach(network).heads, draws, torch.Generator().manual_seed(seed)).sets
    if not sets:
        raise DetectionError("more than half of the heads of a layer were chosen, so none are left to compare with.")
    return torch.stack([_sum_of_results(network, means, chosen) for chosen in sets])


@dataclass(frozen=True)
class VectorEffect:
    """The gain in probability of the right answer from adding a vector after each block."""

    layers: tuple[int, ...]
    baseline: Float[Tensor, " prompt"]
    """Probability of the answer without it."""
    gain: Float[Tensor, "layer prompt"]
    low: Float[Tensor, " layer"]
    high: Float[Tensor, " layer"]
    """95 % interval of the mean gain over prompts."""
    random: Float[Tensor, "draw layer"]
    """Mean gain from each of the vectors to compare with."""

    @property
    def p_values(self) -> Float[Tensor, " layer"]:
        """Rank of the mean gain among the random vectors, one-sided; 1 / (1 + draws) at best."""
        as_good = (self.random >= self.gain.mean(1)).sum(0)
        return rank_p(as_good, len(self.random)).float()


def vector_effects(
    network: PreTrainedModel,
    prompts: Sequence[Int[Tensor, " _pos"]],
    answers: Int[Tensor, " prompt"],
    vector: Float[Tensor, " d_model"],
    random: Float[Tensor, "draw d_model"] | None = None,
    layers: Sequence[int] | None = None,
    batch: int = BATCH,
) -> VectorEffect:
    """Add `vector` at the last position after each of `layers` (None: all), and compare with `random` ones.

    `prompts` are without examples; `answers` their right next tokens. Layers that are best on these prompts are
    chosen by them: report another set of prompts for the one that you pick.
    Raises DetectionError for a layer that does not exist, or a vector of another width.
    """
    blocks = block_paths(network)
    chosen = tuple(range(len(blocks)) if layers is None else layers)
    vectors = vector[None] if random is None else torch.cat([vector[None], random])
    for layer in chosen:
        if not 0 <= layer < len(blocks):
            raise DetectionError(f"layer {layer} does not exist in this network of {len(blocks)} layers.")

    def under(last: LastPosition, _numbers: list[int]) -> Iterator[Tensor]:
        yield last.logits()[0]
        for layer in chosen:
            with adding(network, layer, vectors):
                yield from last.logits(copies=len(vectors))

    found = answer_probabilities(network, prompts, answers, under, batch)
    gains = (found[1:] - found[0]).reshape(len(chosen), len(vectors), -1)
    low, high = mean_interval(gains[:, 0].T)
    return VectorEffect(chosen, found[0], gains[:, 0], low, high, gains[:, 1:].mean(2).T)


@contextmanager
def adding(network: PreTrainedModel, layer: int, vectors: Float[Tensor, "copy d_model"]) -> Iterator[None]:
    """Add a vector to the residual stream after block `layer`, at the last position, inside the `with` block.

    With several vectors row `prompt * copies + copy` gets vector `copy`. With one, generating under it adds it at
    every step. Raises DetectionError for vectors of another width than the residual stream.
    """
    block = dict(network.named_modules())[block_paths(network)[layer]]

    def add(_module: Any, _arguments: Any, output: Any) -> Any:
        hidden = first_of(output)
        if vectors.shape[-1] != hidden.shape[-1]:
            raise DetectionError(
                f"the vector has {vectors.shape[-1]} numbers, the residual stream {hidden.shape[-1]}; it must be "
                "what W_O gives, not z."
            )
        changed = hidden.clone()
        changed[:, -1] += vectors.repeat(len(hidden) // len(vectors), 1).to(hidden)
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    hook = block.register_forward_hook(add)
    try:
        yield
    finally:
        hook.remove()


def _sum_of_results(network: PreTrainedModel, means: Tensor, heads: Sequence[Head]) -> Tensor:
    rows = {head: row for row, head in enumerate(all_heads(network))}
    if len(means) != len(rows):
        raise DetectionError(f"means of {len(means)} heads were given for a network of {len(rows)} heads.")
    unknown = [head for head in heads if head not in rows]
    if unknown:
        raise DetectionError(f"{name_of(unknown[0])} does not exist in this network of {len(rows)} heads.")
    total = torch.zeros(())
    for head in heads:
        W_O = output_weight(network, head[0])[head[1]].float().cpu()
        total = total + means[rows[head], : len(W_O)] @ W_O
    return total


def _require_adding_up(network: PreTrainedModel) -> None:
    vocabulary = network.get_input_embeddings().weight
    heads_add_up(network, (torch.arange(8) % len(vocabulary))[None].to(vocabulary.device))
