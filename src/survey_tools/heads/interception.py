"""The interception point: where attention of any open model passes through code of ours.

The only file that names transformers' AttentionInterface. Two names are registered: `survey_lean`, whose
mask function may skip masks that a causal flag replaces, for models that transformers says work so
(`_supports_sdpa`); and `survey_explicit`, whose masks are always written out, for the others. Names must hold
neither `sdpa`, `flash` nor a slash: such names get special treatment in transformers.

A network is served only after `attach` has compared it with its own eager attention, on whole prompts and on
prompts padded on the left, longer than its window where that is feasible, and has seen every attention module
that ran: what can't be read exactly is refused, never read wrongly. Layers are told apart by module and call, not
by an index that some families leave out or repeat.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import AttentionMaskInterface, eager_mask, sdpa_mask

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.arithmetic import AttentionInputs, attend, pair_attention, pattern, tolerance

LEAN, EXPLICIT = "survey_lean", "survey_explicit"
LONGEST_CHECK = 600
"""Tokens of the self-check at most; windows up to this length are tried from beyond their edge."""

# Arguments that say nothing the mask, q, k or v do not already hold.
_INFORMATION = frozenset(
    {"sliding_window", "position_ids", "use_cache", "output_router_logits", "is_causal", "cache_position",
     "output_attentions", "output_hidden_states", "return_dict", "num_items_in_batch", "past_key_values",
     "logits_to_keep", "labels", "token_type_ids", "deterministic", "encoder_hidden_states",
     "encoder_attention_mask", "past_key_value", "head_mask"}
)  # fmt: skip
_ATTENTION_LIKE = re.compile(r"(Attention|Attn|Mixer|DeltaNet|ShortConv|Recurrent|Mamba)[A-Za-z0-9]*$")
# Known to attend without a softmax: counted, never read.
_LINEAR = re.compile(r"(Lightning|DeltaNet|DeltaAttention|ShortConv|Recurrent|Mamba|LinearAttention)")


@dataclass
class AttentionCall:
    """One call of one attention module, handed to every tap."""

    layer: int
    """Number of the module in the order in which modules are called, from 0."""
    path: str
    """Name of the module in the network."""
    module: nn.Module
    inputs: AttentionInputs
    z: Float[Tensor, "batch query_pos head d_value"]
    """Pattern-weighted values, the input of W_O; a tap may return another to go on with."""
    _lse: Tensor | None = field(default=None, repr=False)

    @property
    def lse(self) -> Float[Tensor, "batch head query_pos"]:
        """Log-sum-exp of every row of scores."""
        if self._lse is None:
            self._lse = attend(self.inputs, want_lse=True)[1]
        assert self._lse is not None
        return self._lse

    def attention_at(self, pairs: Tensor) -> Float[Tensor, "batch head pair"]:
        """Attention at (query_pos, key_pos) pairs."""
        return pair_attention(self.inputs, self.lse, pairs)

    def pattern(self) -> Float[Tensor, "batch head query_pos key_pos"]:
        """The whole pattern; short prompts only."""
        return pattern(self.inputs)


Tap = Callable[[AttentionCall], Tensor | None]
"""Reads a call; may return an edited z of the same shape."""


@dataclass
class _Watch:
    layers: dict[int, int]
    """id(module) -> layer number."""
    paths: dict[int, str]
    taps: tuple[Tap, ...]
    want_lse: bool
    seen: list[int] = field(default_factory=list)


_watch: ContextVar[_Watch | None] = ContextVar("survey_attention_watch", default=None)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    **arguments: Any,
) -> tuple[Tensor, None]:
    """What transformers calls in the place of its own attention."""
    inputs = _inputs(module, query, key, value, attention_mask, scaling, dropout, arguments)
    watch = _watch.get()
    z, lse = attend(inputs, want_lse=watch is not None and watch.want_lse)
    z = z.transpose(1, 2).contiguous()
    if watch is None:
        return z, None
    layer = watch.layers.get(id(module), -1)
    watch.seen.append(id(module))
    call = AttentionCall(layer, watch.paths.get(id(module), "?"), module, inputs, z, lse)
    for tap in watch.taps:
        edited = tap(call)
        if edited is not None:
            call.z = edited
    return call.z, None


def _inputs(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float | None,
    dropout: float,
    arguments: dict[str, Any],
) -> AttentionInputs:
    softcap, sinks = arguments.pop("softcap", None), arguments.pop("s_aux", None)
    unknown = sorted(name for name, value in arguments.items() if value is not None and name not in _INFORMATION)
    if unknown:
        raise ArchitectureRefused(
            f"{type(module).__name__} passes {', '.join(unknown)} to its attention, which this engine does not "
            "compute; its scores would be wrong, so it is refused."
        )
    if dropout and module.training:
        raise ArchitectureRefused(f"{type(module).__name__} is in training mode with dropout; call network.eval().")
    n_query = query.shape[2]
    causal = mask is None and n_query > 1 and bool(getattr(module, "is_causal", True))
    if causal and key.shape[2] > n_query:  # a static cache that is longer than what was written into it
        key, value = key[:, :, :n_query], value[:, :, :n_query]
    return AttentionInputs(
        q=query,
        k=key,
        v=value,
        mask=mask,
        causal=causal,
        scaling=query.shape[-1] ** -0.5 if scaling is None else scaling,
        softcap=softcap,
        sinks=sinks,
    )


AttentionInterface.register(LEAN, _attention)
AttentionInterface.register(EXPLICIT, _attention)
AttentionMaskInterface.register(LEAN, sdpa_mask)
AttentionMaskInterface.register(EXPLICIT, eager_mask)


@dataclass(frozen=True)
class Attached:
    """A network whose attention was found to pass here exactly. `paths[layer]` names its attention modules."""

    implementation: str
    paths: tuple[str, ...]
    heads: tuple[int, ...]
    """Query heads in each layer."""
    d_heads: tuple[int, ...]
    """Width of z of one head in each layer."""
    linear: tuple[str, ...]
    """Modules with another kind of attention, which no detector reads."""
    difference: float
    """Largest difference from eager's logits in the self-check, relative to the largest logit."""

    @property
    def layers(self) -> int:
        """Number of attention modules that pass here."""
        return len(self.paths)


_attached: WeakKeyDictionary[PreTrainedModel, Attached] = WeakKeyDictionary()


def attach(network: PreTrainedModel) -> Attached:
    """Check once that this network's attention passes here exactly, and learn its layers.

    Raises ArchitectureRefused naming the family and the reason.
    """
    if network not in _attached:
        _attached[network] = _examine(network)
    return _attached[network]


@contextmanager
def intercept(network: PreTrainedModel, *taps: Tap, lse: bool = False) -> Iterator[Attached]:
    """Let `taps` see (and edit) every attention call of the forward passes inside the `with` block.

    `lse=True` has the kernel keep the log-sum-exp that `AttentionCall.attention_at` needs, which is cheaper
    than computing it on demand. The network's own implementation is put back at the end, whatever happens.
    """
    facts = attach(network)
    modules = dict(network.named_modules())
    watch = _Watch(
        layers={id(modules[path]): layer for layer, path in enumerate(facts.paths)},
        paths={id(modules[path]): path for path in facts.paths},
        taps=taps,
        want_lse=lse,
    )
    with _implementation(network, facts.implementation):
        token = _watch.set(watch)
        try:
            yield facts
        finally:
            _watch.reset(token)


@contextmanager
def _implementation(network: PreTrainedModel, name: str) -> Iterator[None]:
    before = network.config._attn_implementation
    network.set_attn_implementation(name)
    try:
        yield
    finally:
        network.set_attn_implementation(before or "eager")


def _examine(network: PreTrainedModel) -> Attached:
    family = getattr(network.config, "model_type", type(network).__name__)
    if getattr(network.config, "is_encoder_decoder", False):
        raise ArchitectureRefused(f"{family} is an encoder-decoder; only decoders and encoders are read so far.")
    for name, parameter in network.named_parameters():
        if not torch.isfinite(parameter).all():
            raise ArchitectureRefused(f"{name} of this {family} holds NaN or infinity; its scores would mean nothing.")
    implementation = LEAN if getattr(network, "_supports_sdpa", False) else EXPLICIT
    tokens = _check_prompt(network)
    whole, padded = torch.ones_like(tokens), torch.ones_like(tokens)
    padded[1, : tokens.shape[1] // 3] = 0  # on the left: on the right a causal flag alone would hide it
    watch = _Watch({}, {}, (), want_lse=True)
    ran: list[str] = []
    shapes: dict[int, tuple[int, int]] = {}
    watch.taps = (lambda call: shapes.__setitem__(id(call.module), (call.z.shape[2], call.z.shape[3])),)
    gaps = []
    hooks = _watch_modules(network, ran)
    try:
        for mask in (None, padded):
            watch.seen.clear()
            expected = _logits(network, "eager", tokens, mask)
            token = _watch.set(watch)
            try:
                found = _logits(network, implementation, tokens, mask)
            finally:
                _watch.reset(token)
            gaps.append(_gap(expected, found, whole if mask is None else padded))
    finally:
        for hook in hooks:
            hook.remove()
    return _judge(network, family, implementation, max(gaps), watch.seen, shapes, ran)


def _logits(network: PreTrainedModel, implementation: str, tokens: Tensor, mask: Tensor | None) -> Tensor:
    with torch.no_grad(), _implementation(network, implementation):
        output: Tensor = network(input_ids=tokens, attention_mask=mask, use_cache=False)[0]
    return output


def _gap(expected: Tensor, found: Tensor, mask: Tensor) -> float:
    """Largest difference at real positions, relative to the largest number there; infinite when it is not finite."""
    real = mask.bool()
    gap = (expected - found)[real].abs().max() / expected[real].abs().max().clamp_min(1e-6)
    return float(gap) if torch.isfinite(gap) else float("inf")


def _check_prompt(network: PreTrainedModel) -> Tensor:
    """Two prompts of random tokens, past the edge of the model's window where that is not too long."""
    generator = torch.Generator().manual_seed(0)
    high = min(network.get_input_embeddings().weight.shape[0], 500)
    context = getattr(network.config, "max_position_embeddings", None) or LONGEST_CHECK
    window = getattr(network.config, "sliding_window", None) or 0
    length = window + 16 if 0 < window <= LONGEST_CHECK - 16 else 24
    tokens = torch.randint(1, high, (2, min(length, context)), generator=generator)
    return tokens.to(network.get_input_embeddings().weight.device)


def _watch_modules(network: PreTrainedModel, ran: list[str]) -> list[Any]:
    hooks = []
    for path, module in network.named_modules():
        if _ATTENTION_LIKE.search(type(module).__name__):
            hooks.append(module.register_forward_pre_hook(lambda *_, path=path: ran.append(path)))
    return hooks


def _judge(
    network: PreTrainedModel,
    family: str,
    implementation: str,
    gap: float,
    seen: list[int],
    shapes: dict[int, tuple[int, int]],
    ran: list[str],
) -> Attached:
    modules = dict(network.named_modules())
    names = {id(module): path for path, module in modules.items()}
    if not seen:
        raise ArchitectureRefused(
            f"{family} computes attention without the interface of transformers, so its heads cannot be read yet."
        )
    if len(set(seen)) != len(seen):
        twice = names[next(module for module in seen if seen.count(module) > 1)]
        raise ArchitectureRefused(f"{family} calls {twice} more than once a pass; such layers are not read yet.")
    paths = tuple(names[module] for module in seen)
    linear: list[str] = []
    unseen: list[str] = []
    for path in dict.fromkeys(ran):
        inside = any(other == path or other.startswith(path + ".") or path.startswith(other + ".") for other in paths)
        if not inside:
            (linear if _LINEAR.search(type(modules[path]).__name__) else unseen).append(path)
    if unseen:
        raise ArchitectureRefused(f"{family}: {unseen[0]} attends without passing the interface; refused, not skipped.")
    allowed = tolerance(next(network.parameters()).dtype)
    if gap > allowed:
        raise ArchitectureRefused(
            f"{family}: logits differ from its own eager attention by {gap:.1e} of the largest logit (allowed "
            f"{allowed:.0e}); it is refused, because its scores would be wrong."
        )
    return Attached(
        implementation=implementation,
        paths=paths,
        heads=tuple(shapes[module][0] for module in seen),
        d_heads=tuple(shapes[module][1] for module in seen),
        linear=tuple(linear),
        difference=gap,
    )
