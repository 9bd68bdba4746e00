"""Tiny random networks of eight families, and real tiny models where they are at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForMaskedLM, PreTrainedModel

COMMON = {
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "head_dim": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GPT2 = {
    "vocab_size": 100,
    "n_positions": 64,
    "n_embd": 32,
    "n_layer": 3,
    "n_head": 4,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
FAMILIES: dict[str, dict[str, object]] = {
    "gpt2": GPT2,
    "gpt_neox": COMMON,
    "llama": COMMON,
    "mistral": {**COMMON, "sliding_window": 8},
    "qwen3": COMMON,
    "gemma2": {**COMMON, "sliding_window": 8, "query_pre_attn_scalar": 8},
    "gpt_oss": {**COMMON, "sliding_window": 8, "num_local_experts": 2, "num_experts_per_tok": 1},
    "bert": {**COMMON, "is_decoder": False},
}
STORIES = Path(__file__).resolve().parents[3] / "shared" / "models" / "stories260K"


def make_network(family: str, seed: int = 0, dtype: torch.dtype = torch.float32) -> PreTrainedModel:
    """A network with weights large enough that its attention is far from uniform."""
    torch.manual_seed(seed)
    config = AutoConfig.for_model(family, **FAMILIES[family])
    kind = AutoModelForMaskedLM if family == "bert" else AutoModelForCausalLM
    network = kind.from_config(config).eval().requires_grad_(False).to(dtype)
    for name, parameter in network.named_parameters():
        if parameter.dim() > 1:
            parameter.normal_(0, 0.3)
        if "sinks" in name or "bias" in name:
            parameter.normal_(0, 0.5)
    return network


@pytest.fixture(params=sorted(FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def network(family: str) -> PreTrainedModel:
    return make_network(family)


@pytest.fixture(scope="session")
def tokens() -> torch.Tensor:
    return torch.randint(3, 100, (2, 32), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def make() -> Callable[..., PreTrainedModel]:
    return make_network


@pytest.fixture(scope="session")
def stories():
    """The tiny real model that some checkouts have beside them."""
    if not STORIES.is_dir():
        pytest.skip("../shared/models/stories260K is not here")
    from survey_tools.heads.models import load, source_of

    return load("stories260K", source_of(str(STORIES)))


@pytest.fixture(scope="session")
def planted():
    from survey_tools.heads.methods.controls import planted_model

    return planted_model()
