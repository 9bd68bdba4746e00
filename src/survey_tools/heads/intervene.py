"""Replace z of chosen heads, and rerun a network from the first block that this can change.

Interventions act at z, inside the interception point, so they mean the same in every family. `Rerun` keeps
what the blocks below the lowest changed layer gave in the clean run and does not compute them again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.architectures import block_paths
from survey_tools.heads.capture import Head, last_logits, name_of
from survey_tools.heads.interception import AttentionCall, Tap, attach, intercept


def ablation(
    network: PreTrainedModel, heads: Sequence[Head], means: list[Float[Tensor, "head d_head"]] | None = None
) -> Tap:
    """A tap that replaces z of `heads` at all positions: by zero, or by `means[layer][head]` (mean ablation).

    Raises DetectionError for a head that the network does not have.
    """
    facts = attach(network)
    by_layer: dict[int, list[int]] = defaultdict(list)
    for layer, head in heads:
        if not (0 <= layer < facts.layers and 0 <= head < facts.heads[layer]):
            raise DetectionError(f"{name_of((layer, head))} does not exist in this network of {facts.layers} layers.")
        by_layer[layer].append(head)

    def replace(call: AttentionCall) -> Tensor | None:
        chosen = by_layer.get(call.layer)
        if not chosen:
            return None
        z = call.z.clone()
        z[:, :, chosen] = 0.0 if means is None else means[call.layer][chosen].to(z.dtype)
        return z

    return replace


class Rerun:
    """The last `keep` logits of one batch of prompts under many interventions, clean prefix reused."""

    def __init__(self, network: PreTrainedModel, tokens: Int[Tensor, "batch pos"], keep: int) -> None:
        self._network, self._tokens, self._keep = network, tokens, keep
        modules = dict(network.named_modules())
        self._blocks = [modules[path] for path in block_paths(network)]
        self._outputs: dict[int, Any] = {}
        hooks = [
            block.register_forward_hook(lambda _m, _i, output, n=n: self._outputs.__setitem__(n, output))
            for n, block in enumerate(self._blocks)
        ]
        try:
            with torch.no_grad(), intercept(network):
                self.clean: Float[Tensor, "batch keep d_vocab"] = last_logits(network, tokens, keep)
        finally:
            for hook in hooks:
                hook.remove()

    def logits(self, heads: Sequence[Head], tap: Tap) -> Float[Tensor, "batch keep d_vocab"]:
        """Logits when `tap` edits `heads`; blocks below the lowest of them answer from the clean run."""
        if not heads:
            return self.clean
        lowest = min(layer for layer, _ in heads)
        with torch.no_grad(), self._prefix(lowest), intercept(self._network, tap):
            return last_logits(self._network, self._tokens, self._keep)

    @contextmanager
    def _prefix(self, lowest: int) -> Iterator[None]:
        with ExitStack() as stack:
            for n in range(lowest):
                stack.enter_context(answering(self._blocks[n], self._outputs[n]))
            yield


@contextmanager
def answering(module: nn.Module, output: Any) -> Iterator[None]:
    """Have `module` give `output` without computing anything, inside the `with` block."""
    with replaced_forward(module, lambda *_arguments, **_named: output):
        yield


@contextmanager
def replaced_forward(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """Put another `forward` on this one module, inside the `with` block; its hooks still run."""
    before = module.__dict__.get("forward")  # accelerate, too, puts one on the instance
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        if before is None:
            del module.__dict__["forward"]
        else:
            module.__dict__["forward"] = before
