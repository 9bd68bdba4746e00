"""Per-head weights that act on the right, and the OV circuit as a factored pair.

`x @ W_V[head] @ W_O[head]` is what a head writes about a (normed) residual vector x it attends to. Under
grouped key heads W_V is repeated, so that every query head has its own row.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.architectures import _is_conv1d, attention_layout
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
    inward = weight if _is_conv1d(out) else weight.T
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


def heads_add_up(network: PreTrainedModel, tokens: Tensor, tolerance: float = 1e-4) -> None:
    """Prove on `tokens` that the sum over heads of z @ W_O (plus bias) is what each attention block writes.

    Raises ArchitectureRefused where it is not so: a gate or a norm stands between z and W_O, and reading
    single heads' writes would be wrong.
    """
    facts = attach(network)
    written: dict[int, Tensor] = {}
    hooks = [
        attention_layout(network, layer).out.register_forward_hook(
            lambda _m, _i, output, layer=layer: written.__setitem__(layer, output)
        )
        for layer in range(facts.layers)
    ]
    summed: dict[int, Tensor] = {}

    def add(call: AttentionCall) -> None:
        weight = output_weight(network, call.layer)
        bias = attention_layout(network, call.layer).out.bias
        result = torch.einsum("bqhe,hed->bqd", call.z, weight)
        summed[call.layer] = result if bias is None else result + bias  # type: ignore[operator]

    try:
        with torch.no_grad(), intercept(network, add):
            network(input_ids=tokens, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    for layer in range(facts.layers):
        scale = written[layer].abs().max().clamp_min(1e-6)
        gap = float((written[layer] - summed[layer]).abs().max() / scale)
        if gap > tolerance:
            raise ArchitectureRefused(
                f"layer {layer} ({facts.paths[layer]}): the heads' writes do not add up to what the layer writes "
                f"(off by {gap:.1e} of the largest number), so single heads can't be read as logits here."
            )
