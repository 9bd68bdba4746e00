"""One head type on one model as plain data: what `detect` hands on, in the form of a run record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from survey_tools.heads.behaviour import Behaviour
from survey_tools.heads.calibrate import FALSE_DISCOVERY_RATE, NULL_QUANTILE
from survey_tools.heads.decision import NEAR, Verdict
from survey_tools.heads.detector import Detector, PatternDetector
from survey_tools.heads.evidence import Capability, CauseResult, Judged
from survey_tools.heads.interception import attach
from survey_tools.heads.methods import Method, method_of
from survey_tools.heads.methods.controls import Control, Found
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.settings import Settings

Measurement = dict[str, Any]
"""Follows `survey_tools.results.records.Measurement`; a test holds the two together."""


def measurement(
    model: LoadedModel,
    detector: Detector,
    found: Found,
    controls: tuple[Control, Control],
    able: Capability | None,
    behaviour: Behaviour | None,
    effect: CauseResult,
    decided: Verdict,
    settings: Settings,
) -> Measurement:
    """Every number that led to the verdict."""
    facts, scores, method = attach(model.network), found.scores, method_of(detector)

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
        "method": method.id,
        "metric": _metric(detector, method),
        "seed": settings.seed,
        "prompts": scores.samples,
        "scores": matrix(scores.score),
        "scores_low": matrix(scores.low),
        "scores_high": matrix(scores.high),
        "control": {
            "name": detector.control_name,
            "scores": matrix(scores.control),
            "p_values": _matrix(scores.p_values, facts.heads, _significant),
            "rate": FALSE_DISCOVERY_RATE,
            "passed": sum("control" not in j.failed for j in found.judged),
        },
        "null": {
            "name": method.null_name,
            "draws": len(scores.null.largest),
            "quantile": NULL_QUANTILE,
            "threshold": _round(scores.null.threshold),
            "largest": [_round(v) for v in scores.null.largest.sort().values.tolist()],
            "passed": sum("null" not in j.failed for j in found.judged),
        },
        "write": _write(detector, method, found),
        "found": [_head(found, j) for j in found.judged if not j.failed],
        "near": [_head(found, j) for j in found.judged if j.failed][:NEAR],
        "cause": _cause(behaviour, effect),
        "capability": _capability(able),
        "acceptance": {
            "positive": controls[0].sentence,
            "positive_passed": controls[0].passed,
            "negative": controls[1].sentence,
            "negative_passed": controls[1].passed,
        },
        "stimulus": {**settings.as_dict(), **found.stimulus},
    }


def _metric(detector: Detector, method: Method) -> dict[str, Any]:
    return {
        "name": method.metric_name,
        "formula": detector.formula,
        "low": 0.0,
        "high": 1.0,
        "minimum_effect": detector.minimum_effect,
        "source": detector.source,
        "stimulus": method.stimulus_name,
    }


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


def _capability(able: Capability | None) -> dict[str, Any] | None:
    if able is None:
        return None
    return {
        "task": able.task,
        "name": able.name,
        "value": _round(able.value),
        "interval": [_round(able.low), _round(able.high)],
        "chance": _round(able.chance),
        "needed": _round(able.needed),
        "items": able.items,
        "present": able.present,
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
