"""The capability record: how well one model does one task, `results/<model>/tasks/<task>.json`."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from survey_tools.results.records import Environment, Part

Ability: TypeAlias = Literal["present", "absent", "does not apply"]


class Example(Part):
    """One item of the task, for readers."""

    prompt: str
    right: list[str]
    wrong: list[str]
    twin: str | None = None
    """The corrupted prompt."""


class CapabilityRecord(Part):
    """One cell of the capability table; where a task can't be put to a model, `reason` says why in place of numbers."""

    schema_version: Literal[1]
    task: str
    model: str
    model_digest: str
    """sha256 of the weights that ran."""
    verdict: Ability
    reason: str
    """The verdict in one sentence with its numbers."""
    description: str
    """What is asked, in one line."""
    roles: dict[str, str] = Field(default_factory=dict)
    """What is marked in the prompts, and what each mark means."""
    examples: list[Example] = Field(default_factory=list)
    """Of the dev split; none for tokens drawn at random."""
    source: str | None = None
    """Id of the paper the task comes from."""
    reading: Literal["next token", "probe"] = "next token"
    """How the model answers: by what it expects next, or (an encoder) through a linear probe on its mean output."""
    name: str = ""
    """What `value` is."""
    unit: str = ""
    value: float | None = None
    interval: tuple[float, float] | None = None
    """95 %, over items of different keys."""
    chance: float | None = None
    """What is reached without reading: by guessing, one constant answer, or favourites learnt on the dev split."""
    needed: float | None = None
    """The lower end of the interval must lie above it."""
    items: int = 0
    independent: int = 0
    """Items of different keys."""
    margin: float | None = None
    """Text: log odds of right against wrong answers in nats. Drawn tokens: the loss on those that the context tells."""
    on_twin: float | None = None
    """The same as `value` on the corrupted twins; for drawn tokens the loss there."""
    dropped: dict[str, int] = Field(default_factory=dict)
    """Items left out before as many as asked for were found, by reason."""
    asked: int = Field(ge=2)
    """Items asked for."""
    digest: str
    digest_parts: dict[str, str]
    environment: Environment

    @model_validator(mode="after")
    def _consistent(self) -> CapabilityRecord:
        if (self.verdict == "does not apply") != (self.value is None):
            raise ValueError(f"verdict {self.verdict!r} does not go with value {self.value}")
        if self.value is None:
            return self
        if self.interval is None or self.chance is None or self.needed is None or self.items < 2:
            raise ValueError("a value needs its interval, chance, what is needed, and two items or more")
        if (self.verdict == "present") != (self.interval[0] > self.needed):
            raise ValueError(f"verdict {self.verdict!r} contradicts interval {self.interval} and needed {self.needed}")
        return self
