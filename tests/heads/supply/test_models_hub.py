"""Weights from a model hub, over one that runs on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from loopback import COMMIT, Hub
from spoken import Spoken
from tiny_models import sha256

from survey_tools.errors import ArchitectureRefused, ModelCorrupt, ModelUnavailable, ModelUnknown
from survey_tools.heads.models import HubSource, is_cached, load, pull, verify
from survey_tools.heads.supply import room

PINNED = HubSource("tiny/llama", COMMIT)


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's library waits a second before it tries again."""
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _seconds: None)


def test_a_pinned_revision_is_pulled_once(hub: Hub, llama_folder: Path) -> None:
    folder = pull("tiny/llama", PINNED)
    assert (folder / "model.safetensors").read_bytes() == (llama_folder / "model.safetensors").read_bytes()
    assert not (folder / ".cache").exists()
    hub.requests.clear()
    assert is_cached("tiny/llama", PINNED)
    assert pull("tiny/llama", PINNED) == folder
    assert hub.requests == []


def test_without_a_revision_the_one_taken_is_named(hub: Hub, llama_folder: Path, spoken: Spoken) -> None:
    model = load("tiny/llama", HubSource("tiny/llama"), progress=spoken)
    assert spoken.words[0] == f"tiny/llama: taking revision {COMMIT}"
    assert model.source == PINNED
    assert model.digest == sha256((llama_folder / "model.safetensors").read_bytes())


def test_a_branch_is_asked_for_once_and_found_by_its_name(hub: Hub) -> None:
    step = HubSource("tiny/llama", "step7")
    hub.branches.add("step7")
    assert not is_cached("tiny/llama", step)
    folder = pull("tiny/llama", step)
    hub.requests.clear()
    assert is_cached("tiny/llama", step)
    assert pull("tiny/llama", step) == folder == pull("tiny/llama", PINNED)
    verify("tiny/llama", step)
    assert hub.requests == []


def test_without_a_revision_the_hub_is_asked_again_and_where_it_is_gone_the_last_is_taken(
    hub: Hub, monkeypatch: pytest.MonkeyPatch, spoken: Spoken
) -> None:
    newest = HubSource("tiny/llama")
    folder = pull("tiny/llama", newest)
    hub.requests.clear()
    assert pull("tiny/llama", newest) == folder
    assert len(hub.requests) == 1, "there may be a newer one"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert pull("tiny/llama", newest, progress=spoken) == folder
    assert spoken.words[-1].endswith(f"taking revision {COMMIT}, which is in the cache")
    assert load("tiny/llama", newest).source == PINNED


def test_a_name_that_was_never_pulled_needs_the_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for source in (HubSource("tiny/llama"), HubSource("tiny/llama", "step7")):
        with pytest.raises(ModelUnavailable, match=r"cannot reach http://127\.0\.0\.1:9"):
            pull("tiny/llama", source)
        with pytest.raises(ModelUnavailable, match="is not in the cache"):
            verify("tiny/llama", source)


def test_files_that_no_model_is_made_of_stay_there(hub: Hub, llama_folder: Path) -> None:
    (llama_folder / "modeling_own.py").write_text("raise SystemExit")
    (llama_folder / "training_args.bin").write_bytes(b"pickle")
    names = {path.name for path in pull("tiny/llama", PINNED).iterdir()}
    assert "config.json" in names
    assert not names & {"modeling_own.py", "training_args.bin"}


def test_a_gated_model_says_where_to_accept_its_licence(hub: Hub) -> None:
    hub.gated = True
    with pytest.raises(ModelUnavailable) as caught:
        pull("tiny/llama", PINNED)
    assert str(caught.value) == (
        f"tiny/llama is gated: accept its licence at {hub.url}/tiny/llama, then log in with `hf auth login` "
        "or set HF_TOKEN"
    )


def test_an_unknown_repository_is_named(hub: Hub) -> None:
    with pytest.raises(ModelUnknown, match=r"no model tiny/lama on http://127.*; check the spelling"):
        pull("tiny/lama", HubSource("tiny/lama"))


def test_an_unknown_revision_is_named(hub: Hub) -> None:
    with pytest.raises(ModelUnknown, match="tiny/llama has no revision v7; see http"):
        pull("tiny/llama", HubSource("tiny/llama", "v7"))


def test_an_unreachable_hub_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelUnavailable, match=r"cannot reach http://127\.0\.0\.1:9 for tiny/llama \(ConnectError\)"):
        pull("tiny/llama", PINNED)


def test_pickled_weights_are_refused_before_they_are_downloaded(hub: Hub, llama_folder: Path) -> None:
    (llama_folder / "model.safetensors").rename(llama_folder / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match=r"tiny/llama has its weights as pytorch_model\.bin; only safetensors"):
        pull("tiny/llama", PINNED)
    assert not any("/resolve/" in request for request in hub.requests)


def test_a_model_that_needs_its_own_code_is_refused_before_its_weights(hub: Hub, llama_folder: Path) -> None:
    config = json.loads((llama_folder / "config.json").read_text())
    config |= {"architectures": ["OwnForCausalLM"], "auto_map": {"AutoModelForCausalLM": "modeling_own.Own"}}
    (llama_folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(
        ArchitectureRefused, match=r"tiny/llama is a OwnForCausalLM.*needs code from the repository, which is never run"
    ):
        pull("tiny/llama", PINNED)
    assert not any("model.safetensors" in request for request in hub.requests)


def test_weights_that_are_not_the_hubs_by_hash_are_refused(hub: Hub) -> None:
    hub.lies_about_hashes = True
    with pytest.raises(ModelCorrupt, match=r"model\.safetensors of tiny/llama is not the pinned file"):
        pull("tiny/llama", PINNED)
    assert not is_cached("tiny/llama", PINNED)


def test_a_dropped_connection_is_taken_up_where_it_broke(
    hub: Hub, llama_folder: Path, no_waiting: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)  # else half of the file is no chunk
    content = (llama_folder / "model.safetensors").read_bytes()
    hub.drops["model.safetensors"] = 1
    folder = pull("tiny/llama", PINNED)
    assert (folder / "model.safetensors").read_bytes() == content
    asked = [request for request in hub.requests if request.startswith("GET") and "model.safetensors" in request]
    assert [request.partition(" from ")[2] for request in asked] == ["", str(len(content) // 2 // 1000 * 1000)]


def test_a_connection_that_stays_broken_leaves_nothing_and_the_next_pull_brings_it_all(
    hub: Hub, llama_folder: Path, no_waiting: None
) -> None:
    hub.drops["model.safetensors"] = 1000
    with pytest.raises(ModelUnavailable, match=r"cannot reach http://127.* for tiny/llama \(RemoteProtocolError\)"):
        pull("tiny/llama", PINNED)
    assert hub.drops["model.safetensors"] < 999, "it tried more than once"
    assert not is_cached("tiny/llama", PINNED)
    hub.drops.clear()
    folder = pull("tiny/llama", PINNED)
    assert (folder / "model.safetensors").read_bytes() == (llama_folder / "model.safetensors").read_bytes()
    assert is_cached("tiny/llama", PINNED)


def test_a_disk_too_small_is_named_before_the_download(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: room.shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(room.ModelTooLarge, match=r"tiny/llama needs up to 0\.\d\d MiB of disk under .* and 0.00 MiB"):
        pull("tiny/llama", PINNED)
    assert not any("/resolve/" in request for request in hub.requests)
