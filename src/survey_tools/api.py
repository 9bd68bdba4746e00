"""The public interface: what notebooks, the command line and other people's code call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from survey_tools.heads import capture
from survey_tools.heads import detect as detection
from survey_tools.heads.capture import Head, last_logits, mean_z
from survey_tools.heads.detector import Detector
from survey_tools.heads.detectors import detector_ids
from survey_tools.heads.interception import intercept
from survey_tools.heads.intervene import ablation
from survey_tools.heads.models import (
    HubSource,
    Licence,
    LoadedModel,
    ModelSource,
    PackageSource,
    PlantedSource,
    Progress,
    Wheel,
    load,
    source_of,
)
from survey_tools.heads.settings import Settings
from survey_tools.knowledge import records
from survey_tools.knowledge.root import find_root
from survey_tools.knowledge.survey import Survey, load_survey
from survey_tools.results.records import Measurement, RunRecord
from survey_tools.results.store import ResultStore

__all__ = [
    "Settings",
    "ablate_heads",
    "attention_at",
    "detect",
    "known_detectors",
    "load_model",
    "load_records",
    "load_survey",
    "model_source",
]


def load_model(
    model: str,
    *,
    device: str = "cpu",
    dtype: str | None = None,
    accept_licence: bool = False,
    progress: Progress | None = None,
    survey: Survey | None = None,
) -> LoadedModel:
    """An open model by the id of its entry, by `owner/name[@revision]` of a hub, or by folder.

    Weights are fetched by pinned hash on first use and kept in the cache (`SURVEY_CACHE` moves it). `dtype` is
    `float32`, `bfloat16` or `float16`; by default what the entry says, else float32.

    Raises ModelError, one of its kinds, with what to do.
    """
    source, licence = model_source(model, survey)
    if dtype is None:
        known = (survey or load_survey()).models if "/" not in model else {}
        dtype = known[model].dtype if model in known else "float32"
    return load(
        model,
        source,
        device=device,
        dtype=getattr(torch, dtype),
        accept_licence=accept_licence,
        licence=licence,
        progress=progress,
    )


def model_source(model: str, survey: Survey | None = None) -> tuple[ModelSource, Licence | None]:
    """Where the weights of `model` come from and under which terms: its entry, a hub, or a folder."""
    if "/" not in model:
        models = (survey or load_survey()).models
        if model in models:
            entry = models[model]
            licence = Licence(entry.licence.name, entry.licence.url, entry.licence.must_accept)
            return _source(entry.source), licence
    return source_of(model), None


def _source(source: records.PackageSource | records.HubSource | records.PlantedSource) -> ModelSource:
    if isinstance(source, records.PackageSource):
        wheels = tuple(Wheel(w.name, w.version, w.sha256, w.member) for w in source.wheels)
        return PackageSource(format=source.format, wheels=wheels, sha256=source.sha256, bytes=source.bytes)
    if isinstance(source, records.HubSource):
        return HubSource(source.repo, source.revision)
    return PlantedSource(source.recipe, source.seed)


def detect(
    model: LoadedModel,
    head_types: Sequence[str | Detector],
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Measurement]:
    """Look for heads of each type: score, control, null, minimum effect, write, cause, verdict.

    `head_types` are ids of head types, or detectors of your own. Raises DetectionError or ArchitectureRefused
    with the reason when a type cannot be looked for on this model.

    Example: `detect(load_model("smollm2-135m-instruct"), ["induction"])[0].found`.
    """
    return [Measurement.model_validate(found) for found in detection.detect(model, head_types, settings, progress)]


def known_detectors() -> tuple[str, ...]:
    """Ids of the head types that have a detector."""
    return detector_ids()


def attention_at(
    model: LoadedModel, tokens: Int[Tensor, "batch pos"], pairs: Int[Tensor, "pair 2"]
) -> list[Float[Tensor, "batch head pair"]]:
    """Attention at (query_pos, key_pos) pairs, one tensor a layer; no query x key pattern is stored.

    Example: `attention_at(model, tokens, torch.tensor([[5, 4]]))[3][0, 6]` is L3H6's attention from 5 to 4.
    """
    return capture.attention_at(model.network, tokens, pairs)


def ablate_heads(
    model: LoadedModel, tokens: Int[Tensor, "batch pos"], heads: Sequence[Head], keep: int = 1, mean: bool = True
) -> Float[Tensor, "batch keep d_vocab"]:
    """Logits of the last `keep` positions with `heads`, as (layer, head), ablated.

    `mean=True` puts each head's mean z over `tokens` in its place, `mean=False` zero.
    """
    means = mean_z(model.network, tokens) if mean else None
    with torch.no_grad(), intercept(model.network, ablation(model.network, heads, means)):
        return last_logits(model.network, tokens, keep)


def load_records(root: Path | None = None) -> dict[tuple[str, str], RunRecord]:
    """All committed run records, by (model, entry)."""
    records = ResultStore((root or find_root()) / "results").records()
    return {(record.model, record.entry): record for record in records}
