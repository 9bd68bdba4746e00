"""The embedded default model, from the package index: slow, and only where it can be had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tiny_gguf import plain_state
from transformers import AutoModelForCausalLM

from survey_tools.errors import ModelUnavailable
from survey_tools.heads.models import LoadedModel, PackageSource, Wheel, load, pull, verify
from survey_tools.heads.supply import wheels
from survey_tools.heads.supply.sources import silent

MODELS = Path(__file__).parents[3] / "models"
NAME = "smollm2-135m-instruct"

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture(autouse=True)
def cache() -> None:
    """In the place of the empty cache of the other tests: this model is worth keeping in the real one."""


@pytest.fixture(scope="module")
def source() -> PackageSource:
    record = yaml.safe_load((MODELS / f"{NAME}.yml").read_text(encoding="utf-8"))["source"]
    pinned = tuple(Wheel(**wheel) for wheel in record["wheels"])
    return PackageSource(record["format"], pinned, record["sha256"], record["bytes"])


@pytest.fixture(scope="module")
def model(source: PackageSource) -> LoadedModel:
    try:
        return load(NAME, source)
    except ModelUnavailable as error:
        pytest.skip(f"the package index cannot be reached: {error}")


@pytest.fixture
def gguf(source: PackageSource, tmp_path: Path, model: LoadedModel) -> Iterator[Path]:
    path = tmp_path / "gguf" / "model.gguf"
    path.parent.mkdir()
    wheels.join_members(source, wheels.fetch_wheels(source, tmp_path / "wheels", silent), path, silent)
    yield path
    path.unlink()


def test_the_record_names_the_model_that_loads(model: LoadedModel, source: PackageSource) -> None:
    record = yaml.safe_load((MODELS / f"{NAME}.yml").read_text(encoding="utf-8"))
    config = model.network.config
    assert record["shape"] == {
        "architecture": type(model.network).__name__,
        "layers": config.num_hidden_layers,
        "heads": config.num_attention_heads,
        "kv_heads": config.num_key_value_heads,
        "d_model": config.hidden_size,
        "d_head": config.head_dim,
        "d_vocab": config.vocab_size,
        "context": config.max_position_embeddings,
    }
    verify(NAME, source)


def test_logits_are_those_of_the_gguf_file_to_the_last_bit(model: LoadedModel, gguf: Path) -> None:
    assert model.tokenizer is not None
    tokens = model.tokenizer("The capital of France is Paris, and 12 + 34 is", return_tensors="pt")["input_ids"]
    direct = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).eval()
    with torch.no_grad():
        assert torch.equal(model.network(tokens).logits, direct(tokens).logits)


def test_weights_are_those_of_a_plain_dequantisation_to_the_last_bit(
    model: LoadedModel, source: PackageSource, gguf: Path
) -> None:
    ours = load_file(pull(NAME, source) / "model.safetensors")
    plain = plain_state(gguf, "llama", heads=9, kv_heads=3)
    assert ours.keys() == plain.keys()
    assert [name for name, tensor in plain.items() if not torch.equal(ours[name], tensor)] == []


def test_the_tokenizer_is_the_makers(model: LoadedModel) -> None:
    assert model.tokenizer is not None
    assert model.prepend_bos is False
    text = "Don't split  12345 'wörds' at <|im_end|>\n\nends."
    tokens = model.tokenizer(text)["input_ids"]
    assert model.tokenizer.decode(tokens) == text
    assert [model.tokenizer.decode([token]) for token in model.tokenizer("12345")["input_ids"]] == list("12345")


def test_it_completes_a_sentence(model: LoadedModel) -> None:
    assert model.tokenizer is not None
    tokens = model.tokenizer("The capital of France is", return_tensors="pt")
    answer = model.network.generate(**tokens, max_new_tokens=1, do_sample=False)
    assert model.tokenizer.decode(answer[0]).endswith(" Paris")


def test_a_pulled_folder_holds_no_name_of_this_machine(model: LoadedModel, source: PackageSource) -> None:
    for path in pull(NAME, source).glob("*.json"):
        assert str(Path.home()) not in path.read_text(encoding="utf-8")
