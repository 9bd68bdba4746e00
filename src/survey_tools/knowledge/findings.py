"""What a rule over several files finds, and where in its file that stands.

A finding names a value of a record; its line and column are looked up at the end, reading again only the files
that have one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from survey_tools.knowledge.kinds import HEAD_TYPE, PAPER, Kind
from survey_tools.knowledge.load import Entries
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.problems import FieldPath, Problem
from survey_tools.knowledge.yaml_source import Source, read_source


@dataclass(frozen=True)
class Finding:
    """Something wrong with the value at `field_path` of an entry; `word`: the part of its text that is meant."""

    kind: Kind
    id: str
    field_path: FieldPath
    message: str
    hint: str = ""
    word: str = ""


Rule = Callable[[Entries], Iterable[Finding]]


def place(entries: Entries, findings: Iterable[Finding]) -> list[Problem]:
    """Findings as problems with line and column; each file concerned is read once."""
    sources: dict[str, Source] = {}
    problems = []
    for finding in findings:
        path = finding.kind.path(finding.id)
        if path not in sources:
            sources[path] = read_source(entries.root / path, path)
        problem = sources[path].problem(finding.field_path, finding.message, finding.hint, word=finding.word)
        problems.append(problem)
    return problems


class KnownIds:
    """Whether ids of one kind exist, remembering suggestions: a wrong id may be in thousands of files."""

    def __init__(self, words: str, known: Collection[str], add: str) -> None:
        self.words, self.known, self.add = words, known, add
        self._suggestions: dict[str, str] = {}

    def missing(self, kind: Kind, entry_id: str, field_path: FieldPath, wanted: str) -> Iterator[Finding]:
        """A finding when `wanted` is none of the ids, with the nearest one or what to add (`{}` is the id)."""
        if wanted in self.known:
            return
        if wanted not in self._suggestions:
            self._suggestions[wanted] = did_you_mean(wanted, self.known)
        hint = self._suggestions[wanted] or f"add {self.add.format(wanted)} or correct the id"
        yield Finding(kind, entry_id, field_path, f"no {self.words} has the id '{wanted}'", hint)


def ids_of(kind: Kind, entries: Entries) -> KnownIds:
    """Ids of the entries of a kind."""
    return KnownIds(kind.words, entries.known_ids(kind), kind.path("{}"))


def paper_ids(entries: Entries) -> KnownIds:
    """Ids of papers."""
    return ids_of(PAPER, entries)


def head_type_ids(entries: Entries, awaited: bool) -> KnownIds:
    """Ids of head types; with `awaited` also those that the framework names and nobody has written yet."""
    known = entries.known_ids(HEAD_TYPE)
    if awaited and entries.framework is not None:
        known |= set(entries.framework.awaited)
    return KnownIds(HEAD_TYPE.words, known, HEAD_TYPE.path("{}"))
