"""Per-head weights that act on the right, and the OV circuit as a factored pair.

`x @ W_V[head] @ W_O[head]` is what a head writes about a (normed) residual vector x it attends to. Under
grouped key heads W_V is repeated, so that every query head has its own row.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.architectures import (
    attention_layout,
    block_paths,
    first_of,
    is_conv1d,
    mlp_silenced,
)
from survey_tools.heads.arithmetic import tolerance
from survey_tools.heads.interception import AttentionCall, attach, intercept


@dataclass(frozen=True)
class OVCircuit:
    """W_V and W_O of every query head of one layer; W_V @ W_O is never formed."""

    W_V: Float[Tensor, "head d_model d_head"]
    b_V: Float[Tensor, "head d_head"] | None
    W_O: Float[Tensor, "head d_head d_model"]

    def value(self, x: Float[Tensor, "item d_model"]) -> Float[Tensor, "head item d_head"]:
        """Values of normed residual vectors."""
        v = torch.einsum("id,hde->hie", x, self.W_V)
        return v if self.b_V is None else v + self.b_V[:, None]


def output_weight(network: PreTrainedModel, layer: int) -> Float[Tensor, "head d_head d_model"]:
    """W_O of every head; proved by `heads_add_up`."""
    facts = attach(network)
    out = attention_layout(network, layer).out
    weight: Tensor = out.weight  # type: ignore[assignment]
    inward = weight if is_conv1d(out) else weight.T
    heads, width = facts.heads[layer], facts.d_heads[layer]
    if inward.shape[0] != heads * width:
        raise ArchitectureRefused(
            f"layer {layer}: W_O reads {inward.shape[0]} numbers, the heads give {heads} x {width}; "
            "heads do not add up here."
        )
    return inward.reshape(heads, width, -1)


def ov_circuit(network: PreTrainedModel, layer: int) -> OVCircuit:
    """The OV circuit of every query head of one layer."""
    value = attention_layout(network, layer).value
    repeats = attach(network).heads[layer] // value.columns.shape[0]
    bias = value.bias()
    return OVCircuit(
        W_V=value.weight().repeat_interleave(repeats, 0),
        b_V=None if bias is None else bias.repeat_interleave(repeats, 0),
        W_O=output_weight(network, layer),
    )


def heads_add_up(network: PreTrainedModel, tokens: Tensor) -> None:
    """Prove on `tokens` that the heads' writes add up to what each attention block adds to the residual stream.

    With the MLP of every block silenced, block output minus block input must be the sum over heads of z @ W_O
    (plus bias). Raises ArchitectureRefused where it is not so: a gate before W_O, a norm or a multiplier after it
    (Gemma 2 and 3 have one), and reading single heads' writes would be wrong.
    """
    facts = attach(network)
    modules = dict(network.named_modules())
    blocks = [modules[path] for path in block_paths(network)]
    added: dict[int, Tensor] = {}
    summed: dict[int, Tensor] = {}

    def add(call: AttentionCall) -> None:
        result = torch.einsum("bqhe,hed->bqd", call.z, output_weight(network, call.layer))
        bias = attention_layout(network, call.layer).out.bias
        summed[call.layer] = result if bias is None else result + bias  # type: ignore[operator]

    with ExitStack() as stack:
        for layer, block in enumerate(blocks):
            stack.enter_context(mlp_silenced(block, facts.paths[layer]))
            hook = block.register_forward_hook(
                lambda _m, args, kwargs, output, layer=layer: added.__setitem__(
                    layer, first_of(output) - (args[0] if args else kwargs["hidden_states"])
                ),
                with_kwargs=True,
            )
            stack.callback(hook.remove)
        with torch.no_grad(), intercept(network, add):
            network.base_model(input_ids=tokens, use_cache=False)
    allowed = tolerance(next(network.parameters()).dtype)
    for layer in range(facts.layers):
        gap = float((added[layer] - summed[layer]).abs().max() / added[layer].abs().max().clamp_min(1e-6))
        if not gap <= allowed:
            raise ArchitectureRefused(
                f"layer {layer} ({facts.paths[layer]}): the heads' writes do not add up to what the layer adds to the "
                f"residual stream (off by {gap:.1e} of the largest number), so what single heads write can't be read "
                "here; a norm or a gate stands between."
            )
