"""A living survey of attention heads: entries, detectors, run records and a site.

    from survey_tools import detect, load_model
    model = load_model("smollm2-135m-instruct")
    [induction] = detect(model, ["induction"])
    print(induction.verdict, induction.reason)

The names below are the public interface. They are loaded on first use, so that reading entries or building
the site never imports torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from survey_tools.api import (
        Settings,
        ablate,
        attention_at,
        capability,
        detect,
        head_statistics,
        known_detectors,
        known_tasks,
        load_model,
        load_records,
        load_survey,
        load_task,
        null_distribution,
        patch,
        questions,
        scores_table,
        wrap,
    )

__version__ = "0.1.0"
__all__ = [
    "Settings",
    "ablate",
    "attention_at",
    "capability",
    "detect",
    "head_statistics",
    "known_detectors",
    "known_tasks",
    "load_model",
    "load_records",
    "load_survey",
    "load_task",
    "null_distribution",
    "patch",
    "questions",
    "scores_table",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'survey_tools' has no attribute {name!r}")
    return getattr(importlib.import_module("survey_tools.api"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
