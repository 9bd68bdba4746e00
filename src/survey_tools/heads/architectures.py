"""Where a family keeps the projections of its attention, its norms and its blocks.

Layouts are recognised by the names of the modules; `weights.heads_add_up` proves W_O on numbers, and the tests
prove the others family by family. Add a family's layout here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import PreTrainedModel

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.interception import attach


@dataclass(frozen=True)
class Projection:
    """Some columns of a linear map: `columns[head]` are the outputs that belong to that (kv) head."""

    module: nn.Module
    columns: Int[Tensor, "head d_head"]

    def weight(self) -> Float[Tensor, "head d_model d_head"]:
        """Weights that act on the right: x @ weight[head]."""
        weight: Tensor = self.module.weight  # type: ignore[assignment]
        inward = weight if is_conv1d(self.module) else weight.T
        return inward[:, self.columns].permute(1, 0, 2)

    def bias(self) -> Float[Tensor, "head d_head"] | None:
        """The bias of each head, or None."""
        bias = self.module.bias
        return None if bias is None else bias[self.columns]  # type: ignore[index]


@dataclass(frozen=True)
class AttentionLayout:
    """The four projections of one attention module."""

    query: Projection
    key: Projection
    value: Projection
    out: nn.Module

    def linears(self) -> tuple[nn.Module, ...]:
        """The distinct modules that make q, k and v."""
        return tuple({id(p.module): p.module for p in (self.query, self.key, self.value)}.values())


def is_conv1d(module: nn.Module) -> bool:
    """GPT-2's own linear layer keeps its weight as [in, out]."""
    return type(module).__name__ == "Conv1D"


def _first(module: nn.Module, *names: str) -> nn.Module | None:
    return next((getattr(module, name) for name in names if isinstance(getattr(module, name, None), nn.Module)), None)


def attention_layout(network: PreTrainedModel, layer: int) -> AttentionLayout:
    """The projections of attention module `layer` (numbered as `attach` numbers them)."""
    facts = attach(network)
    path = facts.paths[layer]
    modules = dict(network.named_modules())
    module = modules[path]
    heads, width = facts.heads[layer], facts.d_heads[layer]
    out = _first(module, "o_proj", "out_proj", "c_proj", "dense")
    if out is None:  # BERT keeps W_O in the sibling of the module that attends
        out = modules.get(path.rsplit(".", 1)[0] + ".output.dense")
    separate = [_first(module, *names) for names in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"))]
    if out is not None and all(part is not None for part in separate):
        q, k, v = (Projection(part, _rows(part, width)) for part in separate if part is not None)
        return AttentionLayout(q, k, v, out)
    fused = _first(module, "c_attn", "qkv_proj", "query_key_value")
    if out is None or fused is None:
        raise ArchitectureRefused(
            f"where {type(module).__name__} keeps its query, key and value weights is not known; "
            "add its layout to heads/architectures.py."
        )
    q_at, k_at, v_at = _fused_columns(fused, heads, width, interleaved=hasattr(module, "query_key_value"))
    return AttentionLayout(Projection(fused, q_at), Projection(fused, k_at), Projection(fused, v_at), out)


def _out_features(module: nn.Module) -> int:
    weight: Tensor = module.weight  # type: ignore[assignment]
    return int(weight.shape[1] if is_conv1d(module) else weight.shape[0])


def _rows(module: nn.Module, width: int) -> Tensor:
    return torch.arange(_out_features(module)).reshape(-1, width)


def _fused_columns(module: nn.Module, heads: int, width: int, interleaved: bool) -> tuple[Tensor, Tensor, Tensor]:
    columns = torch.arange(_out_features(module))
    if interleaved:  # GPT-NeoX: q, k and v of head 0, then of head 1, ...
        by_head = columns.reshape(heads, 3, width)
        return by_head[:, 0], by_head[:, 1], by_head[:, 2]
    kv_heads = (len(columns) // width - heads) // 2
    q, k, v = torch.split(columns, [heads * width, kv_heads * width, kv_heads * width])
    return q.reshape(heads, width), k.reshape(kv_heads, width), v.reshape(kv_heads, width)


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
    """The norm between the residual stream and the attention of `layer`; families without one are refused."""
    block = dict(network.named_modules())[block_paths(network)[layer]]
    norm = _first(block, "input_layernorm", "ln_1", "attention_norm")
    if norm is None:
        raise ArchitectureRefused(
            f"{type(block).__name__} has no norm before its attention that is known here (post-norm families have "
            "none); add its name to heads/architectures.py."
        )
    return norm


def final_norm(network: PreTrainedModel) -> nn.Module:
    """The norm before the unembedding."""
    norm = _first(network.base_model, "norm", "ln_f", "final_layer_norm", "final_layernorm")
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
def mlp_silenced(block: nn.Module, path: str) -> Iterator[None]:
    """Have the MLP of a block add nothing to the residual stream, inside the `with` block."""
    mlp = _first(block, "mlp", "feed_forward", "ffn", "block_sparse_moe")
    if mlp is None:
        raise ArchitectureRefused(
            f"the MLP beside {path} was not found, so what its heads write can't be told apart; "
            "add its name to heads/architectures.py."
        )
    hook = mlp.register_forward_hook(lambda _m, _i, output: _zeroed(output))
    try:
        yield
    finally:
        hook.remove()


def first_of(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """The hidden states of a module that may return more beside them."""
    return output[0] if isinstance(output, tuple) else output


def _zeroed(output: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    if isinstance(output, tuple):
        return (torch.zeros_like(output[0]), *output[1:])
    return torch.zeros_like(output)
