"""What a method hands to the decision, and what the decision hands on: one head type on one model.

Everything is per head in one flat order, `heads[i] = (layer, head)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from survey_tools.heads.calibrate import ChanceNull
from survey_tools.heads.capture import Head

Criterion = Literal["control", "null", "minimum effect", "write"]


@dataclass(frozen=True)
class Scores:
    """Scores with what they are compared with; `p_values` are of the paired control."""

    heads: tuple[Head, ...]
    score: Float[Tensor, " head"]
    low: Float[Tensor, " head"]
    high: Float[Tensor, " head"]
    control: Float[Tensor, " head"]
    p_values: Float[Tensor, " head"]
    null: ChanceNull
    samples: int
    """Prompts (or words) averaged over."""


@dataclass(frozen=True)
class Writes:
    """The write of the heads that passed everything before it."""

    value: dict[Head, float] = field(default_factory=dict)
    interval: dict[Head, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """One head and the criteria it missed; none: found."""

    head: Head
    index: int
    failed: tuple[Criterion, ...]


@dataclass(frozen=True)
class CauseResult:
    """Removing what was found, against random heads of the same layers."""

    tested: bool
    reason: str | None = None
    clean: float = 0.0
    ablated: float = 0.0
    random: tuple[float, ...] = ()
    all_sets: bool = False
    decidable: bool = True
    """False: so few sets exist that no rank could reach 5 %."""
    effect: float = 0.0
    interval: tuple[float, float] = (0.0, 0.0)
    p_value: float = 1.0
    holds: bool = False


@dataclass(frozen=True)
class Capability:
    """Whether the unchanged model shows a behaviour at all: mean success over its items, and the interval."""

    task: str
    name: str
    """What `value` is."""
    value: float
    low: float
    high: float
    chance: float
    needed: float
    items: int

    @property
    def present(self) -> bool:
        """The interval's lower end is above what is needed."""
        return self.low > self.needed
