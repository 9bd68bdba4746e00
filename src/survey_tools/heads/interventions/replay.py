"""A clean run kept, and run again from one layer and one position on, for many edited copies at once.

An edit of z in one layer leaves everything below that layer as it was, and, where attention looks back only,
everything before the first edited position. `Replay` therefore computes neither:

- blocks below answer with what they gave in the clean run;
- in the edited layer, attention gives its clean output plus (edited z - z) @ W_O of the one head, where the
  recorded numbers prove that its output is W_O of z; elsewhere the layer's attention runs and a tap edits it;
- above, only positions from the first edited one on are computed; their queries attend to the clean keys and values
  of the positions before, as the attention itself handed them over (after RoPE), under the clean run's mask rows;
- in the last block, what acts on each position by itself (MLP, W_O) runs for the asked-for positions only.

Copies of the batch stand one after the other along the batch dimension: copy c, prompt b is row c * batch + b.
What makes this right in a family is checked by the caller (`sweep.Sweep`) against a plain run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.arithmetic import AttentionInputs, attend, tolerance
from survey_tools.heads.capture import Mask, last_logits
from survey_tools.heads.interception import AttentionCall, Tap, attach, intercept
from survey_tools.heads.interception.forward_pass import pass_arguments
from survey_tools.heads.interventions.rerun import answering, replaced_forward
from survey_tools.heads.weights.architectures import block_paths, first_of, mlp_of, output_module
from survey_tools.heads.weights.per_head import output_weight
from survey_tools.heads.weights.projections import bias_of


class Replay:
    """One clean run of a batch, ready to be run again from any layer on."""

    def __init__(
        self,
        network: PreTrainedModel,
        tokens: Int[Tensor, "batch pos"],
        keep: int = 1,
        attention_mask: Mask | None = None,
    ) -> None:
        self.network, self.tokens, self.keep, self.attention_mask = network, tokens, keep, attention_mask
        self._facts = attach(network)
        modules = dict(network.named_modules())
        self._block_paths = block_paths(network)
        self._blocks = [modules[path] for path in self._block_paths]
        self._attentions = self._facts.modules
        # transformers writes this activation out as eight operations, each a pass through memory
        self._written_out_gelus = [
            module for module in modules.values() if type(module).__name__ == "NewGELUActivation"
        ]
        self.z: list[Float[Tensor, "batch pos head d_head"]] = []
        """Clean z of every layer."""
        self._inputs: list[AttentionInputs | None] = []
        self._block_outputs: dict[int, Any] = {}
        self._attention_outputs: dict[int, Any] = {}
        self.clean: Float[Tensor, "batch keep d_vocab"] = self._record()
        """Clean logits of the last `keep` positions."""
        self._output_weights = [self._proven_output_weight(layer) for layer in range(self._facts.layers)]
        self.possible = not self._facts.repeats
        """False where one module runs several times a pass: what it gave once is not what it gives again."""
        self.looks_back_only = self._suffix_is_alone()
        """No position depends on later ones, and nothing but attention mixes positions: suffixes can be run alone."""

    def _record(self) -> Tensor:
        def read(call: AttentionCall) -> None:
            self.z.append(call.z)
            # queries are not needed again
            kept = None if call.inputs is None else dataclasses.replace(call.inputs, q=call.inputs.q[:, :, :0])
            self._inputs.append(kept)

        with ExitStack() as stack:
            for outputs, watched in ((self._block_outputs, self._blocks), (self._attention_outputs, self._attentions)):
                for layer, module in enumerate(watched):
                    hook = module.register_forward_hook(
                        lambda _m, _i, output, layer=layer, outputs=outputs: outputs.__setitem__(layer, output)
                    )
                    stack.callback(hook.remove)
            with torch.no_grad(), intercept(self.network, read):
                return last_logits(self.network, self.tokens, self.keep, self.attention_mask)

    def _proven_output_weight(self, layer: int) -> Float[Tensor, "head d_head d_model"] | None:
        """W_O of every head, where the attention's recorded output is W_O of the recorded z; else None."""
        try:
            weight, bias = output_weight(self.network, layer), bias_of(output_module(self.network, layer))
        except ArchitectureRefused:
            return None
        expected = self.z[layer].flatten(2) @ weight.flatten(0, 1)
        expected = expected if bias is None else expected + bias
        given = first_of(self._attention_outputs[layer])
        if given.shape != expected.shape:
            return None
        gap = (given - expected).abs().max() / given.abs().max().clamp_min(1e-6)
        return weight if gap <= tolerance(given.dtype) else None

    def _suffix_is_alone(self) -> bool:
        facts, config = self._facts, self.network.config.get_text_config()
        if facts.linear or facts.repeats or any(facts.gated) or facts.road == "bypass":
            return False
        if getattr(config, "index_topk", None):  # which keys are seen is chosen by what the stream holds
            return False
        return all(kept is not None and _looks_back(kept, self.tokens.shape[1]) for kept in self._inputs)

    def first_needed(self, layer: int, first_edited: int) -> int:
        """First position that an edit of `layer` from `first_edited` on can change and the kept logits depend on."""
        length = self.tokens.shape[1]
        if not self.looks_back_only:
            return 0
        if layer == self._facts.layers - 1:  # nothing above reads other positions
            return length - self.keep
        return min(first_edited, length - self.keep)

    def logits(
        self,
        layer: int,
        edited: Sequence[tuple[int, Float[Tensor, "batch pos d_head"]]],
        start: int = 0,
    ) -> Float[Tensor, "copy batch keep d_vocab"]:
        """Logits of one copy of the batch for each (head, its z after the edit) of `layer`.

        Positions before `start` are taken to be those of the clean run; `first_needed` says which are.
        """
        copies = len(edited)
        tokens = self.tokens[:, start:].repeat(copies, 1)
        mask = self.attention_mask if start == 0 else None  # a suffix gets its mask rows from the clean run
        mask = None if mask is None else mask.repeat(copies, 1)
        position_ids = None if start == 0 else self._positions(copies, start)
        with ExitStack() as stack:
            for below in range(layer):
                if self._block_paths[below] != self._block_paths[layer]:
                    stack.enter_context(
                        answering(self._blocks[below], stacked(self._block_outputs[below], self.tokens, copies, start))
                    )
            taps: list[Tap] = [self._suffix_tap(layer, copies, start)] if start else []
            weight = self._output_weights[layer]
            if weight is None:
                taps.append(self._edited_layer_tap(layer, edited, start))
            else:
                stack.enter_context(answering(self._attentions[layer], self._added(layer, edited, weight, start)))
            for module in self._acting_by_position(layer):
                stack.enter_context(only_at_the_end(module, self.keep))
            for module in self._written_out_gelus:
                stack.enter_context(replaced_forward(module, tanh_gelu))
            stack.enter_context(torch.no_grad())
            stack.enter_context(intercept(self.network, *taps))
            logits = last_logits(self.network, tokens, self.keep, mask, position_ids)
        return logits.reshape(copies, -1, *logits.shape[1:])

    def _positions(self, copies: int, start: int) -> Int[Tensor, "#row new_pos"]:
        """Position ids of a suffix, as the clean run had them."""
        given = pass_arguments(self.network, self.attention_mask).get("position_ids")
        if given is None:
            return torch.arange(start, self.tokens.shape[1], device=self.tokens.device)[None]
        suffix: Tensor = given[:, start:]
        return suffix.repeat(copies, 1)

    def _added(self, layer: int, edited: Sequence[tuple[int, Tensor]], weight: Tensor, start: int) -> Any:
        """The attention's clean output plus what each copy's edit adds through W_O."""
        output = self._attention_outputs[layer]
        clean, z = first_of(output)[:, start:], self.z[layer][:, start:]
        added = torch.cat([clean + (new[:, start:] - z[:, :, head]) @ weight[head] for head, new in edited])
        return (added, *output[1:]) if isinstance(output, tuple) else added

    def _edited_layer_tap(self, layer: int, edited: Sequence[tuple[int, Tensor]], start: int) -> Tap:
        def tap(call: AttentionCall) -> Tensor | None:
            if call.layer != layer:
                return None
            copies = []
            for head, new in edited:
                z = self.z[layer][:, start:].clone()
                z[:, :, head] = new[:, start:]
                copies.append(z)
            return torch.cat(copies)

        return tap

    def _suffix_tap(self, layer: int, copies: int, start: int) -> Tap:
        """Attention of the positions from `start` on, above `layer`, to themselves and to the clean ones before."""

        def tap(call: AttentionCall) -> Tensor | None:
            if call.layer <= layer:
                return None
            kept = self._inputs[call.layer]
            assert kept is not None
            assert call.inputs is not None
            inputs = dataclasses.replace(
                call.inputs,
                k=_with_past(kept.k[:, :, :start], call.inputs.k, copies),
                v=_with_past(kept.v[:, :, :start], call.inputs.v, copies),
                mask=self._mask_rows(kept, copies, start),
                causal=False,
            )
            return attend(inputs)[0].transpose(1, 2).contiguous()

        return tap

    def _mask_rows(self, kept: AttentionInputs, copies: int, start: int) -> Tensor | None:
        length = self.tokens.shape[1]
        if kept.mask is not None:
            rows = kept.mask[:, :, start:, :length]
            return rows.repeat(copies, 1, 1, 1) if len(rows) > 1 else rows
        if start == length - 1:
            return None
        at = torch.arange(length, device=self.tokens.device)
        return (at[None, :] <= at[start:, None])[None, None]

    def _acting_by_position(self, layer: int) -> Iterator[nn.Module]:
        """Modules of the last block whose output is needed at the kept positions only."""
        if not self.looks_back_only:
            return
        last = self._facts.layers - 1
        mlp = mlp_of(self._blocks[last])
        if mlp is not None:
            yield mlp
        if last != layer and self._output_weights[last] is not None:
            yield output_module(self.network, last)


def tanh_gelu(x: Tensor) -> Tensor:
    """What GPT-2's activation computes, in one operation."""
    return torch.nn.functional.gelu(x, approximate="tanh")


@contextmanager
def only_at_the_end(module: nn.Module, keep: int) -> Iterator[None]:
    """Have a module that acts on every position by itself run for the last `keep` only; 0 elsewhere."""
    forward: Callable[..., Any] = module.forward

    def at_the_end(x: Tensor, *arguments: Any, **named: Any) -> Any:
        if x.dim() != 3 or x.shape[1] <= keep:
            return forward(x, *arguments, **named)
        short = forward(x[:, -keep:], *arguments, **named)
        if not isinstance(short, Tensor):  # a mixture of experts may give more than its output
            return forward(x, *arguments, **named)
        whole = short.new_zeros(*x.shape[:2], short.shape[-1])
        whole[:, -keep:] = short
        return whole

    with replaced_forward(module, at_the_end):
        yield


def stacked(output: Any, tokens: Tensor, copies: int, start: int) -> Any:
    """A block's clean output for `copies` of the batch, from position `start` on; nothing is copied for one."""
    if isinstance(output, tuple):
        return tuple(stacked(part, tokens, copies, start) for part in output)
    if not isinstance(output, Tensor) or output.shape[:2] != tokens.shape:
        return output
    kept = output[:, start:]
    return kept if copies == 1 else kept.repeat(copies, *([1] * (kept.dim() - 1)))


def _with_past(
    past: Float[Tensor, "batch kv_head past_pos d"], new: Float[Tensor, "row kv_head new_pos d"], copies: int
) -> Float[Tensor, "row kv_head pos d"]:
    """Keys or values of the clean positions, the same in every copy, followed by those of the new ones."""
    batch, heads, length, width = past.shape
    joined = new.new_empty(copies, batch, heads, length + new.shape[2], width)
    joined[:, :, :, :length] = past
    joined[:, :, :, length:] = new.reshape(copies, batch, *new.shape[1:])
    return joined.flatten(0, 1)


def _looks_back(inputs: AttentionInputs, length: int) -> bool:
    """Keys are the prompt's tokens, no row attends to a later one, and the mask is the same for every head.

    A mask that differs between heads holds a bias, which some families make of what the residual stream holds.
    """
    if inputs.k.shape[2] != length or (inputs.mask is not None and inputs.mask.shape[1] > 1):
        return False
    if inputs.mask is None:
        return inputs.causal or length == 1
    ahead = inputs.mask[:, :, :, :length].triu(1)
    if inputs.mask.dtype == torch.bool:
        return not bool(ahead.any())
    # a float mask adds a huge negative number where nothing may be attended to
    above = torch.ones(ahead.shape[-2:], dtype=torch.bool, device=ahead.device).triu(1)
    return bool((ahead[..., above] <= torch.finfo(ahead.dtype).min / 2).all())
