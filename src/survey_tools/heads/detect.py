"""Detect head types on a model: the whole decision, as plain data that follows the run record's schema."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.calibrate import FALSE_DISCOVERY_RATE, NULL_QUANTILE
from survey_tools.heads.decision import NEAR, Verdict, verdict
from survey_tools.heads.detector import Detector, PatternDetector, WeightMapDetector
from survey_tools.heads.detectors import load_detector
from survey_tools.heads.evidence import CapabilityResult, CauseResult, Judged
from survey_tools.heads.interception import attach
from survey_tools.heads.methods import Method, Progress, method_of
from survey_tools.heads.methods.cause import capability, cause
from survey_tools.heads.methods.controls import Control, Found, find, negative_controls, positive_controls
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.settings import Settings
from survey_tools.heads.tasks.behaviour import Behaviour, BehaviourRun

Measurement = dict[str, Any]
"""Follows `survey_tools.results.records.Measurement`; a test holds the two together."""


def detect(
    model: LoadedModel,
    head_types: Sequence[str | Detector],
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Measurement]:
    """Look for heads of each type, decide, and check the cause.

    `head_types` are ids or detectors. Types of one method share their forward passes. Returns one measurement
    a type, in the order asked for.

    Raises DetectionError when a task cannot be put to this model, ArchitectureRefused when its attention cannot
    be read exactly.
    """
    settings = settings or Settings()
    report = progress or (lambda _sentence: None)
    detectors = [load_detector(t) if isinstance(t, str) else t for t in head_types]
    if len({d.id for d in detectors}) != len(detectors):
        raise DetectionError("a head type is asked for twice; name each once.")
    _require_causal(model)
    measured: dict[str, Measurement] = {}
    by_method: dict[str, list[Detector]] = {}
    for detector in detectors:
        by_method.setdefault(method_of(detector).id, []).append(detector)
    for group in by_method.values():
        found = find(model, group, settings, report)
        report("control: the planted model")
        positive = positive_controls(group, settings, report)
        negative = negative_controls(model, group, settings, report)
        for detector in group:
            controls = positive[detector.id], negative[detector.id]
            measured[detector.id] = _measure(model, detector, found[detector.id], controls, settings, report)
    return [measured[d.id] for d in detectors]


def _require_causal(model: LoadedModel) -> None:
    modules = dict(model.network.named_modules())
    if any(getattr(modules[path], "is_causal", True) is False for path in attach(model.network).paths):
        raise DetectionError(
            f"{model.id} is an encoder: its positions see what comes next, so detectors made for causal language "
            "models do not apply to it."
        )


def _measure(
    model: LoadedModel,
    detector: Detector,
    found: Found,
    controls: tuple[Control, Control],
    settings: Settings,
    progress: Progress,
) -> Measurement:
    prepared, able, reason = _prepare(model, detector, settings, progress)
    if prepared is None:
        effect = CauseResult(False, reason)
    elif able is None or not able.present(prepared.behaviour.needed):
        effect = CauseResult(False, f"the model lacks the behaviour ({prepared.behaviour.capability_name})")
    else:
        effect = cause(model, prepared, found.heads, settings, progress)
    passed = all(control.passed for control in controls)
    behaviour = prepared.behaviour if prepared else None
    decided = verdict(detector, behaviour, able, found.heads, effect, passed)
    progress(f"{detector.id}: {decided.word}")
    return _record(model, detector, found, controls, behaviour, able, effect, decided, settings)


def _prepare(
    model: LoadedModel, detector: Detector, settings: Settings, progress: Progress
) -> tuple[BehaviourRun | None, CapabilityResult | None, str | None]:
    try:
        behaviour = detector.behaviour(model, settings)
    except DetectionError as error:  # the type's own score stands; only its cause can't be tested here
        return None, None, str(error).rstrip(".")
    progress(f"{detector.id}: {behaviour.name}, {behaviour.items} prompts")
    run = behaviour.prepare(model.network)
    return run, capability(run), None


def _record(
    model: LoadedModel,
    detector: Detector,
    found: Found,
    controls: tuple[Control, Control],
    behaviour: Behaviour | None,
    able: CapabilityResult | None,
    effect: CauseResult,
    decided: Verdict,
    settings: Settings,
) -> Measurement:
    facts, scores = attach(model.network), found.scores

    def matrix(values: Tensor) -> list[list[float | None]]:
        return _matrix(values, facts.heads)

    return {
        "entry": detector.id,
        "model": model.id,
        "model_digest": model.digest,
        "layers": facts.layers,
        "heads": list(facts.heads),
        "verdict": decided.word,
        "reason": decided.reason,
        "method": method_of(detector).id,
        "metric": _metric(detector),
        "seed": settings.seed,
        "prompts": scores.samples,
        "scores": matrix(scores.score),
        "scores_low": matrix(scores.low),
        "scores_high": matrix(scores.high),
        "control": {
            "name": _control_name(detector),
            "scores": matrix(scores.control),
            "p_values": _matrix(scores.p_values, facts.heads, _significant),
            "rate": FALSE_DISCOVERY_RATE,
            "passed": sum("control" not in j.failed for j in found.judged),
        },
        "null": {
            "name": method_of(detector).null_name,
            "draws": len(scores.null.largest),
            "quantile": NULL_QUANTILE,
            "threshold": _round(scores.null.threshold),
            "largest": [_round(v) for v in scores.null.largest.sort().values.tolist()],
            "passed": sum("null" not in j.failed for j in found.judged),
        },
        "write": _write(detector, method_of(detector), found),
        "found": [_head(found, j) for j in found.judged if not j.failed],
        "near": [_head(found, j) for j in found.judged if j.failed][:NEAR],
        "cause": _cause(behaviour, effect),
        "capability": _capability(behaviour, able),
        "acceptance": {
            "positive": controls[0].sentence,
            "positive_passed": controls[0].passed,
            "negative": controls[1].sentence,
            "negative_passed": controls[1].passed,
        },
        "stimulus": {**settings.as_dict(), **found.stimulus},
    }


def _metric(detector: Detector) -> dict[str, Any]:
    if isinstance(detector, PatternDetector):
        name = "mean attention to the key that the definition names"
        stimulus = "Random tokens, drawn without replacement from a fixed pool, then the same tokens again."
    else:
        name = "share of words that the OV circuit turns into the next of their class"
        stimulus = "No prompt: single words of ordered classes (days, months, number words, ordinals, letters)."
    return {
        "name": name,
        "formula": detector.formula,
        "low": 0.0,
        "high": 1.0,
        "minimum_effect": detector.minimum_effect,
        "source": detector.source,
        "stimulus": stimulus,
    }


def _control_name(detector: Detector) -> str:
    if isinstance(detector, PatternDetector):
        return detector.control_name
    assert isinstance(detector, WeightMapDetector)
    steps = {0: "the word itself", -1: "the word before", 1: "the next word", 2: "the word after the next"}
    return "the best of: " + ", ".join(steps.get(s, f"{s:+d} places") for s in detector.control_steps)


def _write(detector: Detector, method: Method, found: Found) -> dict[str, Any] | None:
    if method.write is None or not isinstance(detector, PatternDetector):
        return None
    return {
        "name": detector.write.name,
        "formula": detector.write.formula,
        "at_chance": _round(found.at_chance),
    }


def _head(found: Found, judged: Judged) -> dict[str, Any]:
    scores, index = found.scores, judged.index
    interval = found.writes.interval.get(judged.head)
    value = found.writes.value.get(judged.head)
    return {
        "layer": judged.head[0],
        "head": judged.head[1],
        "score": _round(float(scores.score[index])),
        "interval": [_round(float(scores.low[index])), _round(float(scores.high[index]))],
        "control": _round(float(scores.control[index])),
        "p_value": _significant(float(scores.p_values[index])),
        "write": None if value is None else _round(value),
        "write_interval": None if interval is None else [_round(end) for end in interval],
        "failed": list(judged.failed),
    }


def _cause(behaviour: Behaviour | None, effect: CauseResult) -> dict[str, Any]:
    described: Mapping[str, Any] = {}
    if behaviour is not None:
        described = {"behaviour": behaviour.name, "unit": behaviour.unit, "harm": behaviour.harm}
    if not effect.tested:
        return {"claimed": True, "tested": False, "reason": effect.reason, **described}
    return {
        "claimed": True,
        "tested": True,
        **described,
        "method": "mean ablation",
        "clean": _round(effect.clean),
        "ablated": _round(effect.ablated),
        "random": [_round(v) for v in effect.random],
        "sets": "all" if effect.all_sets else "drawn",
        "effect": _round(effect.effect),
        "effect_interval": [_round(end) for end in effect.interval],
        "p_value": _significant(effect.p_value),
        "holds": effect.holds if effect.decidable else None,
    }


def _capability(behaviour: Behaviour | None, able: CapabilityResult | None) -> dict[str, Any] | None:
    if behaviour is None or able is None:
        return None
    return {
        "task": behaviour.id,
        "name": behaviour.capability_name,
        "value": _round(able.value),
        "interval": [_round(able.low), _round(able.high)],
        "chance": _round(behaviour.chance),
        "needed": behaviour.needed,
        "items": behaviour.items,
        "present": able.present(behaviour.needed),
    }


def environment(model: LoadedModel) -> dict[str, Any]:
    """Device, dtype and versions, for a record."""
    parameter = next(model.network.parameters())
    packages = ("torch", "transformers", "tokenizers", "numpy")
    return {
        "device": str(parameter.device.type),
        "dtype": str(parameter.dtype).removeprefix("torch."),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
    }


def _round(value: float) -> float:
    return round(value, 4)


def _significant(value: float) -> float:
    """p-values are small: keep three significant digits, not four decimals."""
    return float(f"{value:.3g}")


def _matrix(
    values: Tensor, heads: Sequence[int], rounded: Callable[[float], float] = _round
) -> list[list[float | None]]:
    """Rows of layers; None where a head could not be measured."""
    rows, start = [], 0
    for count in heads:
        rows.append([rounded(v) if math.isfinite(v) else None for v in values[start : start + count].tolist()])
        start += count
    return rows
