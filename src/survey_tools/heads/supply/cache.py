"""The cache of pulled models, safe against kills and against two processes at once.

    <cache>/models/<name>/    a finished model; manifest.json was the last file written, before the rename
    <cache>/partial/<name>/   a pull under way, or what a killed one left
    <cache>/locks/<name>.lock held by the one process that works on <name>

A folder appears under models/ by one rename, so it is whole or absent. The operating system drops the lock
of a killed process; whoever holds the lock therefore knows that everything under partial/<name> is left over.
Whole downloads there are verified and used again; half-made files are thrown away.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from survey_tools.errors import ModelCorrupt
from survey_tools.heads.supply.sources import ModelSource, Progress, source_digest

MANIFEST = "manifest.json"
CHUNK = 1 << 20


def cache_folder() -> Path:
    """`$SURVEY_CACHE`, else `$XDG_CACHE_HOME/attention-head-survey`, else the same under `~/.cache`."""
    chosen = os.environ.get("SURVEY_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "attention-head-survey"


def entry_name(model_id: str, source: ModelSource) -> str:
    """Name of a model in the cache: readable, and another one for every source."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '--', model_id)}-{source_digest(source)[:12]}"


def model_folder(model_id: str, source: ModelSource) -> Path:
    """Where the finished model lies, or will lie."""
    return cache_folder() / "models" / entry_name(model_id, source)


def partial_folder(model_id: str, source: ModelSource) -> Path:
    """Where a pull works; to be touched only under `locked`."""
    return cache_folder() / "partial" / entry_name(model_id, source)


@dataclass(frozen=True)
class StoredFile:
    """One file of a cached model."""

    sha256: str
    bytes: int
    modified_ns: int = 0
    """When it was last written; 0 in manifests of the time before this was noted."""


@dataclass(frozen=True)
class Manifest:
    """What a finished folder holds and what it was made from."""

    id: str
    source: dict[str, Any]
    source_digest: str
    digest: str
    """sha256 of the weights that run, as `weights_digest` defines it."""
    files: dict[str, StoredFile]
    versions: dict[str, str]


def file_digest(path: Path, seen: Callable[[int], None] = lambda _: None) -> str:
    """sha256 of a file; `seen(bytes)` is called as it is read."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            seen(done)
    return digest.hexdigest()


def weights_digest(digests: Mapping[str, str]) -> str:
    """The digest of a model: the sha256 of its one weights file, or that of the sorted list of its shards."""
    if len(digests) == 1:
        return next(iter(digests.values()))
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def write_manifest(folder: Path, model_id: str, source: ModelSource, versions: dict[str, str]) -> Manifest:
    """Describes a finished folder; must be the last file written into it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != MANIFEST)
    files = {path.relative_to(folder).as_posix(): _stored(path, file_digest(path)) for path in paths}
    weights = {name: file.sha256 for name, file in files.items() if name.endswith(".safetensors")}
    manifest = Manifest(
        id=model_id,
        source=json.loads(json.dumps(asdict(source), default=str)),
        source_digest=source_digest(source),
        digest=weights_digest(weights),
        files=files,
        versions=versions,
    )
    _write(manifest, folder)
    return manifest


def _stored(path: Path, digest: str) -> StoredFile:
    about = path.stat()
    return StoredFile(digest, about.st_size, about.st_mtime_ns)


def _write(manifest: Manifest, folder: Path) -> None:
    """By one rename: another process may be reading it."""
    new = folder / f"{MANIFEST}.{os.getpid()}"
    new.write_text(json.dumps(asdict(manifest), indent=2) + "\n", encoding="utf-8")
    new.replace(folder / MANIFEST)


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a folder, or None when there is none or it cannot be read."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {name: StoredFile(**file) for name, file in content.pop("files").items()}
        return Manifest(files=files, **content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def damage(folder: Path, *, thorough: bool = False) -> str | None:
    """What is wrong with a finished folder, or None.

    Quick: every file of the manifest is there with its size, and one that was written since is hashed.
    `thorough` hashes them all.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return f"{folder / MANIFEST} is missing or unreadable"
    touched = {}
    for name, file in manifest.files.items():
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        about = path.stat()
        if about.st_size != file.bytes:
            return f"{path} has {about.st_size:,} bytes where {file.bytes:,} were written"
        written_since = file.modified_ns not in (0, about.st_mtime_ns)
        if (thorough or written_since) and (found := file_digest(path)) != file.sha256:
            return f"{path} has sha256 {found[:12]} where {file.sha256[:12]} was written"
        if written_since:
            touched[name] = replace(file, modified_ns=about.st_mtime_ns)
    if touched:  # copied, or unpacked from an archive: the same bytes, which need not be hashed every time
        with suppress(OSError):
            _write(replace(manifest, files=manifest.files | touched), folder)
    return None


def require_digest(path: Path, expected: str, what: str) -> None:
    """Refuses a file that is not the pinned one.

    Raises:
        ModelCorrupt: naming both hashes.
    """
    found = file_digest(path)
    if found != expected:
        raise ModelCorrupt(
            f"{what} is not the pinned file: its sha256 is {found}, expected {expected}; nothing was kept"
        )


@contextmanager
def locked(model_id: str, source: ModelSource, progress: Progress) -> Iterator[None]:
    """Holds the lock of one model; says so through `progress` when another process has it."""
    from filelock import FileLock, Timeout

    path = cache_folder() / "locks" / f"{entry_name(model_id, source)}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(f"waiting for another process that is fetching {model_id}", 0, 0)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def publish(finished: Path, target: Path) -> None:
    """Puts a finished folder in its place by one rename, in the place of a damaged one if need be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        shutil.rmtree(target)
    finished.rename(target)
