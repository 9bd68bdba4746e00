"""Every entry file of a root, read into records; every problem of every file, none skipped in silence."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from survey_tools.knowledge.kinds import (
    BENCHMARKS,
    CIRCUIT,
    FRAMEWORK,
    FRAMEWORK_ID,
    GLOSSARY,
    HEAD_TYPE,
    KINDS,
    METHODS,
    MODEL,
    OPEN_QUESTIONS,
    PAPER,
    SCHEME,
    Kind,
    kind_of,
)
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.problems import Problem, shown
from survey_tools.knowledge.read_ahead import read_ahead
from survey_tools.knowledge.records import (
    ID_PATTERN,
    MODEL_ID_PATTERN,
    Benchmarks,
    Circuit,
    Entry,
    Framework,
    Glossary,
    HeadType,
    Methods,
    OpenModel,
    OpenQuestions,
    Paper,
    Scheme,
)
from survey_tools.knowledge.validation import to_record
from survey_tools.knowledge.yaml_source import Source, read_source

_MEANT = (".yml", ".yaml")
"""Endings (in any case) of files that were meant to be entries."""


@dataclass
class Entries:
    """What was read: records by kind and id (sorted), the ids of files that gave no record, the problems."""

    root: Path
    records: dict[str, dict[str, Entry]] = field(default_factory=lambda: {kind.name: {} for kind in KINDS})
    broken: dict[str, set[str]] = field(default_factory=lambda: {kind.name: set() for kind in KINDS})
    problems: list[Problem] = field(default_factory=list)
    first_lines: list[Problem] = field(default_factory=list)
    """Files without their $schema line: `check` wants it, a survey can be made without it."""

    @property
    def papers(self) -> dict[str, Paper]:
        """Papers by id."""
        return cast("dict[str, Paper]", self.records[PAPER.name])

    @property
    def head_types(self) -> dict[str, HeadType]:
        """Head types by id."""
        return cast("dict[str, HeadType]", self.records[HEAD_TYPE.name])

    @property
    def circuits(self) -> dict[str, Circuit]:
        """Circuits by id."""
        return cast("dict[str, Circuit]", self.records[CIRCUIT.name])

    @property
    def models(self) -> dict[str, OpenModel]:
        """Open models by id."""
        return cast("dict[str, OpenModel]", self.records[MODEL.name])

    @property
    def schemes(self) -> dict[str, Scheme]:
        """Other naming schemes by id."""
        return cast("dict[str, Scheme]", self.records[SCHEME.name])

    @property
    def framework(self) -> Framework | None:
        """The framework, if its file could be read."""
        return cast("Framework | None", self._only(FRAMEWORK))

    @property
    def methods(self) -> Methods | None:
        """The tree of experimental methods, if there is one that could be read."""
        return cast("Methods | None", self._only(METHODS))

    @property
    def benchmarks(self) -> Benchmarks | None:
        """The survey's tables of benchmarks, if there are any that could be read."""
        return cast("Benchmarks | None", self._only(BENCHMARKS))

    @property
    def glossary(self) -> Glossary | None:
        """Words of the field, if there is a glossary that could be read."""
        return cast("Glossary | None", self._only(GLOSSARY))

    @property
    def open_questions(self) -> OpenQuestions | None:
        """Open questions, if there is a list that could be read."""
        return cast("OpenQuestions | None", self._only(OPEN_QUESTIONS))

    def _only(self, kind: Kind) -> Entry | None:
        return self.records[kind.name].get(kind.only or "")

    def known_ids(self, kind: Kind) -> set[str]:
        """Ids that exist, a file with problems of its own included: one mistake, one message."""
        return set(self.records[kind.name]) | self.broken[kind.name]


def load_entry(file: Path, kind: Kind, path: str) -> tuple[Entry | None, Source]:
    """One file as a record of `kind` (None if it has problems) and its source, which holds the problems."""
    source = read_source(file, path)
    record = to_record(source, kind.record)
    named = None if source.data is None else source.data.get("id")
    said_already = any(problem.field == "id" for problem in source.problems)
    if isinstance(named, str) and named != file.stem and not said_already:
        may_be_id = re.fullmatch(MODEL_ID_PATTERN if kind is MODEL else ID_PATTERN, file.stem)
        hint = (f"write id: {file.stem}, or " if may_be_id else "") + f"rename the file to {named}.yml"
        message = f"is {shown(named)}, but the file is called {file.name}"
        source.problems.append(source.problem(("id",), message, hint))
        return None, source
    return record, source


def load_entries(root: Path) -> Entries:
    """All entries under `root`, with every problem of single files; see `references.py` for the rest."""
    with garbage_collection_paused():
        return _load(root)


def _load(root: Path) -> Entries:
    entries = Entries(root)
    files = list(entry_files(root, entries.problems))
    first_lines = {kind.name: kind.first_line for kind in KINDS}
    ahead = read_ahead([(file, first_lines[kind.name]) for kind, file in files])
    for (kind, file), ready in zip(files, ahead, strict=True):
        if ready is not None and (good := _good_record(ready, kind, file)) is not None:
            entries.records[kind.name][good.id] = good
            continue
        record, source = load_entry(file, kind, kind.path(file.stem))
        entries.problems += source.problems
        if source.text and source.first_line != first_lines[kind.name]:
            hint = f"write as line 1: {kind.first_line}"
            entries.first_lines.append(Problem(source.path, 1, 1, "", "must start with its $schema line", hint))
        if record is None:
            entries.broken[kind.name].add(file.stem)
        else:
            entries.records[kind.name][record.id] = record
    if FRAMEWORK_ID not in entries.known_ids(FRAMEWORK):
        missing = Problem(FRAMEWORK.path(FRAMEWORK_ID), 1, 1, "", "does not exist", "every survey has a framework")
        entries.problems.append(missing)
    return entries


def _good_record(ready: str, kind: Kind, file: Path) -> Entry | None:
    """The record of a file that was read ahead; None when it needs a closer look, which says what is wrong."""
    try:
        record = kind.record.model_validate_json(ready)
    except ValidationError:
        return None
    return record if record.id == file.stem else None


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Every record is kept, so there is nothing to collect; looking took a quarter of the time of 5,000 papers."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def entry_files(root: Path, problems: list[Problem]) -> Iterator[tuple[Kind, Path]]:
    """Every entry file in order; a problem for each thing that lies there and is none."""
    folders = {kind.folder for kind in KINDS}
    for folder in sorted(folders):
        if not (root / folder).is_dir():
            continue
        for file in sorted((root / folder).iterdir(), key=lambda file: file.name):
            path = f"{folder}/{file.name}"
            if file.name.startswith(".") or file.name == "README.md" or path in folders:
                continue
            kind = kind_of(folder, file.stem)
            if file.suffix == ".yml" and kind is not None:
                yield kind, file
            elif file.is_dir():
                problems.append(Problem(path, 1, 1, "", "is a folder; entries lie directly in " + folder))
            elif file.suffix == ".yml":
                names = [f"{kind.only}.yml" for kind in KINDS if kind.folder == folder]
                hint = did_you_mean(file.name, names) or f"{folder} holds {', '.join(names)}"
                problems.append(Problem(path, 1, 1, "", "is none of the files of this folder", hint))
            else:
                hint = f"rename it to {file.stem}.yml" if file.suffix.lower() in _MEANT else "move it elsewhere"
                problems.append(Problem(path, 1, 1, "", "is not an entry: their names end in .yml", hint))
