"""The series record: one head type over the checkpoints of a training run.

`results/<model>/series/<entry>-<seed>.json`.

A series says when heads of a type appear; whether they are such heads is decided by the run record of the final
checkpoint, with its null, write and cause. `losses` in the place of a head type holds how well each task is done.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from survey_tools.results.records import Environment, Matrix, Part

LOSSES = "losses"


class Checkpoint(Part):
    """One saved state of a training run."""

    step: int
    tokens: int
    """Seen until then."""
    weights: str
    """First 16 digits of the sha256 of its weights file."""


class TaskCurve(Part):
    """How well one task is done at every checkpoint, on its test split."""

    name: str
    """What the values are."""
    unit: Literal["share", "nats"]
    chance: float
    items: int
    values: list[float]
    losses: list[float]
    """Nats. Text: of the right answers among all given. Drawn tokens: of those that the context tells."""


class SeriesRecord(Part):
    """Scores `[checkpoint][layer][head]` of one head type, or with entry `losses` one curve a task."""

    schema_version: Literal[1]
    entry: str
    """A head type's id, or `losses`."""
    model: str
    """Whose checkpoints: the id of a `models/` entry, as `tiny`."""
    seed: int
    checkpoints: list[Checkpoint]
    layers: int
    heads: list[int]
    name: str = ""
    """The score in words."""
    formula: str = ""
    minimum_effect: float | None = None
    scores: list[Matrix] = Field(default_factory=list)
    controls: list[Matrix] = Field(default_factory=list)
    """The same heads on the broken stimulus."""
    tasks: dict[str, TaskCurve] = Field(default_factory=dict)
    digest: str
    digest_parts: dict[str, str]
    environment: Environment

    @model_validator(mode="after")
    def _consistent(self) -> SeriesRecord:
        points = len(self.checkpoints)
        if [c.step for c in self.checkpoints] != sorted({c.step for c in self.checkpoints}):
            raise ValueError("checkpoints are not in the order of their steps")
        if self.entry == LOSSES:
            wrong = [task for task, curve in self.tasks.items() if {len(curve.values), len(curve.losses)} != {points}]
            if wrong or not self.tasks:
                raise ValueError(f"curves without one value a checkpoint: {', '.join(wrong) or 'all'}")
            return self
        for name in ("scores", "controls"):
            shapes = {tuple(len(row) for row in matrix) for matrix in getattr(self, name)}
            if len(getattr(self, name)) != points or shapes != {tuple(self.heads)}:
                raise ValueError(f"{name} does not have one [layer][head] matrix for each of {points} checkpoints")
        return self
