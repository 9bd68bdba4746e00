"""What a head writes, read as logits: through the final norm with its scale frozen, then the unembedding.

Freezing the scale makes the norm linear, so that `logit_attribution` of all components adds up to the logits,
where components add up at all: `weights.heads_add_up` proves that first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.architectures import final_norm, unembedding
from survey_tools.heads.arithmetic import tolerance


@dataclass(frozen=True)
class FrozenNorm:
    """A norm as a linear map: `(x - mean(x)) * gain * scale`, the mean only where it centres."""

    gain: Float[Tensor, " d_model"]
    centres: bool

    def direction(self, x: Float[Tensor, "*batch d_model"]) -> Float[Tensor, "*batch d_model"]:
        """The linear part without the scale: enough where only ranks and signs matter."""
        return (x - x.mean(-1, keepdim=True) if self.centres else x) * self.gain

    def scale(self, residual: Float[Tensor, "*batch d_model"], epsilon: float) -> Float[Tensor, "*batch 1"]:
        """What the norm divides by at `residual`, as a factor."""
        centred = residual - residual.mean(-1, keepdim=True) if self.centres else residual
        return (centred.pow(2).mean(-1, keepdim=True) + epsilon).rsqrt()


def frozen_norm(norm: nn.Module, residual: Float[Tensor, "item d_model"]) -> FrozenNorm:
    """The linear part of a norm, recognised by what it gives on `residual`.

    Tried are LayerNorm, RMSNorm and Gemma's RMSNorm with gain 1 + weight. Raises ArchitectureRefused when none
    agrees to rounding.
    """
    weight = cast(Tensor, norm.weight).detach().float()
    bias = getattr(norm, "bias", None)
    given = norm(residual).float()
    if bias is not None:
        given = given - bias.float()
    for candidate in (FrozenNorm(weight, True), FrozenNorm(weight, False), FrozenNorm(1 + weight, False)):
        expected = candidate.direction(residual.float()) * candidate.scale(residual.float(), epsilon_of(norm))
        if (expected - given).abs().max() <= tolerance(residual.dtype) * given.abs().max().clamp_min(1e-6):
            return candidate
    raise ArchitectureRefused(
        f"{type(norm).__name__} is neither LayerNorm nor RMSNorm, so writes can't be read as logits."
    )


def epsilon_of(norm: nn.Module) -> float:
    """The small number under the root."""
    return float(next((getattr(norm, n) for n in ("eps", "variance_epsilon", "epsilon") if hasattr(norm, n)), 1e-6))


def final_residual(network: PreTrainedModel, tokens: Int[Tensor, "batch pos"]) -> Float[Tensor, "batch pos d_model"]:
    """The residual stream that enters the final norm."""
    caught: list[Tensor] = []
    hook = final_norm(network).register_forward_pre_hook(lambda _m, args: caught.append(args[0]))
    try:
        with torch.no_grad():
            network.base_model(input_ids=tokens, use_cache=False)
    finally:
        hook.remove()
    return caught[0]


def logit_attribution(
    network: PreTrainedModel,
    writes: Float[Tensor, "batch pos d_model"],
    residual: Float[Tensor, "batch pos d_model"],
    tokens: Int[Tensor, "batch token"],
) -> Float[Tensor, "batch pos token"]:
    """Direct effect of `writes` on the logits of `tokens`, final norm frozen at `residual`."""
    norm = final_norm(network)
    linear = frozen_norm(norm, residual.reshape(-1, residual.shape[-1])[:64])
    scaled = linear.direction(writes.float()) * linear.scale(residual.float(), epsilon_of(norm))
    return torch.einsum("bpd,btd->bpt", scaled, unembedding(network)[tokens].float())
