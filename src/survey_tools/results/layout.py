"""How a run record is written: small, in one order, so that a rerun shows as a diff of what changed.

Keys are sorted; a matrix takes one row a line, a list of heads one head a line, any other list one line.
Measured numbers keep at most six significant digits: what lies behind them is noise of the machine that ran.
"""

from __future__ import annotations

import json
from typing import Any

SIGNIFICANT_DIGITS = 6
AS_GIVEN = frozenset({"parameters", "stimulus"})
"""Keys whose numbers were chosen, not measured: rounding them would name another run."""


def to_text(value: dict[str, Any]) -> str:
    """The text of a record's file, ending in a newline."""
    return _lines(_rounded(value), "") + "\n"


def rounded(value: float) -> float:
    """A measured number as a record keeps it."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return rounded(value)
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: item if key in AS_GIVEN else _rounded(item) for key, item in value.items()}
    return value


def _lines(value: Any, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, dict) and value:
        items = (f"{inner}{json.dumps(key)}: {_lines(value[key], inner)}" for key in sorted(value))
        return "{\n" + ",\n".join(items) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        return "[\n" + ",\n".join(f"{inner}{_one_line(item)}" for item in value) + f"\n{indent}]"
    return _one_line(value)


def _one_line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
