"""From what a person calls a model to where its weights come from: an entry, a checkpoint of one, a hub, a folder.

    smollm2-135m-instruct      the entry models/smollm2-135m-instruct.yml
    pythia-160m@step1000       a training checkpoint that its makers published
    tiny@step-200              a checkpoint of a training on this machine; tiny@seed-1, tiny@seed-1-step-200
    owner/name[@revision]      a repository of the hub
    a/folder                   a folder on this machine

Loads no torch, so that a command that only looks into the cache answers at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from survey_tools.errors import ModelUnknown
from survey_tools.heads.supply.pull import cached_bytes, is_cached
from survey_tools.heads.supply.room import in_words, memory_to_load
from survey_tools.heads.supply.sources import (
    HubSource,
    Licence,
    ModelSource,
    PackageSource,
    PlantedSource,
    TrainedSource,
    Wheel,
    source_of,
)
from survey_tools.heads.supply.terms import is_accepted
from survey_tools.heads.supply.trained import nearest
from survey_tools.knowledge import records
from survey_tools.knowledge.kinds import MODEL
from survey_tools.knowledge.load import load_entry
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.problems import raise_for


@dataclass(frozen=True)
class ModelOrigin:
    """Where weights come from, under which terms, and what is known of them beforehand."""

    source: ModelSource
    licence: Licence | None = None
    dtype: str = "float32"
    parameters: int | None = None
    """Numbers in the weights; None where nobody has said."""

    @property
    def memory(self) -> float:
        """Bytes that it takes to load the weights in their dtype; 0 where nobody knows."""
        return memory_to_load(self.parameters or 0, self.dtype)


class ModelFiles(Mapping[str, records.OpenModel]):
    """The models of a root by id; each file is read when its model is asked for.

    Raises KnowledgeError, with every problem of the file, for an entry that cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / MODEL.folder

    def __getitem__(self, model_id: str) -> records.OpenModel:
        file = self._folder / f"{model_id}.yml"
        if not file.is_file():
            raise KeyError(model_id)
        record, source = load_entry(file, MODEL, MODEL.path(model_id))
        raise_for(source.problems)
        return cast("records.OpenModel", record)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(file.stem for file in self._folder.glob("*.yml")))

    def __len__(self) -> int:
        return len(list(iter(self)))


def model_origin(model: str, models: Mapping[str, records.OpenModel]) -> ModelOrigin:
    """Where the weights of what a person called `model` come from.

    Raises:
        ModelUnknown: no entry, repository or folder is called so, or the entry has no such checkpoint.
    """
    name, at, which = model.partition("@")
    if "/" in model or name not in models:
        return _without_entry(model, name, models)
    entry = models[name]
    licence = Licence(entry.licence.name, entry.licence.url, entry.licence.must_accept)
    source = _source(entry.source)
    if at:
        source = _checkpoint(entry, source, which)
    return ModelOrigin(source, licence, entry.dtype, entry.parameters)


def listed_models(models: Mapping[str, records.OpenModel]) -> Iterator[tuple[str, ...]]:
    """One row a model: id, layers x heads, parameters, memory, download, where from, licence, what is cached."""
    for model_id, entry in models.items():
        origin = model_origin(model_id, models)
        to_accept = origin.licence is not None and not is_accepted(origin.licence)
        yield (
            model_id,
            f"{entry.shape.layers} x {entry.shape.heads}",
            _short(entry.parameters) if entry.parameters else "",
            in_words(origin.memory) if origin.memory else "",
            f"{entry.source.bytes / 1e6:,.0f} MB" if entry.source.kind == "package" else "",
            _where_from(entry),
            f"{entry.licence.name}{', to be accepted' if to_accept else ''}",
            _cached(model_id, origin.source),
        )


def _short(count: int) -> str:
    """`135M`, `6.74B`: three digits."""
    unit, size = ("B", 1e9) if count >= 1e9 else ("M", 1e6)
    return f"{count / size:.3g}{unit}"


def _where_from(entry: records.OpenModel) -> str:
    source = entry.source
    if isinstance(source, records.HubSource) and source.checkpoints is not None:
        return f"hub, {len(source.checkpoints.all_steps)} checkpoints"
    return source.kind


def _cached(model_id: str, source: ModelSource) -> str:
    if not is_cached(model_id, source):
        return "no"
    size = cached_bytes(model_id, source)
    return f"{size / 1e6:,.0f} MB" if size else "yes"


def _without_entry(model: str, name: str, models: Mapping[str, records.OpenModel]) -> ModelOrigin:
    try:
        return ModelOrigin(source_of(model))
    except ModelUnknown as error:
        if "/" in model or not (hint := did_you_mean(name, list(models))):
            raise
        raise ModelUnknown(f"{error}; {hint}") from error


def _source(
    source: records.PackageSource | records.HubSource | records.PlantedSource | records.TrainedSource,
) -> ModelSource:
    if isinstance(source, records.PackageSource):
        wheels = tuple(Wheel(w.name, w.version, w.sha256, w.member) for w in source.wheels)
        return PackageSource(format=source.format, wheels=wheels, sha256=source.sha256, bytes=source.bytes)
    if isinstance(source, records.HubSource):
        return HubSource(source.repo, source.revision)
    if isinstance(source, records.TrainedSource):
        return TrainedSource(source.recipe, source.seed, sha256=source.sha256)
    return PlantedSource(source.recipe, source.seed)


def _checkpoint(entry: records.OpenModel, source: ModelSource, which: str) -> ModelSource:
    """`source` as it was at a training step, or with another seed."""
    if isinstance(source, TrainedSource):
        return _trained_variant(entry.id, source, which)
    published = entry.source.checkpoints if isinstance(entry.source, records.HubSource) else None
    if published is None or not isinstance(source, HubSource):
        raise ModelUnknown(
            f"{entry.id} has no training checkpoints that we know of; write {entry.id}, or, where the hub has another "
            "revision, owner/name@revision"
        )
    match = re.fullmatch(r"step-?(\d+)", which)
    steps = published.all_steps
    if match is None:
        raise ModelUnknown(f"{entry.id}@{which} names no training step; write {entry.id}@step{steps[-1]}")
    step = int(match[1])
    if step not in steps:
        raise ModelUnknown(
            f"{entry.id} has no checkpoint at step {step}; {nearest(step, steps)}, "
            f"of {len(steps)} from {steps[0]} to {steps[-1]}"
        )
    return replace(source, revision=published.branch(step))


def _trained_variant(model_id: str, source: TrainedSource, which: str) -> TrainedSource:
    match = re.fullmatch(r"(?:seed-?(\d+))?(?:(?:^|-)step-?(\d+))?", which)
    if not which or match is None:
        raise ModelUnknown(f"{model_id}@{which} names no seed or training step; write {model_id}@seed-1-step-200")
    seed = source.seed if match[1] is None else int(match[1])
    step = None if match[2] is None else int(match[2])
    if (seed, step) == (source.seed, None):
        return source
    return TrainedSource(source.recipe, seed, step)
