"""What passes the interception point: attention at asked-for pairs, and z of asked-for heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.interception import AttentionCall, attach, intercept

Head = tuple[int, int]
"""(layer, head), 0-based; prints as `L5H1`."""


def name_of(head: Head) -> str:
    """`L5H1` for (5, 1)."""
    return f"L{head[0]}H{head[1]}"


def attention_at(
    network: PreTrainedModel, tokens: Int[Tensor, "batch pos"], pairs: Int[Tensor, "pair 2"]
) -> list[Float[Tensor, "batch head pair"]]:
    """Attention at (query_pos, key_pos) pairs, one tensor a layer; no query x key pattern is ever stored.

    Example: `attention_at(network, tokens, torch.tensor([[5, 4]]))` is how much position 5 attends to 4.
    Raises DetectionError when a pair lies outside the prompt.
    """
    if len(pairs) and (pairs.min() < 0 or pairs.max() >= tokens.shape[1]):
        raise DetectionError(
            f"a pair names position {int(pairs.max())}, but the prompts have {tokens.shape[1]} tokens."
        )
    layers: dict[int, Tensor] = {}

    def read(call: AttentionCall) -> None:
        layers[call.layer] = call.attention_at(pairs)

    run(network, tokens, read, lse=True)
    return [layers[layer] for layer in range(len(layers))]


def capture_z(
    network: PreTrainedModel, tokens: Int[Tensor, "batch pos"], heads: Sequence[Head]
) -> dict[Head, Float[Tensor, "batch pos d_head"]]:
    """z (the input of W_O) of the asked-for heads at all positions."""
    captured: dict[Head, Tensor] = {}

    def read(call: AttentionCall) -> None:
        for layer, head in heads:
            if layer == call.layer:
                captured[layer, head] = call.z[:, :, head].clone()

    run(network, tokens, read)
    return captured


def mean_z(network: PreTrainedModel, tokens: Int[Tensor, "batch pos"]) -> list[Float[Tensor, "head d_head"]]:
    """Mean z of every head over prompts and positions: what mean ablation puts in its place."""
    means: dict[int, Tensor] = {}

    def read(call: AttentionCall) -> None:
        means[call.layer] = call.z.mean((0, 1))

    run(network, tokens, read)
    return [means[layer] for layer in range(len(means))]


def run(network: PreTrainedModel, tokens: Tensor, *taps: object, lse: bool = False) -> None:
    """One forward pass for its taps; logits are asked for at one position only, where the network allows."""
    attach(network)
    with torch.no_grad(), intercept(network, *taps, lse=lse):  # type: ignore[arg-type]
        network(input_ids=tokens, use_cache=False, **_few_logits(network, 1))


def _few_logits(network: PreTrainedModel, keep: int) -> dict[str, int]:
    """Ask for the logits of the last `keep` positions, where the network's forward knows how."""
    import inspect

    return {"logits_to_keep": keep} if "logits_to_keep" in inspect.signature(network.forward).parameters else {}


def last_logits(network: PreTrainedModel, tokens: Tensor, keep: int) -> Float[Tensor, "batch keep d_vocab"]:
    """Logits of the last `keep` positions."""
    logits: Tensor = network(input_ids=tokens, use_cache=False, **_few_logits(network, keep)).logits
    return logits[:, -keep:]
