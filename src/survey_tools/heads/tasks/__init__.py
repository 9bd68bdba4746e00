"""Tasks, one behaviour a file: prompts with known answers, and how well a model does on them.

Add yours here: `<name_with_underscores>.py` with a `TASK` whose id is the file's name with hyphens, either a
`TextTask` (items made of words) or a `SequenceTask` (tokens drawn at random). Word lists go into `heads/words/`.
"""

from __future__ import annotations

import importlib
import pkgutil
from difflib import get_close_matches
from typing import TypeAlias

from survey_tools.errors import DetectionError
from survey_tools.heads.prompts.sequences import SequenceTask
from survey_tools.heads.prompts.task import TextTask

Task: TypeAlias = TextTask | SequenceTask


def task_ids() -> tuple[str, ...]:
    """Ids of all tasks, sorted; nothing is imported for it."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def load_task(task: str) -> Task:
    """The task of an id. Raises DetectionError with a suggestion when there is none.

    Example: `load_task("indirect-object").items("dev")[0].prompt.text`.
    """
    if task not in task_ids():
        near = get_close_matches(task, task_ids(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are: {', '.join(task_ids())}."
        raise DetectionError(f"there is no task {task!r}{hint}")
    module = importlib.import_module(f"{__name__}.{task.replace('-', '_')}")
    found = getattr(module, "TASK", None)
    if not isinstance(found, TextTask | SequenceTask):
        raise DetectionError(f"the file of task {task!r} has no TASK; give it a TextTask or a SequenceTask.")
    if found.id != task:
        raise DetectionError(f"the task in the file of {task!r} calls itself {found.id!r}; make them equal.")
    return found
