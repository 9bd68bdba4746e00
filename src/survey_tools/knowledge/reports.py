"""Problems as text for a terminal, annotations for GitHub, or JSON for programs. Ends with the counts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from survey_tools.knowledge.problems import Problem, count


def summary(problems: Sequence[Problem]) -> str:
    """`no problems`, or `3 problems in 2 files`."""
    return count(problems) if problems else "no problems"


def as_text(problems: Sequence[Problem]) -> str:
    """A line a problem, `path:line:column: field: message; hint`, then the counts."""
    return "".join(f"{problem}\n" for problem in problems) + f"{summary(problems)}\n"


def as_github(problems: Sequence[Problem]) -> str:
    """A workflow command a problem, which GitHub shows beside the line in a pull request; then the counts.

    Text from an entry is escaped: a file cannot end its annotation and write a command of its own.
    """
    lines = [
        f"::error file={_property(problem.path)},line={problem.line},col={problem.column}::{_data(problem.sentence)}"
        for problem in problems
    ]
    return "".join(f"{line}\n" for line in (*lines, summary(problems)))


def as_json(problems: Sequence[Problem]) -> str:
    """`{"problems": [{path, line, column, field, message, hint}], "count": n, "files": n}`."""
    report = {
        "problems": [asdict(problem) for problem in problems],
        "count": len(problems),
        "files": len({problem.path for problem in problems}),
    }
    return json.dumps(report, indent=2, ensure_ascii=False) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
