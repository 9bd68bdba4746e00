"""How much a detection draws. One place, so that a record can say it and a notebook can change it."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Settings:
    """Numbers of prompts and draws, and the seed of everything drawn."""

    seed: int = 0
    prompts: int = 20
    """Prompts that the score is averaged over; 20 at most, since sign flips are enumerated."""
    half_length: int = 50
    """Random tokens in one copy of a repeated sequence."""
    null_prompts: int = 4
    null_draws: int = 100
    write_prompts: int = 8
    cause_prompts: int = 12
    cause_half_length: int = 16
    cause_draws: int = 100

    def as_dict(self) -> dict[str, int]:
        """For a record."""
        return asdict(self)
