"""Path patching: the effect of one head on another, or on the logits, along the direct path alone.

As Wang et al. 2022 (wang-2022-ioi, appendix B) define it, in three steps on top of two recorded runs:

1. run on the prompts with z of the sender from the other run and z of *every other* attention head as it was
   in the clean run, so that the change travels through the residual stream, norms and MLPs but through no head;
2. read what q, k or v of the receivers became in that run (for the logits as receiver: read the logits; done);
3. run on the prompts with only those put into the receivers, everything after them computed as usual.

MLPs between sender and receiver are recomputed, as in the paper; `freeze_mlps=True` keeps them as they were, too,
and leaves the residual stream alone as the path. Norms are always recomputed.

q, k and v are taken where attention uses them (after RoPE and norms of their own), each position by itself, so
that patching there is patching the receiver's input. Under grouped key heads the patched k or v goes to the one
query head that was named; its partners in the group keep the clean one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from survey_tools.errors import ArchitectureRefused, DetectionError
from survey_tools.heads.arithmetic import AttentionInputs, attend
from survey_tools.heads.capture import Head, Mask, all_heads, last_logits, name_of
from survey_tools.heads.interception import AttentionCall, Tap, attach, intercept
from survey_tools.heads.interventions.edits import (
    Patch,
    Positions,
    chosen_positions,
    record_z,
    require_editable,
)
from survey_tools.heads.interventions.patching import PatchingEffects, PromptMetric, one_number_a_prompt, require_twins
from survey_tools.heads.interventions.rerun import answering
from survey_tools.heads.weights.architectures import block_paths, mlp_of


@dataclass(frozen=True)
class Receiver:
    """One input of one head, for example `Receiver((9, 9), "q")`."""

    head: Head
    input: Literal["q", "k", "v"]


class PathPatching:
    """Two recorded runs, between which paths from any head to any other, or to the logits, can be patched."""

    def __init__(
        self,
        network: PreTrainedModel,
        tokens: Int[Tensor, "batch pos"],
        other_tokens: Int[Tensor, "batch pos"],
        *,
        keep: int = 1,
        freeze_mlps: bool = False,
        attention_mask: Mask | None = None,
    ) -> None:
        """Raises DetectionError when the two runs differ in shape, ArchitectureRefused when MLPs can't be frozen."""
        require_twins(tokens, other_tokens)
        self._network, self._tokens, self._keep, self._mask = network, tokens, keep, attention_mask
        self._donor = record_z(network, other_tokens, attention_mask)
        self._facts = attach(network)
        modules = dict(network.named_modules())
        self._block_paths = block_paths(network)
        self._blocks = [modules[path] for path in self._block_paths]
        self._mlps = _mlps(self._blocks, self._block_paths) if freeze_mlps else []
        self._outputs: dict[nn.Module, Any] = {}
        self._z: list[Tensor] = []
        self.clean: Float[Tensor, "batch keep d_vocab"] = self._record()
        """Logits of the unchanged run."""

    def _record(self) -> Tensor:
        with ExitStack() as stack:
            for module in {*self._blocks, *self._mlps}:
                hook = module.register_forward_hook(lambda m, _i, output: self._outputs.__setitem__(m, output))
                stack.callback(hook.remove)
            return self._run(lambda call: self._z.append(call.z))

    def to_logits(self, senders: Sequence[Head], positions: Positions = None) -> Float[Tensor, "batch keep d_vocab"]:
        """Logits when z of `senders` at `positions` changes and reaches the unembedding through no other head.

        Raises DetectionError for a head that does not exist.
        """
        require_editable(self._network, senders)
        with self._clean_below(min((layer for layer, _ in senders), default=0)), self._frozen_mlps():
            return self._run(self._frozen_but(senders, positions))

    def to_heads(
        self, senders: Sequence[Head], receivers: Sequence[Receiver], positions: Positions = None
    ) -> Float[Tensor, "batch keep d_vocab"]:
        """Logits when z of `senders` at `positions` changes and is seen by `receivers` only, at all their positions.

        Raises DetectionError for a head that does not exist, and for a receiver that no sender stands below: there
        is no path.
        """
        require_editable(self._network, [*senders, *(receiver.head for receiver in receivers)])
        if not senders or not receivers:
            return self.clean
        lowest = min(layer for layer, _ in senders)
        for receiver in receivers:
            self._require_open(receiver.head)
            if receiver.head[0] <= lowest:
                raise DetectionError(
                    f"no path leads from layer {lowest} to {name_of(receiver.head)}: "
                    "the receiver must stand in a layer above the sender's."
                )
        changed = self._inputs_of(senders, receivers, positions)
        with self._clean_below(min(receiver.head[0] for receiver in receivers)):
            return self._run(_receiving(receivers, changed))

    def _require_open(self, head: Head) -> None:
        """Refuse a receiver whose z does not follow from the q, k and v that are seen."""
        if self._facts.road == "bypass" or self._facts.gated[head[0]]:
            reason = (
                "a gate or a norm stands behind its attention"
                if self._facts.road == "interface"
                else ("its attention does not hand over q, k and v")
            )
            raise ArchitectureRefused(f"{name_of(head)} can't be a receiver of a path in this network: {reason}.")

    def _inputs_of(
        self, senders: Sequence[Head], receivers: Sequence[Receiver], positions: Positions
    ) -> dict[int, AttentionInputs]:
        """Step 2: q, k and v of the receivers' layers in the run of step 1, which ends at the highest of them."""
        layers = {receiver.head[0] for receiver in receivers}
        seen: dict[int, AttentionInputs] = {}

        def read(call: AttentionCall) -> None:
            if call.layer in layers and call.inputs is not None:
                seen[call.layer] = call.inputs
            if call.layer == max(layers):
                raise _Enough

        with self._clean_below(min(layer for layer, _ in senders)), self._frozen_mlps(), suppress(_Enough):
            self._run(read, self._frozen_but(senders, positions))
        return seen

    def _frozen_but(self, senders: Sequence[Head], positions: Positions) -> Tap:
        """Step 1: every head's z as it was, but for the senders', which are of the other run."""
        patch = Patch(self._donor, positions=positions)
        where = chosen_positions(positions, *self._tokens.shape)

        def tap(call: AttentionCall) -> Tensor:
            z = self._z[call.layer].clone()
            for layer, head in senders:
                if layer == call.layer:
                    z[:, :, head] = patch.edited(z[:, :, head].clone(), (layer, head), where)
            return z

        return tap

    def _run(self, *taps: Any) -> Tensor:
        with torch.no_grad(), intercept(self._network, *taps):
            return last_logits(self._network, self._tokens, self._keep, self._mask)

    @contextmanager
    def _clean_below(self, layer: int) -> Iterator[None]:
        with ExitStack() as stack:
            # a module that runs in several layers has no one clean output; then the blocks below just run
            for below in range(0 if self._facts.repeats else layer):
                if self._block_paths[below] != self._block_paths[layer]:
                    stack.enter_context(answering(self._blocks[below], self._outputs[self._blocks[below]]))
            yield

    @contextmanager
    def _frozen_mlps(self) -> Iterator[None]:
        with ExitStack() as stack:
            for mlp in self._mlps:
                stack.enter_context(answering(mlp, self._outputs[mlp]))
            yield


class _Enough(Exception):
    """Ends a run once the receivers' inputs were read."""


def path_patching_effects(
    network: PreTrainedModel,
    tokens: Int[Tensor, "batch pos"],
    other_tokens: Int[Tensor, "batch pos"],
    metric: PromptMetric,
    receivers: Sequence[Receiver] | Literal["logits"] = "logits",
    *,
    positions: Positions = None,
    keep: int = 1,
    freeze_mlps: bool = False,
    attention_mask: Mask | None = None,
) -> PatchingEffects:
    """The metric with the direct path from one head after the other to `receivers` patched from the other run.

    Senders are all heads that have such a path: all of them for the logits, those below the lowest receiver
    otherwise. Two forward passes a sender, lower blocks reused.

    Raises DetectionError when `metric` gives anything but one number a prompt.

    Example: `path_patching_effects(network, tokens, other, difference, [Receiver((9, 9), "q")])` ranks the heads that
    write what head L9H9's queries read.
    """
    paths = PathPatching(
        network, tokens, other_tokens, keep=keep, freeze_mlps=freeze_mlps, attention_mask=attention_mask
    )
    metric = one_number_a_prompt(metric, len(tokens))
    if receivers == "logits":
        senders = list(all_heads(network))
        patched = [metric(paths.to_logits([sender], positions)) for sender in senders]
    else:
        lowest = min((receiver.head[0] for receiver in receivers), default=0)
        senders = [head for head in all_heads(network) if head[0] < lowest]
        patched = [metric(paths.to_heads([sender], receivers, positions)) for sender in senders]
    base = metric(paths.clean)
    with torch.no_grad():
        other = metric(last_logits(network, other_tokens, keep, attention_mask))
    return PatchingEffects(tuple(senders), base, other, torch.stack(patched) if patched else base[None][:0])


def _receiving(receivers: Sequence[Receiver], changed: dict[int, AttentionInputs]) -> Tap:
    """Step 3: z of the receivers with their q, k or v replaced; the layer's other heads go on unchanged."""

    def tap(call: AttentionCall) -> Tensor | None:
        heads = {receiver.head[1] for receiver in receivers if receiver.head[0] == call.layer}
        if not heads or call.inputs is None:
            return None
        z = call.z.clone()
        for head in heads:
            inputs = {receiver.input for receiver in receivers if receiver.head == (call.layer, head)}
            z[:, :, head] = attend(_of_one_head(call.inputs, changed[call.layer], head, inputs))[0][:, 0]
        return z

    return tap


def _of_one_head(
    clean: AttentionInputs, changed: AttentionInputs, head: int, inputs: set[Literal["q", "k", "v"]]
) -> AttentionInputs:
    """Attention of one query head alone, with some of its inputs from the changed run."""
    of_group = head // clean.groups
    q, k, v = (changed if name in inputs else clean for name in ("q", "k", "v"))
    mask = clean.mask
    return dataclasses.replace(
        clean,
        q=q.q[:, head : head + 1],
        k=k.k[:, of_group : of_group + 1],
        v=v.v[:, of_group : of_group + 1],
        mask=mask if mask is None or mask.shape[1] == 1 else mask[:, head : head + 1],
        sinks=None if clean.sinks is None else clean.sinks[head : head + 1],
    )


def _mlps(blocks: Sequence[nn.Module], paths: Sequence[str]) -> list[nn.Module]:
    found = []
    for block, path in zip(blocks, paths, strict=True):
        mlp = mlp_of(block)
        if mlp is None:
            raise ArchitectureRefused(
                f"the MLP of {path} was not found, so it can't be kept as it was; leave freeze_mlps off, or add its "
                "name to heads/interventions/replay.py."
            )
        found.append(mlp)
    if len(set(found)) < len(found):
        raise ArchitectureRefused("blocks of this network share an MLP, so it can't be kept as it was in each.")
    return found
