"""The same weights by two roads: our converter, and the `gguf` package's own reader and dequantisation."""

from __future__ import annotations

from pathlib import Path

import gguf
import pytest
import torch
from safetensors.torch import load_file
from tiny_gguf import FAMILIES, KINDS, plain_state, write_gguf

from survey_tools.heads.supply.gguf_conversion import convert_gguf


@pytest.fixture(params=sorted(FAMILIES))
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def converted(architecture: str, tmp_path: Path) -> tuple[Path, Path]:
    file = tmp_path / "gguf" / "model.gguf"
    file.parent.mkdir()
    write_gguf(file, architecture)
    convert_gguf(file, tmp_path / "converted")
    return file, tmp_path / "converted"


def test_both_roads_agree_to_the_last_bit(architecture: str, converted: tuple[Path, Path]) -> None:
    file, folder = converted
    ours, plain = load_file(folder / "model.safetensors"), plain_state(file, architecture)
    assert ours.keys() == plain.keys()
    assert {tensor.dtype for tensor in ours.values()} == {torch.float32}
    different = [name for name, tensor in plain.items() if not torch.equal(ours[name], tensor)]
    assert different == []


def test_the_file_holds_every_kind_of_quantisation(architecture: str, converted: tuple[Path, Path]) -> None:
    tensors = gguf.GGUFReader(converted[0]).tensors
    kinds = {tensor.tensor_type.name for tensor in tensors}
    assert kinds == {kind.name for part, kind in KINDS.items() if part != "output"} | {"F32", "Q8_0"}
    assert all(torch.isfinite(tensor).all() for tensor in plain_state(converted[0], architecture).values())


def test_the_roads_would_differ_without_what_each_family_needs(tmp_path: Path) -> None:
    """The rows of q and k in another order, norms without their 1: each changes numbers, so the proof sees it."""
    for architecture, parts in (("llama", ("q_proj", "k_proj")), ("gemma3", ("norm",))):
        file = tmp_path / f"{architecture}.gguf"
        write_gguf(file, architecture)
        renamed = plain_state(file, architecture)
        untouched = {name: torch.from_numpy(t.copy()) for name, t in _as_stored(file).items()}
        changed = {name for name, tensor in renamed.items() if not _among(tensor, untouched.values())}
        assert changed == {name for name in renamed if any(part in name for part in parts)}


def _as_stored(file: Path) -> dict:
    return {t.name: gguf.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(file).tensors}


def _among(tensor: torch.Tensor, others: object) -> bool:
    return any(other.shape == tensor.shape and torch.equal(other, tensor) for other in others)
