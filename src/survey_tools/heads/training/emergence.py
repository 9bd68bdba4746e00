"""What heads there are at one moment of a training, and what the model can do by then.

Scores are those of the head types' detectors with their paired controls; what chance reaches, writes and causes are
left to the detection on the finished model, which decides what a head is. One call a checkpoint; the calls' results in
a row are a series. The losses are on test items, which no training here has read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.arithmetic.summaries import relation_means
from survey_tools.heads.calibrate import hardest_control
from survey_tools.heads.capability import answer, chance_of, mean_by_key, score_task
from survey_tools.heads.capture import all_heads, run
from survey_tools.heads.detector import Detector, Lag, PatternDetector, WeightMapDetector
from survey_tools.heads.interception import AttentionCall, attach
from survey_tools.heads.methods import method_of
from survey_tools.heads.methods.attention_pattern import BATCH, distinct_lags, relations_of
from survey_tools.heads.methods.weight_map import hits_at, largest_logits, word_layers
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.rendering import questions
from survey_tools.heads.prompts.sequences import SequenceTask
from survey_tools.heads.settings import Settings
from survey_tools.heads.tasks import Task, repeated_tokens, succession

ITEMS = 200
"""Test items of a task that every checkpoint is asked."""
Matrix: TypeAlias = list[list[float]]


@dataclass(frozen=True)
class HeadPoint:
    """One head type at one checkpoint, `[layer][head]`."""

    scores: Matrix
    controls: Matrix
    """The same heads on the broken stimulus that is hardest to beat."""


@dataclass(frozen=True)
class TaskPoint:
    """One task at one checkpoint."""

    name: str
    """What `value` is."""
    unit: str
    value: float
    chance: float
    loss: float
    """Nats. Text: of the right answers among all given ones. Drawn tokens: of those that the context tells."""
    items: int


def head_points(
    model: LoadedModel, detectors: Sequence[Detector], settings: Settings | None = None
) -> dict[str, HeadPoint]:
    """Scores and paired controls of every head, by head type; what types have in common is read once.

    Raises DetectionError where a type cannot be put to this model, or its method has no quick reading yet.

    Example: `head_points(model, [load_detector("induction")])["induction"].scores[1][3]` is that of L1H3.
    """
    found: dict[str, HeadPoint] = {}
    with torch.no_grad():
        for kind in dict.fromkeys(type(detector) for detector in detectors):
            same = [detector for detector in detectors if type(detector) is kind]
            if not can_read(same[0]):
                raise DetectionError(
                    f"{same[0].id} is measured by {method_of(same[0]).id}, which a series cannot read yet."
                )
            found |= READINGS[kind](model, same, settings or Settings())
    return {detector.id: found[detector.id] for detector in detectors}


def _patterns(model: LoadedModel, detectors: Sequence[PatternDetector], settings: Settings) -> dict[str, HeadPoint]:
    task = repeated_tokens.draw(model, settings.prompts, settings.half_length, settings.seed)
    values: dict[Lag, Float[Tensor, "prompt head"]] = {}
    for stimulus, tokens in (("repeated", task.repeated), ("fresh", task.fresh)):
        lags = distinct_lags(detectors, stimulus)
        if lags:
            read = _attention(model, tokens, task, lags)
            values |= {lag: read[..., place] for place, lag in enumerate(lags)}
    return {
        detector.id: _point(
            model, values[detector.relation], torch.stack([values[control] for control in detector.controls])
        )
        for detector in detectors
    }


def _attention(
    model: LoadedModel, tokens: Tensor, task: repeated_tokens.RepeatedTokens, lags: Sequence[Lag]
) -> Float[Tensor, "prompt head lag"]:
    relations = relations_of(task, lags)
    parts = []
    for start in range(0, len(tokens), BATCH):
        layers: dict[int, Tensor] = {}

        def read(call: AttentionCall, layers: dict[int, Tensor] = layers) -> None:
            layers[call.layer] = relation_means(call.rows, relations).float().cpu()

        run(model.network, tokens[start : start + BATCH], read, lse=True)
        parts.append(torch.cat([layers[layer] for layer in range(len(layers))], 1))
    return torch.cat(parts)


def _weight_maps(
    model: LoadedModel, detectors: Sequence[WeightMapDetector], settings: Settings
) -> dict[str, HeadPoint]:
    classes, _ = succession.ordered_classes(model)
    tokens = torch.cat([group.tokens for group in classes]).to(model.network.get_input_embeddings().weight.device)
    answers = largest_logits(word_layers(model, tokens), classes)
    steps = sorted({step for detector in detectors for step in (detector.step, *detector.control_steps)})
    hits = dict(zip(steps, (hit.float() for hit in hits_at(answers, steps)), strict=True))
    return {
        detector.id: _point(model, hits[detector.step], torch.stack([hits[step] for step in detector.control_steps]))
        for detector in detectors
    }


Reading: TypeAlias = Callable[[LoadedModel, Any, Settings], dict[str, HeadPoint]]
READINGS: dict[type[Detector], Reading] = {PatternDetector: _patterns, WeightMapDetector: _weight_maps}
"""By the kind of detector; add yours to have its heads in series."""


def can_read(detector: Detector) -> bool:
    """Whether the heads of this detector can be in a series."""
    return type(detector) in READINGS


def _point(
    model: LoadedModel, own: Float[Tensor, "sample head"], controls: Float[Tensor, "control sample head"]
) -> HeadPoint:
    return HeadPoint(_by_layer(model, own.mean(0)), _by_layer(model, hardest_control(controls).mean(0)))


def _by_layer(model: LoadedModel, values: Float[Tensor, " head"]) -> Matrix:
    counts = attach(model.network).heads
    assert len(values) == len(all_heads(model.network))
    return [part.tolist() for part in torch.split(values, list(counts))]


def task_point(model: LoadedModel, task: Task, items: int = ITEMS) -> TaskPoint:
    """How well the model does a task on its test split, and its loss.

    Raises DetectionError when the task cannot be put to this model.
    """
    if isinstance(task, SequenceTask):
        score = score_task(model, task, items)
        assert score.margin is not None, "only an encoder has none, and it is asked no sequences"
        return TaskPoint(score.name, score.unit, score.value, score.chance, score.margin, score.items)
    with torch.no_grad():
        asked = questions(task, model, limit=items)
        odds, success = answer(model, asked.questions, [question.prompt for question in asked.questions])
    return TaskPoint(
        name="share of items with a right answer likeliest",
        unit="share",
        value=mean_by_key(success, [question.item.key for question in asked.questions])[0],
        chance=chance_of(asked, model),
        loss=float(torch.nn.functional.softplus(-odds).mean()),
        items=len(success),
    )
