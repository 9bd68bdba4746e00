"""What there is to run: the state of every entry on every model, and the runs that would mend it.

Entries with equal notebook and parameters share one run on a model, because the measurement is shared: the
group runs together when one of it is due, and leaves one executed notebook.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from survey_tools.errors import NotebookError, RecordError, SurveyError
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.records import Detection, HeadType, OpenModel
from survey_tools.notebooks.digest import changed_parts, digest, digest_parts
from survey_tools.notebooks.environment import installed_versions, other_versions
from survey_tools.notebooks.failures import Failure, last_failure
from survey_tools.notebooks.reach import PackageSource
from survey_tools.notebooks.source import NotebookSource, Parameter, check_parameters, read_notebook
from survey_tools.results.records import RunRecord
from survey_tools.results.store import ResultStore

State: TypeAlias = Literal["fresh", "fresh with other versions", "stale", "missing", "failed"]
ROUNDING = 1e-4
"""Records keep four digits of an ability."""
FRESH: frozenset[State] = frozenset({"fresh", "fresh with other versions"})


class Entries(Protocol):
    """What a plan needs of a survey; `knowledge.survey.Survey` has it."""

    @property
    def head_types(self) -> Mapping[str, HeadType]:
        """Head types by id."""

    @property
    def models(self) -> Mapping[str, OpenModel]:
        """Open models by id."""


@dataclass(frozen=True)
class EntryStatus:
    """How one entry stands on one model."""

    entry: str
    model: str
    state: State
    detail: str = ""
    """What changed, failed or differs, in words; empty for a fresh entry."""
    changed: tuple[str, ...] = ()
    """Parts of the digest that differ, of a stale entry."""
    default_model: bool = False
    """The model is one that a run takes when none is named."""
    record: RunRecord | None = None
    failure: Failure | None = None

    @property
    def due(self) -> bool:
        """A run would bring something new."""
        return self.state not in FRESH


@dataclass(frozen=True)
class Run:
    """One execution of one notebook on one model, for all entries that share it."""

    notebook: str
    model: str
    entries: tuple[str, ...]
    parameters: dict[str, Parameter]
    """All the notebook's parameters, defaults included; `out` is filled in when it runs."""
    statuses: tuple[EntryStatus, ...]
    """One an entry, in the order of `entries`."""
    seconds_expected: float | None
    """What the last run took, on the machine where it ran."""
    script: Path
    digests: dict[str, dict[str, str]]
    """Parts of the digest, one dictionary an entry."""
    executed_as: str
    """Name of the executed copy, without `.ipynb`."""
    dtype: str
    device: str = "cpu"

    @property
    def run_id(self) -> str:
        """Equal for equal code, model, parameters and entries: running again changes no identity."""
        content = [self.model, self.notebook, {entry: digest(parts) for entry, parts in self.digests.items()}]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def name(self) -> str:
        """For progress lines: `repeated-tokens on smollm2-135m-instruct`."""
        return f"{self.notebook} on {self.model}"


@dataclass(frozen=True)
class _Group:
    """Entries that share a notebook and its parameters, on whatever model."""

    source: NotebookSource
    entries: tuple[str, ...]
    overrides: dict[str, Parameter]
    executed_as: str


def status(
    survey: Entries, store: ResultStore, root: Path, *, package: PackageSource | None = None
) -> list[EntryStatus]:
    """Every entry that has a detector, on every causal model, sorted by model and entry.

    Entries that are only planned have nothing to run and are left out, and so are encoders, to which no detector
    applies yet. Raises NotebookError that names every unfit notebook.
    """
    statuses: list[EntryStatus] = []
    groups = _groups(survey, root)
    for model in survey.models.values():
        for group in groups if model.causal else ():
            statuses += _run(survey, store, root, model, group, "cpu", package).statuses
    return sorted(statuses, key=lambda item: (item.model, item.entry))


def plan(
    survey: Entries,
    store: ResultStore,
    *,
    models: Collection[str] | None = None,
    entries: Collection[str] | None = None,
    force: bool = False,
    root: Path,
    device: str = "cpu",
    package: PackageSource | None = None,
) -> list[Run]:
    """The runs that are due, sorted by model and notebook; with `force`, those whose entries are fresh too.

    `models`: ids, default those marked `default: true`. `entries`: ids, default all that have a detector; an entry
    brings those along that share its run. `device` reaches notebooks that have a parameter of that name.

    Raises:
        SurveyError: an unknown model or entry, or an entry that has no detector yet.
        NotebookError: a malformed notebook, an unknown parameter, no such detector.
    """
    chosen = _models(survey, models)
    _check_entries(survey, entries)
    runs = []
    for model in chosen:
        for group in _groups(survey, root):
            if entries is None or not set(entries).isdisjoint(group.entries):
                runs.append(_run(survey, store, root, model, group, device, package))
    return [run for run in runs if force or any(item.due for item in run.statuses)]


def shard(runs: Sequence[Run], index: int, count: int) -> list[Run]:
    """Part `index` of `count` (1-based), for machines that split a plan; together the parts are the plan."""
    if not 1 <= index <= count:
        raise SurveyError(f"there is no shard {index}/{count}; write I/N with 1 <= I <= N, such as 1/4")
    return list(runs[index - 1 :: count])


def _models(survey: Entries, wanted: Collection[str] | None) -> list[OpenModel]:
    if wanted is None:
        return [model for model in survey.models.values() if model.default]
    problems = [_unknown("model", name, survey.models) for name in sorted(wanted) if name not in survey.models]
    if problems:
        raise SurveyError("; ".join(problems))
    encoders = [name for name in sorted(wanted) if not survey.models[name].causal]
    if encoders:
        raise SurveyError(f"{', '.join(encoders)}: an encoder, and all detectors so far are for causal models")
    return [model for model in survey.models.values() if model.id in wanted]


def _check_entries(survey: Entries, wanted: Collection[str] | None) -> None:
    problems = []
    for name in sorted(wanted or ()):
        if name not in survey.head_types:
            problems.append(_unknown("entry", name, survey.head_types))
        elif not isinstance(survey.head_types[name].detection, Detection):
            problems.append(f"entry '{name}' has no detector yet, it is planned; `survey new-head {name}` starts one")
    if problems:
        raise SurveyError("; ".join(problems))


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    hint = did_you_mean(name, known) or f"there are {len(known)}: {', '.join(sorted(known)) or 'none'}"
    return f"there is no {what} '{name}'; {hint}"


def _groups(survey: Entries, root: Path) -> list[_Group]:
    """All groups, sorted by notebook. Every notebook that cannot be read is named before any is used."""
    members: dict[tuple[str, str], list[str]] = {}
    overrides: dict[tuple[str, str], dict[str, Parameter]] = {}
    sources: dict[str, NotebookSource] = {}
    problems: dict[str, None] = {}
    for entry, head_type in sorted(survey.head_types.items()):
        detection = head_type.detection
        if not isinstance(detection, Detection):
            continue
        notebook = detection.notebook
        try:
            if notebook not in sources:
                sources[notebook] = read_notebook(root / "notebooks" / f"{notebook}.py")
            check_parameters(sources[notebook], detection.parameters)
        except NotebookError as error:
            problems[str(error)] = None
            continue
        key = notebook, json.dumps(detection.parameters, sort_keys=True)
        members.setdefault(key, []).append(entry)
        overrides[key] = dict(detection.parameters)
    if problems:
        raise NotebookError("\n".join(problems))
    groups = []
    taken: set[str] = set()
    # Plain parameters first: their executed copy gets the notebook's own name, others add their first entry's.
    for key in sorted(members, key=lambda key: (key[0], bool(overrides[key]), members[key])):
        notebook = key[0]
        executed_as = f"{notebook}.{members[key][0]}" if notebook in taken else notebook
        taken.add(notebook)
        groups.append(_Group(sources[notebook], tuple(members[key]), overrides[key], executed_as))
    return groups


def _run(
    survey: Entries,
    store: ResultStore,
    root: Path,
    model: OpenModel,
    group: _Group,
    device: str,
    package: PackageSource | None,
) -> Run:
    given: dict[str, Parameter] = {**group.overrides, "model": model.id, "entries": list(group.entries), "out": ""}
    if "device" in group.source.parameters:
        given["device"] = device
    elif device != "cpu":
        raise NotebookError(
            f"{group.source.path}: has no parameter 'device', so it cannot run on {device}; add `device = \"cpu\"` to "
            "its parameters and use it"
        )
    parameters = check_parameters(group.source, given)
    digests, statuses = {}, []
    for entry in group.entries:
        detection = survey.head_types[entry].detection
        assert isinstance(detection, Detection)  # groups hold no others
        digests[entry] = digest_parts(group.source, parameters, model, detection.detector, package)
        statuses.append(_status(store, root, entry, model, digests[entry]))
    seconds = [item.record.environment.seconds for item in statuses if item.record is not None]
    return Run(
        notebook=group.source.id,
        model=model.id,
        entries=group.entries,
        parameters=parameters,
        statuses=tuple(statuses),
        seconds_expected=max((taken for taken in seconds if taken is not None), default=None),
        script=group.source.path,
        digests=digests,
        executed_as=group.executed_as,
        dtype=model.dtype,
        device=device,
    )


def _status(store: ResultStore, root: Path, entry: str, model: OpenModel, parts: dict[str, str]) -> EntryStatus:
    def standing(state: State, detail: str = "", changed: tuple[str, ...] = ()) -> EntryStatus:
        return EntryStatus(entry, model.id, state, detail, changed, model.default, record, failure)

    record, failure = None, last_failure(root, model.id, entry)
    try:
        record = store.get(model.id, entry)
    except RecordError as error:
        return standing("stale", str(error))
    now = digest(parts)
    if failure is not None and failure.digest == now:
        return standing("failed", failure.sentence)
    if record is None:
        return standing("missing", "never run on this model")
    if record.digest != now:
        changed = changed_parts(record.digest_parts, parts)
        return standing("stale", f"{', '.join(changed) or 'digest'} changed", changed)
    if said := _other_ability(store, record):
        return standing("stale", said, ("ability",))
    differing = other_versions(record.environment.versions, installed_versions())
    if differing:
        return standing("fresh with other versions", "; ".join(differing))
    return standing("fresh")


def _other_ability(store: ResultStore, record: RunRecord) -> str:
    """In words, that the verdict rests on another number than the capability table holds by now; else nothing."""
    asked = record.capability
    if asked is None:
        return ""
    try:
        cell = store.capability(record.model, asked.task)
    except RecordError:
        return ""  # `survey tasks` says what is wrong with it
    if cell is None or cell.value is None or abs(cell.value - asked.value) <= ROUNDING:
        return ""
    return f"the capability table has {cell.value:.3f} for {asked.task} by now, the run was made with {asked.value:.3f}"
