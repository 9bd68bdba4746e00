"""Series over the checkpoints of a training: which there are, what is measured at each, and the records they make.

As with the capability table, no notebook is executed: a series is one measurement many times over. Its digest says
what can change its numbers: how heads and tasks are measured, and the weights of every checkpoint.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from survey_tools.errors import ModelUnavailable, ModelUnknown
from survey_tools.knowledge.records import HubSource, OpenModel, TrainedSource
from survey_tools.notebooks.digest import PART_LENGTH, digest, joined, short
from survey_tools.notebooks.environment import commit_of, installed_versions
from survey_tools.notebooks.reach import PACKAGE, installed
from survey_tools.results.records import SCHEMA_VERSION, Environment
from survey_tools.results.series import LOSSES, SeriesRecord

if TYPE_CHECKING:
    from survey_tools.heads.detector import Detector
    from survey_tools.heads.models import LoadedModel
    from survey_tools.heads.tasks import Task
    from survey_tools.heads.training.emergence import HeadPoint, TaskPoint
    from survey_tools.knowledge.survey import Survey

MEASURING = f"{PACKAGE}.heads.training.emergence"


@dataclass(frozen=True)
class SavedState:
    """One checkpoint that can be loaded."""

    step: int
    tokens: int
    name: str
    """What `load_model` calls it: `tiny@seed-1-step-200`, `pythia-160m@step1000`."""


@dataclass(frozen=True)
class SeriesPlan:
    """What a series measures, in full."""

    entry: OpenModel
    seed: int
    states: tuple[SavedState, ...]
    detectors: tuple[Detector, ...]
    tasks: tuple[Task, ...]
    items: int


def plan(
    survey: Survey,
    model: str,
    seed: int = 0,
    *,
    heads: Sequence[str] = (),
    tasks: Sequence[str] = (),
    steps: Sequence[int] = (),
    most: int | None = None,
    items: int,
) -> SeriesPlan:
    """Checkpoints, head types and tasks of a series; what is left empty is filled with all there is.

    `most` asks for no more checkpoints than that, as near as can be to equal ratios of their steps.

    Raises ModelUnknown for a model without checkpoints, ModelUnavailable where its training was not run here, and
    DetectionError for a head type or task that does not exist.
    """
    from survey_tools.heads.detectors import detector_ids, load_detector
    from survey_tools.heads.tasks import load_task
    from survey_tools.heads.training.emergence import can_read

    entry = survey.model(model)
    detectors = [load_detector(head) for head in heads or detector_ids()]
    if not heads:
        detectors = [detector for detector in detectors if can_read(detector)]
    states = _thinned(_states(entry, seed, steps), most)
    chosen = tasks or _trained_on(entry, seed) or sorted({detector.task for detector in detectors if detector.task})
    return SeriesPlan(
        entry=entry,
        seed=seed,
        states=states,
        detectors=tuple(detectors),
        tasks=tuple(load_task(task) for task in chosen),
        items=items,
    )


def measure(
    asked: SeriesPlan,
    load: Callable[[str], LoadedModel],
    root: Path,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> list[SeriesRecord]:
    """Every head type's series, and last that of the losses; one checkpoint is in memory at a time.

    Raises DetectionError where a head type or a task cannot be put to the model.
    """
    from survey_tools.heads.training.emergence import head_points, task_point

    start = time.monotonic()
    heads: list[Mapping[str, HeadPoint]] = []
    losses: list[Mapping[str, TaskPoint]] = []
    weights: list[str] = []
    where = ("", "")
    for number, state in enumerate(asked.states):
        progress(f"{asked.entry.id}, seed {asked.seed}: step {state.step}", number, len(asked.states))
        model = load(state.name)
        weights.append(model.digest)
        heads.append(head_points(model, asked.detectors))
        losses.append({task.id: task_point(model, task, asked.items) for task in asked.tasks})
        where = (model.network.device.type, str(model.network.dtype).removeprefix("torch."))
    environment = Environment(
        device=where[0],
        dtype=where[1],
        versions=installed_versions(),
        commit=commit_of(root),
        seconds=round(time.monotonic() - start, 1),
        finished=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    common = _common(asked, weights, environment)
    records = [_head_record(common, detector, heads) for detector in asked.detectors]
    if asked.tasks:
        records.append(_loss_record(common, asked, losses))
    return records


def _states(entry: OpenModel, seed: int, steps: Sequence[int]) -> tuple[SavedState, ...]:
    from survey_tools.heads.supply.trained import nearest, trained_steps

    source = entry.source
    if isinstance(source, TrainedSource):
        there = trained_steps(source.recipe, seed)
        if not there:
            raise ModelUnavailable(
                f"no checkpoint of {entry.id} with seed {seed} is on this machine; "
                f"`survey train {source.recipe} --seed {seed}` makes them."
            )
        per_step, name = _recipe(source.recipe, seed).tokens_per_step, f"{entry.id}@seed-{seed}-step-"
    elif isinstance(source, HubSource) and source.checkpoints is not None:
        if seed != 0:
            raise ModelUnknown(f"{entry.id} is known with one seed only; leave out --seed.")
        there = source.checkpoints.all_steps
        per_step, name = source.checkpoints.tokens_per_step, f"{entry.id}@step"
    else:
        raise ModelUnknown(f"{entry.id} has no training checkpoints that we know of, so nothing can emerge in it.")
    for step in steps:
        if step not in there:
            raise ModelUnknown(f"{entry.id} has no checkpoint at step {step}; {nearest(step, there)}.")
    return tuple(SavedState(step, step * per_step, f"{name}{step}") for step in sorted(set(steps or there)))


def _thinned(states: tuple[SavedState, ...], most: int | None) -> tuple[SavedState, ...]:
    from survey_tools.heads.training.schedule import checkpoint_steps

    if most is None or len(states) <= most:
        return states
    wanted = checkpoint_steps(states[-1].step, most)
    nearest = {min(states, key=lambda state: abs(state.step - step)).step for step in wanted}
    return tuple(state for state in states if state.step in nearest)


def _trained_on(entry: OpenModel, seed: int) -> tuple[str, ...]:
    """Tasks of the mixture of a model trained here, in the recipe's order."""
    source = entry.source
    return tuple(_recipe(source.recipe, seed).mixture) if isinstance(source, TrainedSource) else ()


def _recipe(recipe: str, seed: int) -> Any:
    """What was really trained, which need not be the package's recipe."""
    from survey_tools.heads.supply.trained import training_folder
    from survey_tools.heads.training.checkpoints import recipe_of

    return recipe_of(training_folder(recipe, seed))


def _common(asked: SeriesPlan, weights: Sequence[str], environment: Environment) -> dict[str, Any]:
    package = installed()
    detectors = [f"{PACKAGE}.heads.detectors.{detector.id.replace('-', '_')}" for detector in asked.detectors]
    tasks = [f"{PACKAGE}.heads.tasks.{task.id.replace('-', '_')}" for task in asked.tasks]
    parts = {
        "measuring": short(joined(package.reached(MEASURING, *detectors, *tasks))),
        "checkpoints": short("\n".join(weights)),
        "items": short(str(asked.items)),
    }
    shape = asked.entry.shape
    return {
        "schema_version": SCHEMA_VERSION,
        "model": asked.entry.id,
        "seed": asked.seed,
        "checkpoints": [
            {"step": state.step, "tokens": state.tokens, "weights": weight[:PART_LENGTH]}
            for state, weight in zip(asked.states, weights, strict=True)
        ],
        "layers": shape.layers,
        "heads": [shape.heads] * shape.layers,
        "digest": digest(parts),
        "digest_parts": parts,
        "environment": environment,
    }


def _head_record(common: dict[str, Any], detector: Detector, points: Sequence[Mapping[str, HeadPoint]]) -> SeriesRecord:
    from survey_tools.heads.methods import method_of

    own = [point[detector.id] for point in points]
    return SeriesRecord.model_validate(
        {
            **common,
            "entry": detector.id,
            "name": method_of(detector).metric_name,
            "formula": detector.formula,
            "minimum_effect": detector.minimum_effect,
            "scores": [_rounded(point.scores) for point in own],
            "controls": [_rounded(point.controls) for point in own],
        }
    )


def _rounded(matrix: Sequence[Sequence[float]]) -> list[list[float]]:
    return [[round(value, 4) for value in row] for row in matrix]


def _loss_record(common: dict[str, Any], asked: SeriesPlan, points: Sequence[Mapping[str, TaskPoint]]) -> SeriesRecord:
    tasks = {}
    for task in asked.tasks:
        own = [point[task.id] for point in points]
        tasks[task.id] = {
            "name": own[0].name,
            "unit": own[0].unit,
            "chance": own[0].chance,
            "items": own[0].items,
            "values": [point.value for point in own],
            "losses": [point.loss for point in own],
        }
    return SeriesRecord.model_validate({**common, "entry": LOSSES, "tasks": tasks})
