"""Tiny models in every form that weights come in: a folder, a GGUF file, a wheel around either."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertForMaskedLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = ["<s>", "<unk>", *(f"w{number}" for number in range(30))]
D_MODEL, D_HEAD, LAYERS, HEADS, KV_HEADS, D_MLP = 64, 16, 2, 4, 2, 96


def write_llama_folder(folder: Path, *, starts_with_bos: bool = False) -> LlamaForCausalLM:
    """A random two-layer Llama with a word tokenizer, saved the way transformers saves."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(WORDS),
        hidden_size=D_MODEL,
        intermediate_size=D_MLP,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KV_HEADS,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    network = LlamaForCausalLM(config)
    network.save_pretrained(folder)
    word_tokenizer(starts_with_bos).save_pretrained(folder)
    return network


def word_tokenizer(starts_with_bos: bool) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    if starts_with_bos:
        tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>")


def write_bert_folder(folder: Path) -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
    )
    BertForMaskedLM(config).save_pretrained(folder)


def write_llama_gguf(path: Path) -> None:
    """A random quantised Llama (Q4_1, as the default model is) with a byte-pair tokenizer of few words."""
    random = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(D_MODEL)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(D_MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(D_HEAD)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    letters = ["<s>", "Ġ", *"abcdefghij", "ab", "cd", "Ġab"]
    writer.add_vocab_size(len(letters))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(letters)
    writer.add_token_types([3] + [1] * (len(letters) - 1))
    writer.add_token_merges(["a b", "c d", "Ġ ab"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)

    def add(name: str, *shape: int) -> None:
        values = random.normal(0, 0.2, shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(name, values + 1)
        else:
            kind = gguf.GGMLQuantizationType.Q4_1
            writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    add("token_embd.weight", len(letters), D_MODEL)
    add("output_norm.weight", D_MODEL)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        add(f"{block}.attn_norm.weight", D_MODEL)
        add(f"{block}.ffn_norm.weight", D_MODEL)
        add(f"{block}.attn_q.weight", HEADS * D_HEAD, D_MODEL)
        add(f"{block}.attn_k.weight", KV_HEADS * D_HEAD, D_MODEL)
        add(f"{block}.attn_v.weight", KV_HEADS * D_HEAD, D_MODEL)
        add(f"{block}.attn_output.weight", D_MODEL, HEADS * D_HEAD)
        add(f"{block}.ffn_gate.weight", D_MLP, D_MODEL)
        add(f"{block}.ffn_up.weight", D_MLP, D_MODEL)
        add(f"{block}.ffn_down.weight", D_MODEL, D_MLP)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_wheel(folder: Path, name: str, members: Mapping[str, bytes], version: str = "1.0") -> Path:
    """A wheel that pip accepts, with `members` as its content and code that must never run."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-py3-none-any.whl"
    info = f"{stem}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{name.replace('-', '_')}/__init__.py", "raise SystemExit('the package was imported')")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
