"""Weights of our own small trained models: in the package, and as checkpoints of a training on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from tiny_models import WORDS, sha256, word_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from survey_tools.errors import ModelCorrupt, ModelUnavailable
from survey_tools.heads.models import TrainedSource, is_cached, load, pull, verify
from survey_tools.heads.supply import trained
from survey_tools.heads.supply.trained import TrainedFiles, checkpoint_files, packaged_files, trained_steps


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of the package's own data."""
    monkeypatch.setattr(trained, "DATA", tmp_path / "data")
    return tmp_path / "data"


def write(files: TrainedFiles, *, seed: int = 0) -> dict[str, torch.Tensor]:
    """A random tiny Llama in float16, its unembedding tied; returns what is in the weights file."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2,
        tie_word_embeddings=True, bos_token_id=0, eos_token_id=0, architectures=["LlamaForCausalLM"],
    )  # fmt: skip
    files.weights.parent.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.half() for name, tensor in LlamaForCausalLM(config).state_dict().items()}
    del state["lm_head.weight"]
    save_file(state, files.weights, metadata={"format": "pt"})
    config.to_json_file(files.config, use_diff=False)
    word_tokenizer(starts_with_bos=True).backend_tokenizer.save(str(files.tokenizer))
    return state


def test_finished_weights_are_read_from_the_package_in_float32(cache: Path) -> None:
    files = packaged_files("tiny", 0)
    assert [path.name for path in (files.config, files.weights, files.tokenizer)] == [
        "tiny.json", "tiny-0.safetensors", "tiny.tokenizer.json",
    ]  # fmt: skip
    state = write(files)
    model = load("tiny", TrainedSource("tiny"))
    assert model.network.dtype == torch.float32
    loaded = model.network.state_dict()
    assert all(torch.equal(loaded[name], tensor.float()) for name, tensor in state.items())
    assert torch.equal(loaded["lm_head.weight"], loaded["model.embed_tokens.weight"])
    assert model.digest == sha256(files.weights.read_bytes())
    assert model.tokenizer is not None
    assert model.tokenizer("w0 w1 nonsense")["input_ids"] == [0, 2, 3, 1]
    assert model.prepend_bos
    assert model.network.name_or_path == "tiny"
    assert not cache.exists()
    assert is_cached("tiny", TrainedSource("tiny"))


def test_a_checkpoint_is_read_from_the_cache(cache: Path) -> None:
    files = checkpoint_files("tiny", 3, 200)
    assert files.weights == cache / "trained" / "tiny-3" / "step-200" / "model.safetensors"
    state = write(files)
    source = TrainedSource("tiny", 3, 200)
    model = load("tiny@seed-3-step-200", source)
    assert torch.equal(model.network.state_dict()["model.norm.weight"], state["model.norm.weight"].float())
    assert pull("tiny@seed-3-step-200", source) == files.weights.parent
    assert model.source == source
    assert trained_steps("tiny", 3) == (200,)


def test_a_half_written_checkpoint_is_none() -> None:
    write(checkpoint_files("tiny", 0, 10))
    write(checkpoint_files("tiny", 0, 9))
    checkpoint_files("tiny", 0, 10).tokenizer.unlink()
    (checkpoint_files("tiny", 0, 9).weights.parent.parent / "step-old").mkdir()
    assert trained_steps("tiny", 0) == (9,)


def test_a_seed_that_nobody_trained_says_the_command() -> None:
    with pytest.raises(ModelUnavailable) as caught:
        load("tiny@seed-1", TrainedSource("tiny", 1))
    assert str(caught.value) == (
        "tiny@seed-1: the finished weights of seed 1 are not in the package; `survey train tiny --seed 1` makes them"
    )
    assert not is_cached("tiny@seed-1", TrainedSource("tiny", 1))
    with pytest.raises(ModelUnavailable, match="no checkpoint of step 5 is on this machine; `survey train tiny --see"):
        load("tiny@seed-1-step-5", TrainedSource("tiny", 1, 5))


def test_a_training_that_may_not_be_finished_is_no_finished_model() -> None:
    write(checkpoint_files("tiny", 1, 50))
    with pytest.raises(ModelUnavailable, match=r"of its checkpoints here, tiny@seed-1-step-50 is the last$"):
        load("tiny@seed-1", TrainedSource("tiny", 1))


def test_a_step_without_a_checkpoint_names_the_nearest() -> None:
    for step in (1, 8, 64):
        write(checkpoint_files("tiny", 0, step))
    with pytest.raises(
        ModelUnavailable, match=r"no checkpoint of step 10 is on this machine; the nearest are 1 and 8$"
    ):
        load("tiny@step-10", TrainedSource("tiny", 0, 10))


def test_the_pinned_hash_is_the_one_that_is_read() -> None:
    files = packaged_files("tiny", 0)
    write(files)
    verify("tiny", TrainedSource("tiny", sha256=sha256(files.weights.read_bytes())))
    with pytest.raises(ModelCorrupt, match=r"tiny-0\.safetensors is not the pinned file"):
        load("tiny", TrainedSource("tiny", sha256="0" * 64))


def test_there_is_nothing_to_pull_for_packaged_weights() -> None:
    write(packaged_files("tiny", 0))
    with pytest.raises(ModelUnavailable, match=r"tiny comes with the package as tiny-0\.safetensors: nothing to pull"):
        pull("tiny", TrainedSource("tiny"))


def test_weights_that_do_not_fit_are_named() -> None:
    files = packaged_files("tiny", 0)
    state = write(files)
    del state["model.norm.weight"]
    save_file(state, files.weights, metadata={"format": "pt"})
    with pytest.raises(ModelCorrupt, match=r"lacks 1 tensor\(s\) that a LlamaForCausalLM has, first model\.norm\.we"):
        load("tiny", TrainedSource("tiny"))
    files.weights.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelCorrupt, match=r"tiny-0\.safetensors is not a safetensors file"):
        load("tiny", TrainedSource("tiny"))
