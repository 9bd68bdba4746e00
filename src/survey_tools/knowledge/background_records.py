"""What a reader needs beside papers and heads: methods, benchmarks, a glossary, open questions (`background/*.yml`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from survey_tools.knowledge.fields import Entry, Id, Record, Text, Url


class Method(Record):
    """One experimental method: what it does to a model, who uses it, which module of ours does it."""

    id: Id
    name: Text
    operation: Text
    """What is done, in our own words."""
    shows: Text | None = None
    """What its outcome does and does not show."""
    named_for: tuple[Id, ...] = ()
    """Papers the survey names for it; papers whose own entry lists the method are added by the site."""
    also_named_for: tuple[Text, ...] = ()
    """Works the survey names that have no entry here."""
    module: Text | None = None
    """The module that implements it here (`survey_tools.heads...`)."""
    ours: bool = False
    """Not in the survey's tree: added here."""


class MethodGroup(Record):
    """A level of the tree with the methods below it."""

    id: Id
    name: Text
    summary: Text
    groups: tuple[MethodGroup, ...] = ()
    methods: tuple[Method, ...] = ()


class Methods(Entry):
    """The survey's tree of experimental methods, `background/methods.yml`."""

    name: Text
    source: Id
    groups: tuple[MethodGroup, ...]

    def walk(self) -> Iterator[tuple[tuple[MethodGroup, ...], Method]]:
        """Every method with the groups above it, outermost first, in the tree's order."""
        yield from _below((), self.groups)


def _below(
    above: tuple[MethodGroup, ...], groups: tuple[MethodGroup, ...]
) -> Iterator[tuple[tuple[MethodGroup, ...], Method]]:
    for group in groups:
        for method in group.methods:
            yield (*above, group), method
        yield from _below((*above, group), group.groups)


class Benchmark(Record):
    """One row of the survey's two tables of evaluation benchmarks."""

    id: Id
    name: Text
    kind: Text
    task: Text
    source: Text
    released: Text
    paper: Id | None = None
    link: Url | None = None
    task_here: Id | None = None
    """The task of `survey tasks` that asks the same."""
    note: Text | None = None


class BenchmarkTable(Record):
    """One of the survey's two tables."""

    id: Literal["mechanism", "common"]
    name: Text
    summary: Text
    benchmarks: tuple[Benchmark, ...]


class Benchmarks(Entry):
    """Evaluation benchmarks the survey lists, `background/benchmarks.yml`."""

    name: Text
    source: Id
    tables: tuple[BenchmarkTable, ...]


class Term(Record):
    """A word and what it means here."""

    id: Id
    term: Text
    aliases: tuple[Text, ...] = ()
    meaning: Text
    papers: tuple[Id, ...] = ()
    head_types: tuple[Id, ...] = ()


class Glossary(Entry):
    """Words of the field, `background/glossary.yml`."""

    name: Text
    terms: tuple[Term, ...]


class Question(Record):
    """Something nobody knows yet, and what would settle it."""

    id: Id
    question: Text
    why: Text
    settled_by: Text
    papers: tuple[Id, ...] = ()
    head_types: tuple[Id, ...] = ()


class OpenQuestions(Entry):
    """Open questions, `background/open-questions.yml`."""

    name: Text
    questions: tuple[Question, ...]
