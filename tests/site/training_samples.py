"""Hand-made capability and series records, small enough to be checked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from survey_tools.results.capability import CapabilityRecord
from survey_tools.results.series import LOSSES, SeriesRecord
from survey_tools.results.store import ResultStore

TOKENS = (0, 1000, 10_000, 600_000, 900_000, 6_000_000)
BEST = {
    0: (0.0, 0.25, 0.1, 0.2, 0.5, 0.9),
    1: (0.0, 0.0, 0.0, 0.1, 0.3, 0.8),
    2: (0.0, 0.0, 0.0, 0.4, 0.6, 0.7),
}
"""Score minus control of the best induction head by seed; 0.2 is needed, so it appears at index 3, 4 and 3."""
LAYER = {0: 1, 1: 1, 2: 2}
"""Where that head is."""
LOSS = (6.1, 6.0, 5.9, 4.0, 1.5, 0.25)
ENVIRONMENT = {"device": "cpu", "dtype": "float32", "versions": {}, "finished": "2026-11-21"}


def cell(task: str = "copying", model: str = "tiny", **changes: Any) -> CapabilityRecord:
    """A cell of the capability table: 92 % where 55 % is needed."""
    data = {
        "schema_version": 1, "task": task, "model": model, "model_digest": "b1" * 32, "verdict": "present",
        "reason": "92% of 200 items (87% to 96%), where 55% is needed.", "description": "Which word comes again?",
        "roles": {"needle": "the word that comes again"}, "source": "olsson-2022-induction-heads",
        "examples": [{"prompt": "One\ntwo, *one*", "right": [" two"], "wrong": [" <b>", " one"], "twin": "Two one"}],
        "name": "share of items with a right answer likeliest", "unit": "share", "value": 0.92,
        "interval": [0.87, 0.96], "chance": 0.5, "needed": 0.55, "items": 200, "independent": 180, "margin": 4.03,
        "on_twin": 0.12, "dropped": {"the answers begin alike": 3}, "asked": 200, "digest": "d1" * 32,
        "digest_parts": {"task": "t1"}, "environment": ENVIRONMENT,
    }  # fmt: skip
    return CapabilityRecord.model_validate({**data, **changes})


def absent(**changes: Any) -> CapabilityRecord:
    """A cell whose interval reaches below what is needed."""
    numbers = {"value": 0.5, "interval": [0.43, 0.57], "reason": "50% of 200 items.", "dropped": {}}
    return cell(**{"verdict": "absent", **numbers, **changes})


def inapplicable(**changes: Any) -> CapabilityRecord:
    """A cell of a model that the task can't be put to."""
    nothing = dict.fromkeys(("value", "interval", "chance", "needed", "margin", "on_twin"))
    empty = {"items": 0, "independent": 0, "dropped": {}, "name": "", "unit": ""}
    reason = "It is an encoder & expects no next token."
    return cell(**{"verdict": "does not apply", "reason": reason, **nothing, **empty, **changes})


def series(seed: int = 0, entry: str = "induction", model: str = "tiny", **changes: Any) -> SeriesRecord:
    """Three layers of two heads; all but the best one stay at their control, 0.05."""
    layer = LAYER[seed]
    scores = [
        [[round(0.05 + best, 4) if (place, head) == (layer, 1) else 0.05 for head in range(2)] for place in range(3)]
        for best in BEST[seed]
    ]
    data = {
        "schema_version": 1, "entry": entry, "model": model, "seed": seed, "checkpoints": checkpoints(), "layers": 3,
        "heads": [2, 2, 2], "name": "induction score", "formula": "A_{q,p+1}", "minimum_effect": 0.2,
        "scores": scores, "controls": [[[0.05] * 2] * 3] * len(TOKENS), "digest": "d1" * 32, "digest_parts": {},
        "environment": ENVIRONMENT,
    }  # fmt: skip
    return SeriesRecord.model_validate({**data, **changes})


def losses(seed: int = 0, task: str = "repeated-tokens", model: str = "tiny") -> SeriesRecord:
    """The loss of one task over the same checkpoints."""
    curve = {
        "name": "nats that the context saves a token", "unit": "nats", "chance": 0.0, "items": 200,
        "values": [6.1 - loss for loss in LOSS], "losses": list(LOSS),
    }  # fmt: skip
    data = {
        "schema_version": 1, "entry": LOSSES, "model": model, "seed": seed, "checkpoints": checkpoints(), "layers": 3,
        "heads": [2, 2, 2], "tasks": {task: curve}, "digest": "d1" * 32, "digest_parts": {}, "environment": ENVIRONMENT,
    }  # fmt: skip
    return SeriesRecord.model_validate(data)


def checkpoints() -> list[dict[str, Any]]:
    """Steps of a thousand tokens."""
    return [{"step": tokens // 1000, "tokens": tokens, "weights": "b1" * 8} for tokens in TOKENS]


def write_training_results(folder: Path) -> None:
    """Two tasks on the models of the tiny survey, and induction over the training of three seeds."""
    store = ResultStore(folder)
    for one in (
        cell(), absent(model="other-1.5b"), inapplicable(task="repeated-tokens", model="other-1.5b"),
        cell(task="repeated-tokens", unit="nats", value=5.5, interval=[5.1, 5.9], chance=0, needed=0.5, examples=[]),
    ):  # fmt: skip
        store.put_capability(one)
    for seed in BEST:
        store.put_series(series(seed))
        store.put_series(losses(seed))
