"""Where a family keeps the projections of its attention, its norms and its blocks.

W_Q, W_K, W_V and W_O are found by numbers (`layouts`), so no family needs a table for them. Names are used for
blocks, for the final norm and for the norm before the attention, and each is checked where it matters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.interception import attach
from survey_tools.heads.weights.layouts import find_layouts
from survey_tools.heads.weights.projections import AttentionLayout, Projection, is_conv1d

__all__ = [
    "AttentionLayout",
    "Projection",
    "attention_layout",
    "block_paths",
    "final_norm",
    "first_of",
    "input_norm",
    "is_conv1d",
    "mlp_silenced",
    "output_module",
    "unembedding",
]


def _first(module: nn.Module, *names: str) -> nn.Module | None:
    return next((getattr(module, name) for name in names if isinstance(getattr(module, name, None), nn.Module)), None)


def attention_layout(network: PreTrainedModel, layer: int) -> AttentionLayout:
    """The projections of attention module `layer` (numbered as `attach` numbers them), proved on numbers.

    The first call on a network runs a few tiny forward passes; later ones answer from memory. Raises
    ArchitectureRefused naming the family, the layer and the reason: multi-head latent attention, a quantised map.
    """
    layout = find_layouts(network, block_paths(network))[layer].layout
    if isinstance(layout, str):
        raise ArchitectureRefused(f"where its query, key and value weights are is not known: {layout}")
    return layout


def output_module(network: PreTrainedModel, layer: int) -> nn.Module:
    """The linear map that holds W_O of `layer`: the one that reads z. Found even where q, k and v are not.

    Raises ArchitectureRefused where no linear map reads z.
    """
    out = find_layouts(network, block_paths(network))[layer].out
    if isinstance(out, str):
        raise ArchitectureRefused(f"its heads' output weights are not known: {out}")
    return out


def block_paths(network: PreTrainedModel) -> tuple[str, ...]:
    """For each layer the module of its block: the ancestor that is an item of a list of blocks."""
    modules = dict(network.named_modules())
    blocks = []
    for path in attach(network).paths:
        parts = path.split(".")
        depth = next((n for n in range(1, len(parts)) if isinstance(modules[".".join(parts[:n])], nn.ModuleList)), None)
        if depth is None:
            raise ArchitectureRefused(f"{path} of this network stands in no list of blocks.")
        blocks.append(".".join(parts[: depth + 1]))
    return tuple(blocks)


def input_norm(network: PreTrainedModel, layer: int) -> Callable[[Tensor], Tensor]:
    """The norm between the residual stream and the attention of `layer`; families without one are refused.

    It is the module whose output q, k and v are made of; only where that is not known, a module of a usual name.
    """
    blocks = block_paths(network)
    layout = find_layouts(network, blocks)[layer].layout
    if isinstance(layout, AttentionLayout) and layout.input_norm is not None:
        return layout.input_norm
    block = dict(network.named_modules())[blocks[layer]]
    named = _first(block, "input_layernorm", "ln_1", "attention_norm")
    if named is None or (isinstance(layout, AttentionLayout) and layout.reads_stream):
        raise ArchitectureRefused(
            f"{type(block).__name__} has no norm before its attention that is known here (post-norm families have "
            "none): its heads read the residual stream as it is."
        )
    return named


def final_norm(network: PreTrainedModel) -> nn.Module:
    """The norm before the unembedding; `readout.logit_readout` proves that it is the last thing before it."""
    base = network.base_model
    names = ("norm", "ln_f", "final_layer_norm", "final_layernorm", "norm_f", "layer_norm")
    norm = _first(base, *names)
    for inner in ("decoder", "model", "transformer"):
        if norm is None and isinstance(getattr(base, inner, None), nn.Module):
            norm = _first(getattr(base, inner), *names)
    if norm is None:
        raise ArchitectureRefused(f"the final norm of {type(network).__name__} was not found.")
    return norm


def unembedding(network: PreTrainedModel) -> Float[Tensor, "d_vocab d_model"]:
    """W_U, one row a token."""
    head: Any = network.get_output_embeddings()
    if head is None:
        raise ArchitectureRefused(f"{type(network).__name__} has no unembedding, so nothing can be read as logits.")
    weight: Tensor = head.weight
    return weight


@contextmanager
def mlp_silenced(block: nn.Module, path: str, keep: nn.Module | None = None) -> Iterator[None]:
    """Have everything in a block but its attention add nothing to the residual stream, inside the `with` block.

    Every module that holds matrices of its own gives zero, except those of the child of the block that holds the
    attention module `path`, and `keep`. Norms go on, so that a residual stream that passes one still passes it.
    """
    own = {id(module) for module in keep.modules()} if keep is not None else set()
    own |= {id(module) for module in _branch(block, path).modules()}
    hooks = [
        module.register_forward_hook(lambda _m, _i, output: _zeroed(output))
        for module in block.modules()
        if id(module) not in own and any(p.dim() > 1 for p in module.parameters(recurse=False))
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _branch(block: nn.Module, path: str) -> nn.Module:
    """The child of the block that the attention module `path` is, or lies in."""
    parts = path.split(".")
    for start in range(len(parts)):
        try:
            block.get_submodule(".".join(parts[start:]))
        except AttributeError:
            continue
        return block.get_submodule(parts[start])
    raise ArchitectureRefused(f"{path} does not lie in its block.")


def mlp_of(block: nn.Module) -> nn.Module | None:
    """The MLP of a block, where it has one of a known name."""
    for name in ("mlp", "feed_forward", "ffn", "block_sparse_moe"):
        module = getattr(block, name, None)
        if isinstance(module, nn.Module):
            return module
    return None


def first_of(output: Any) -> Tensor:
    """The hidden states of a module that may return more beside them."""
    first: Tensor = output[0] if isinstance(output, tuple | list) else output
    return first


def _zeroed(output: Any) -> Any:
    """The same output with nothing in its first tensor."""
    if isinstance(output, tuple | list):
        return type(output)((torch.zeros_like(output[0]), *output[1:]))
    return torch.zeros_like(output)
