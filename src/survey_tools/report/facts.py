"""What a report says of the run itself."""

from __future__ import annotations

from dataclasses import dataclass

from survey_tools.results.records import Environment


@dataclass(frozen=True)
class RunFacts:
    """The run behind a report."""

    command: str
    """What repeats it, as typed in a terminal."""
    environment: Environment
