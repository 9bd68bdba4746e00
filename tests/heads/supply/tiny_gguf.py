"""Tiny quantised GGUF files of three families, and the plain road from such a file to a state dict.

The plain road shares nothing with the converter: the tensors are read and dequantised by the `gguf` package, and
renamed by the table below, which was written from the format's own names.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Kind

LAYERS, HEADS, KV_HEADS, D_HEAD, D_MODEL, D_MLP = 2, 4, 2, 64, 256, 512  # K-quants need rows of 256 numbers
LETTERS = ["<s>", "Ġ", *"abcdefghij", "ab", "cd", "Ġab"]
PIECES = ["<pad>", "<eos>", "<bos>", "<unk>", "▁", *"abcdefghij", "ab", "▁ab"]


@dataclass(frozen=True)
class Family:
    """How one architecture lies in a GGUF file; Hugging Face's name of each part of a layer by GGUF's."""

    parts: dict[str, str]
    tied: bool = True
    permuted: frozenset[str] = frozenset()
    """Parts whose rows llama.cpp keeps in the order of interleaved RoPE."""
    norms_hold_one: bool = False
    """Gemma multiplies by 1 + weight; GGUF files hold the sum."""
    biased: bool = False


_COMMON = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
FAMILIES = {
    "llama": Family(_COMMON | {"ffn_norm": "post_attention_layernorm"}, permuted=frozenset({"attn_q", "attn_k"})),
    "qwen2": Family(_COMMON | {"ffn_norm": "post_attention_layernorm"}, tied=False, biased=True),
    "gemma3": Family(
        _COMMON
        | {
            "attn_q_norm": "self_attn.q_norm",
            "attn_k_norm": "self_attn.k_norm",
            "post_attention_norm": "post_attention_layernorm",
            "ffn_norm": "pre_feedforward_layernorm",
            "post_ffw_norm": "post_feedforward_layernorm",
        },
        norms_hold_one=True,
    ),
}

KINDS = {
    "token_embd": Kind.Q6_K,
    "output": Kind.Q8_0,
    "attn_q": Kind.Q4_K,
    "attn_k": Kind.Q5_K,
    "attn_v": Kind.Q6_K,
    "attn_output": Kind.Q4_1,
    "ffn_gate": Kind.Q8_0,
    "ffn_up": Kind.F16,
    "ffn_down": Kind.Q5_0,
}
"""One file holds them all, as real ones hold several; norms and biases are float32."""

_SHAPES = {
    "token_embd": (0, D_MODEL),
    "output": (0, D_MODEL),
    "attn_q": (HEADS * D_HEAD, D_MODEL),
    "attn_k": (KV_HEADS * D_HEAD, D_MODEL),
    "attn_v": (KV_HEADS * D_HEAD, D_MODEL),
    "attn_output": (D_MODEL, HEADS * D_HEAD),
    "ffn_gate": (D_MLP, D_MODEL),
    "ffn_up": (D_MLP, D_MODEL),
    "ffn_down": (D_MODEL, D_MLP),
    "attn_q_norm": (D_HEAD,),
    "attn_k_norm": (D_HEAD,),
}
_SCALES = {Kind.Q4_K: (0, 2), Kind.Q5_K: (0, 2), Kind.Q6_K: (208,)}
"""Where the float16 scales of a block lie: random bytes there need not be numbers."""


def write_gguf(path: Path, architecture: str = "llama") -> None:
    """A random two-layer model of many kinds of quantisation, with a tokenizer of few words."""
    family, random = FAMILIES[architecture], np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_context_length(64)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(D_MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    if architecture == "gemma3":
        writer.add_key_length(D_HEAD)
        writer.add_value_length(D_HEAD)
        writer.add_sliding_window(32)
    else:
        writer.add_rope_dimension_count(D_HEAD)
    words = _add_tokenizer(writer, architecture)
    tops = ["token_embd", "output_norm"] + ([] if family.tied else ["output"])
    names = tops + [f"blk.{layer}.{part}" for layer in range(LAYERS) for part in family.parts]
    for name in names:
        part = name.split(".")[-1]
        shape = tuple(size or words for size in _SHAPES.get(part, (D_MODEL,)))
        _add(writer, f"{name}.weight", shape, KINDS.get(part, Kind.F32), random)
        if family.biased and part in ("attn_q", "attn_k", "attn_v"):
            _add(writer, f"{name}.bias", shape[:1], Kind.F32, random)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add(writer: gguf.GGUFWriter, name: str, shape: tuple[int, ...], kind: Kind, random: np.random.Generator) -> None:
    values = random.normal(1 if "norm" in name else 0, 0.2, shape).astype(np.float32)
    if kind in (Kind.F32, Kind.F16):
        writer.add_tensor(name, values.astype(np.float16 if kind is Kind.F16 else np.float32))
    elif kind in _SCALES:  # which the package can read and not make
        writer.add_tensor(name, _random_blocks(shape, kind, random), raw_dtype=kind)
    else:
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)


def _random_blocks(shape: tuple[int, ...], kind: Kind, random: np.random.Generator) -> np.ndarray:
    rows, columns = shape
    numbers, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (rows, columns // numbers, size), dtype=np.uint8)
    for place in _SCALES[kind]:
        scale = random.normal(0, 1e-3, (rows, columns // numbers, 1)).astype(np.float16)
        blocks[:, :, place : place + 2] = scale.view(np.uint8)
    return blocks.reshape(rows, -1)


def _add_tokenizer(writer: gguf.GGUFWriter, architecture: str) -> int:
    if architecture == "gemma3":
        writer.add_tokenizer_model("llama")
        writer.add_token_list(PIECES)
        writer.add_token_scores([-float(number) for number in range(len(PIECES))])
        writer.add_token_types([3, 3, 3, 2] + [1] * (len(PIECES) - 4))
        writer.add_vocab_size(len(PIECES))
        writer.add_pad_token_id(0)
        writer.add_eos_token_id(1)
        writer.add_bos_token_id(2)
        writer.add_unk_token_id(3)
        return len(PIECES)
    writer.add_vocab_size(len(LETTERS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm" if architecture == "llama" else "qwen2")
    writer.add_token_list(LETTERS)
    writer.add_token_types([3] + [1] * (len(LETTERS) - 1))
    writer.add_token_merges(["a b", "c d", "Ġ ab"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    return len(LETTERS)


def plain_state(path: Path, architecture: str, heads: int = HEADS, kv_heads: int = KV_HEADS) -> dict[str, torch.Tensor]:
    """The state dict of a GGUF file by the plain road: read, dequantise, rename."""
    family = FAMILIES[architecture]
    tops = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
    state = {}
    for tensor in gguf.GGUFReader(path).tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        stem, _, ending = tensor.name.rpartition(".")
        part = stem.split(".")[-1]
        name = tops[stem] if stem in tops else f"model.layers.{stem.split('.')[1]}.{family.parts[part]}"
        if part in family.permuted:
            count = heads if part == "attn_q" else kv_heads
            values = values.reshape(count, -1, 2, values.shape[-1]).swapaxes(1, 2).reshape(values.shape)
        if family.norms_hold_one and "norm" in part:
            values = values - np.float32(1)
        state[f"{name}.{ending}"] = torch.from_numpy(np.array(values))
    return state
