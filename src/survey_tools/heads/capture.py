"""What passes the interception point: attention at asked-for pairs, and z of asked-for heads.

Prompts of unequal length go into one batch with an `attention_mask` (1 for tokens, 0 for padding); a side on which
this network does not give a padded prompt the logits that it has alone is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.interception import AttentionCall, Tap, attach, intercept
from survey_tools.heads.interception.forward_pass import known_arguments, padded_sides, pass_arguments

Head = tuple[int, int]
"""(layer, head), 0-based; prints as `L5H1`."""
Mask = Int[Tensor, "batch pos"]
"""1 for tokens, 0 for padding."""
T = TypeVar("T")


def name_of(head: Head) -> str:
    """`L5H1` for (5, 1)."""
    return f"L{head[0]}H{head[1]}"


def all_heads(network: PreTrainedModel) -> tuple[Head, ...]:
    """Every (layer, head), layer by layer: the flat order of everything that is one number a head."""
    return tuple((layer, head) for layer, count in enumerate(attach(network).heads) for head in range(count))


def attention_at(
    network: PreTrainedModel,
    tokens: Int[Tensor, "batch pos"],
    pairs: Int[Tensor, "*batch pair 2"],
    attention_mask: Mask | None = None,
) -> list[Float[Tensor, "batch head pair"]]:
    """Attention at (query_pos, key_pos) pairs, one tensor a layer; no query x key pattern is ever stored.

    `pairs` is `[pair 2]` for all prompts or `[batch pair 2]` for each its own; positions count padding, too.

    Example: `attention_at(network, tokens, torch.tensor([[5, 4]]))` is how much position 5 attends to 4.
    Raises DetectionError when a pair lies outside the prompt.
    """
    if pairs.numel() and (pairs.min() < 0 or pairs.max() >= tokens.shape[1]):
        outside = pairs.min() if pairs.min() < 0 else pairs.max()
        raise DetectionError(f"a pair names position {int(outside)}, but the prompts have {tokens.shape[1]} tokens.")
    layers: dict[int, Tensor] = {}

    def read(call: AttentionCall) -> None:
        layers[call.layer] = call.attention_at(pairs)

    run(network, tokens, read, lse=True, attention_mask=attention_mask)
    return in_order(network, layers)


def capture_z(
    network: PreTrainedModel,
    tokens: Int[Tensor, "batch pos"],
    heads: Sequence[Head],
    attention_mask: Mask | None = None,
) -> dict[Head, Float[Tensor, "batch pos d_head"]]:
    """z (the input of W_O) of the asked-for heads at all positions; at padding it means nothing."""
    captured: dict[Head, Tensor] = {}

    def read(call: AttentionCall) -> None:
        for layer, head in heads:
            if layer == call.layer:
                captured[layer, head] = call.z[:, :, head].clone()

    run(network, tokens, read, attention_mask=attention_mask)
    return captured


def mean_z(
    network: PreTrainedModel, tokens: Int[Tensor, "batch pos"], attention_mask: Mask | None = None
) -> list[Float[Tensor, "head d_head"]]:
    """Mean z of every head over prompts and positions, padding left out: what mean ablation puts in its place."""
    means: dict[int, Tensor] = {}

    def read(call: AttentionCall) -> None:
        z = call.z if attention_mask is None else call.z[attention_mask.bool().to(call.z.device)][None]
        means[call.layer] = z.mean((0, 1))

    run(network, tokens, read, attention_mask=attention_mask)
    return in_order(network, means)


def in_order(network: PreTrainedModel, layers: Mapping[int, T]) -> list[T]:
    """What was read in each layer, first layer first. Raises DetectionError when one was passed by unseen."""
    expected = attach(network).layers
    missing = sorted(set(range(expected)) - layers.keys())
    if missing:
        raise DetectionError(
            f"{network.config.model_type}: attention of {len(layers)} of {expected} layers was seen in the forward "
            f"pass, not of layer {missing[0]}; load the network anew, unchanged."
        )
    return [layers[layer] for layer in range(expected)]


def run(
    network: PreTrainedModel,
    tokens: Int[Tensor, "batch pos"],
    *taps: Tap,
    lse: bool = False,
    attention_mask: Mask | None = None,
) -> None:
    """One forward pass for its taps; logits are asked for at one position only, where the network allows.

    Left-padded prompts get position ids that count from their first token. Raises DetectionError for a side of
    padding that this network does not serve exactly.
    """
    if attention_mask is not None:
        refuse_inexact_padding(network, attention_mask)
    with torch.no_grad(), intercept(network, *taps, lse=lse):
        network(
            input_ids=tokens, **pass_arguments(network, attention_mask), **known_arguments(network, logits_to_keep=1)
        )


def refuse_inexact_padding(network: PreTrainedModel, mask: Mask) -> None:
    """Raises DetectionError for a side of padding that this network does not serve exactly."""
    served = attach(network).padding
    for side, padded in zip(("left", "right"), padded_sides(mask), strict=True):
        if padded and side not in served:
            advice = f"pad on the {served[0]}" if served else "run prompts of one length"
            raise DetectionError(
                f"{network.config.model_type} gives other logits to a prompt padded on the {side} than to the prompt "
                f"alone; {advice}."
            )


def require_logits(network: PreTrainedModel) -> None:
    """Raises DetectionError for a network without unembedding: its hidden states or class scores are no logits."""
    if network.get_output_embeddings() is None:
        raise DetectionError(
            f"a {type(network).__name__} gives no logits over a vocabulary; load it with AutoModelForCausalLM."
        )


def last_logits(
    network: PreTrainedModel,
    tokens: Int[Tensor, "batch pos"],
    keep: int,
    attention_mask: Mask | None = None,
    position_ids: Int[Tensor, "#batch pos"] | None = None,
) -> Float[Tensor, "batch keep d_vocab"]:
    """Logits of the last `keep` positions of one forward pass; left-padded prompts count from their first token.

    Raises DetectionError for a network that gives none (`require_logits`).
    """
    require_logits(network)
    given = pass_arguments(network, attention_mask) | known_arguments(network, logits_to_keep=keep)
    if position_ids is not None:
        given["position_ids"] = position_ids
    unembed = network.get_output_embeddings()
    with ExitStack() as stack:
        # on a slice that is not contiguous a linear layer takes several times as long
        hook = unembed.register_forward_pre_hook(lambda _m, x: (x[0].contiguous(), *x[1:]))
        stack.callback(hook.remove)
        logits: Tensor = network(input_ids=tokens, **given).logits
    return logits[:, -keep:]
