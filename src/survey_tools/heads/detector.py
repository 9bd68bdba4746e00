"""What a detector is: the definition of one head type in terms of a method, committed before its first run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from survey_tools.heads.behaviour import BehaviourMaker
from survey_tools.heads.capture import Head
from survey_tools.heads.planted import PLANTED

if TYPE_CHECKING:
    from survey_tools.heads.methods.writes import WriteMeasure


@dataclass(frozen=True)
class Lag:
    """A relation between query and key: the key is `copies` copies and `tokens` tokens back.

    With random tokens of half-length L, `Lag(1, -1)` is L - 1 back: the token after the earlier copy.
    """

    copies: int
    tokens: int
    rows: Literal["all", "second", "second but last"]
    stimulus: Literal["repeated", "fresh"] = "repeated"

    def distance(self, half_length: int) -> int:
        """Positions back."""
        return self.copies * half_length + self.tokens


@dataclass(frozen=True, kw_only=True)
class Detector:
    """Facts that every method's detectors share."""

    id: str
    """The head type's id."""
    formula: str
    """The score in LaTeX, in the words of docs/notation.md."""
    source: str
    """Id of the paper whose metric it is."""
    minimum_effect: float
    """Smallest difference of score and paired control that counts, whatever its significance."""
    behaviour: BehaviourMaker
    """What removing such heads should hurt."""
    task: str = ""
    """Id of the behaviour's task: what is known of it (the capability table) is asked before it is measured anew."""
    needs_behaviour: bool
    """True: without the behaviour the type has no meaning on a model, and the verdict is 'not testable here'."""

    control_name: str
    """What the paired control compares with, in words."""

    planted_at: tuple[Head, ...] | None = None
    """Where the planted model has such heads, for a type that `PLANTED` does not list: the positive control."""

    @property
    def planted(self) -> tuple[Head, ...]:
        """Where such heads are in the planted model; a detector with none fails its positive control."""
        return PLANTED.get(self.id, ()) if self.planted_at is None else self.planted_at


@dataclass(frozen=True, kw_only=True)
class PatternDetector(Detector):
    """Reads attention at one relation on random tokens that repeat; method `attention_pattern`."""

    relation: Lag
    controls: tuple[Lag, ...]
    """Broken versions of the relation; a head must beat, prompt by prompt, the one that is best on average."""
    write: WriteMeasure


@dataclass(frozen=True, kw_only=True)
class WeightMapDetector(Detector):
    """Reads what the OV circuit makes of single words of ordered classes; method `weight_map`."""

    step: int
    """The word that should come out, in members of the class from the one that goes in."""
    control_steps: tuple[int, ...]
    """Other maps of the same class; a head must beat the best of them."""
