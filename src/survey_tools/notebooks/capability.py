"""The capability table, cell by cell: which cells are stale, how one is measured, what its record says.

No notebook is executed for a cell: it has no figure of its own, and 200 cells would start 200 kernels. A record has a
digest all the same, of what can change its numbers: the task and its words, how prompts are made and answers read,
and the weights.
"""

from __future__ import annotations

import datetime
import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from survey_tools.errors import ArchitectureRefused, DetectionError, RecordError
from survey_tools.knowledge.records import OpenModel
from survey_tools.notebooks.digest import changed_parts, digest, joined, named_weights, short
from survey_tools.notebooks.environment import commit_of, installed_versions
from survey_tools.notebooks.reach import PACKAGE, Module, PackageSource, installed
from survey_tools.results.capability import CapabilityRecord
from survey_tools.results.layout import rounded
from survey_tools.results.records import SCHEMA_VERSION, Environment
from survey_tools.results.store import ResultStore

if TYPE_CHECKING:
    from survey_tools.heads.capability import TaskScore
    from survey_tools.heads.evidence import Capability
    from survey_tools.heads.models import LoadedModel
    from survey_tools.heads.tasks import Task

EXAMPLES = 2
TASKS = f"{PACKAGE}.heads.tasks"
MAKING = (f"{TASKS}.", f"{PACKAGE}.heads.words.", f"{PACKAGE}.heads.prompts.")
"""What a task's items are made of, besides its own file."""
READING = (
    f"{PACKAGE}.heads.capability",
    f"{PACKAGE}.heads.encoder_capability",
    f"{PACKAGE}.heads.prompts",
    f"{PACKAGE}.heads.probing.linear_probes.folds",
    f"{PACKAGE}.heads.probing.linear_probes.ridge",
    f"{PACKAGE}.heads.calibrate.intervals",
)
"""What makes a number of a model's answers. The engine is left out: a plain forward pass is transformers' own, and the
weights that ran are in the record (`model_digest`)."""


def cell_digest(task: str, model: OpenModel, package: PackageSource | None = None) -> dict[str, str]:
    """The parts of a cell's digest: `task` (its file and word lists), `reading` and `model`."""
    return {**_asking(task, package or installed()), "model": short(named_weights(model))}


@functools.cache
def _asking(task: str, package: PackageSource) -> Mapping[str, str]:
    """The parts that do not depend on the model; a package reads each of its files once, so they never change."""
    reading = _reading(package)
    making = [m for m in _made_of(f"{TASKS}.{task.replace('-', '_')}", package) if m not in reading]
    return {"task": short(joined(making)), "reading": short(joined(reading))}


@functools.cache
def _reading(package: PackageSource) -> tuple[Module, ...]:
    return tuple(m for m in package.reached(*READING) if m.name.startswith(READING))


def _made_of(module: str, package: PackageSource) -> list[Module]:
    """A task's file, and what its items are made of, other tasks' files included: sorted by name."""
    seen: dict[str, Module] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen[name] = package.module(name)
            waiting += [other for other in seen[name].imports if other.startswith(MAKING)]
    return [seen[name] for name in sorted(seen)]


def standing(store: ResultStore, task: str, model: OpenModel, items: int, weights: str | None = None) -> str:
    """`fresh`, `missing`, or `stale` and why: parts that changed, other weights, or fewer items than asked for now.

    `weights` is the digest of the model as it was loaded, where it was: a converter that changed makes others of the
    same source.
    """
    try:
        record = store.capability(model.id, task)
    except RecordError as error:
        return f"stale: {error}"
    if record is None:
        return "missing"
    changed = changed_parts(record.digest_parts, cell_digest(task, model))
    if changed:
        return f"stale: {', '.join(changed)} changed"
    if weights is not None and record.model_digest != weights:
        return "stale: other weights"
    return "fresh" if record.asked >= items else f"stale: {record.asked} items were asked for, now {items}"


def known_abilities(store: ResultStore, model: LoadedModel, tasks: Iterable[str]) -> dict[str, Capability]:
    """What the table says of these very weights in this precision, by task; cells that are stale or do not apply are
    left out."""
    from survey_tools.heads.evidence import Capability

    known = {}
    for task in tasks:
        try:
            record = store.capability(model.id, task)
        except RecordError:  # an id that names no file, as a hub's does, or a broken record: it is measured anew
            continue
        if record is None or record.model_digest != model.digest or record.interval is None:
            continue
        if record.environment.dtype != str(model.network.dtype).removeprefix("torch."):
            continue
        now = _asking(task, installed())
        if any(record.digest_parts.get(part) != now[part] for part in now):
            continue
        assert record.value is not None
        assert record.chance is not None
        assert record.needed is not None
        known[task] = Capability(
            task=task,
            name=record.name,
            value=record.value,
            low=record.interval[0],
            high=record.interval[1],
            chance=record.chance,
            needed=record.needed,
            items=record.items,
        )
    return known


def measure_cells(
    entry: OpenModel,
    model: LoadedModel,
    tasks: Sequence[Task],
    items: int,
    store: ResultStore,
    root: Path,
    progress: Callable[[str], None] | None = None,
) -> list[CapabilityRecord]:
    """Put every task to the model and store each record as soon as it is there; one that does not fit has one, too."""
    from survey_tools.heads.capability import score_task

    records = []
    for task in tasks:
        start = time.monotonic()
        found: TaskScore | DetectionError | ArchitectureRefused
        try:
            found = score_task(model, task, items, progress)
        except (DetectionError, ArchitectureRefused) as error:
            found = error
        device = model.network.device.type
        dtype = str(model.network.dtype).removeprefix("torch.")
        environment = Environment(
            device=device,
            dtype=dtype,
            versions=installed_versions(),
            commit=commit_of(root),
            seconds=round(time.monotonic() - start, 1),
            finished=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )
        record = _record(entry, model, task, items, found, environment)
        store.put_capability(record)
        records.append(record)
    return records


def _record(
    entry: OpenModel,
    model: LoadedModel,
    task: Task,
    items: int,
    found: TaskScore | DetectionError | ArchitectureRefused,
    environment: Environment,
) -> CapabilityRecord:
    parts = cell_digest(task.id, entry)
    known = {
        "schema_version": SCHEMA_VERSION,
        "task": task.id,
        "model": entry.id,
        "model_digest": model.digest,
        "description": task.description,
        "roles": dict(task.roles),
        "examples": _examples(task),
        "source": task.source,
        "asked": items,
        "digest": digest(parts),
        "digest_parts": parts,
        "environment": environment,
    }
    if isinstance(found, DetectionError | ArchitectureRefused):
        return CapabilityRecord.model_validate({**known, "verdict": "does not apply", "reason": str(found)})
    measured = {
        # decided on the numbers as they are stored, so that the record agrees with itself
        "verdict": "present" if rounded(found.interval[0]) > rounded(found.needed) else "absent",
        "reason": sentence(found),
        "reading": "probe" if found.probed else "next token",
        "name": found.name,
        "unit": found.unit,
        "value": found.value,
        "interval": found.interval,
        "chance": found.chance,
        "needed": found.needed,
        "items": found.items,
        "independent": found.independent,
        "margin": found.margin,
        "on_twin": found.on_twin,
        "dropped": dict(found.dropped),
    }
    return CapabilityRecord.model_validate({**known, **measured})


def _examples(task: Task) -> list[dict[str, object]]:
    from survey_tools.heads.prompts.task import TextTask

    if not isinstance(task, TextTask):
        return []
    return [
        {
            "prompt": item.prompt.text,
            "right": list(item.right),
            "wrong": list(item.wrong),
            "twin": item.twin.text if item.twin else None,
        }
        for item in task.items("dev")[:EXAMPLES]
    ]


def sentence(score: TaskScore) -> str:
    """A verdict with its numbers: `92 % of 200 items (95 %: 87 to 95 %), chance 25 %.`"""
    low, high = score.interval
    if score.unit == "share":
        return (
            f"{score.value:.0%} of {score.items} items ({low:.0%} to {high:.0%}), where {score.needed:.0%} is needed "
            f"and chance reaches {score.chance:.0%}."
        )
    return (
        f"the context saves {score.value:.2f} nats a token ({low:.2f} to {high:.2f}, {score.items} prompts), where "
        f"{score.needed:.1f} is needed."
    )
