"""The network of a small model: stock Llama, its weights drawn by seed."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from survey_tools.heads.training.recipe import Shape


def build_network(shape: Shape, d_vocab: int, seed: int) -> LlamaForCausalLM:
    """A network before its first step: embedding and unembedding are one matrix, every head has keys of its own.

    The same seed gives the same weights; the caller's random state is left alone.
    """
    config = LlamaConfig(
        vocab_size=d_vocab,
        hidden_size=shape.d_model,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=shape.d_head,
        intermediate_size=shape.d_mlp,
        max_position_embeddings=shape.context,
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        initializer_range=shape.initial_spread,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=None,
        architectures=["LlamaForCausalLM"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def parameter_count(network: torch.nn.Module) -> int:
    """Numbers that are learnt, the tied embedding once."""
    return sum(parameter.numel() for parameter in network.parameters())
