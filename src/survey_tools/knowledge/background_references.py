"""Rules between files for `background/` and for other naming schemes: what they name must exist, and once.

What lies outside the entries (tasks, modules) is looked up as files under `src/`; where there is no `src/`, as in an
installed wheel, these two are not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from survey_tools.knowledge.findings import Finding, KnownIds, Rule, head_type_ids, ids_of, paper_ids
from survey_tools.knowledge.kinds import BENCHMARKS, GLOSSARY, HEAD_TYPE, METHODS, OPEN_QUESTIONS, PAPER, SCHEME, Kind
from survey_tools.knowledge.load import Entries
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.problems import FieldPath
from survey_tools.knowledge.records import MethodGroup, Question, Term

SOURCE = Path("src")
TASKS = SOURCE / "survey_tools" / "heads" / "tasks"


def _methods_of_papers(entries: Entries) -> Iterator[Finding]:
    if entries.methods is None:
        return
    known = {method.id for _, method in entries.methods.walk()}
    ids = KnownIds("method", known, f"'{{}}' to {METHODS.path('methods')}")
    for paper in entries.papers.values():
        for i, method in enumerate(paper.methods):
            yield from ids.missing(PAPER, paper.id, ("methods", i), method)
        yield from _doubled(PAPER, paper.id, ((("methods", i), method) for i, method in enumerate(paper.methods)))


def _methods(entries: Entries) -> Iterator[Finding]:
    tree = entries.methods
    if tree is None:
        return
    papers = paper_ids(entries)
    modules = _modules(entries.root)
    ids: list[tuple[FieldPath, str]] = []
    yield from papers.missing(METHODS, tree.id, ("source",), tree.source)
    for where, group in _groups((), tree.groups):
        ids.append(((*where, "id"), group.id))
        for i, method in enumerate(group.methods):
            at: FieldPath = (*where, "methods", i)
            ids.append(((*at, "id"), method.id))
            for p, paper in enumerate(method.named_for):
                yield from papers.missing(METHODS, tree.id, (*at, "named_for", p), paper)
            if modules and method.module is not None and method.module not in modules:
                hint = did_you_mean(method.module, modules) or "correct the name, or leave module out"
                message = f"there is no module '{method.module}' under {SOURCE}/"
                yield Finding(METHODS, tree.id, (*at, "module"), message, hint)
    yield from _doubled(METHODS, tree.id, ids)


def _groups(above: FieldPath, groups: tuple[MethodGroup, ...]) -> Iterator[tuple[FieldPath, MethodGroup]]:
    for i, group in enumerate(groups):
        where: FieldPath = (*above, "groups", i)
        yield where, group
        yield from _groups(where, group.groups)


def _modules(root: Path) -> set[str]:
    """Every module and package under `src/`, by its dotted name."""
    files = (file.relative_to(root / SOURCE) for file in (root / SOURCE).rglob("*.py"))
    names = (".".join(file.with_suffix("").parts) for file in files)
    return {name.removesuffix(".__init__") for name in names}


def _benchmarks(entries: Entries) -> Iterator[Finding]:
    benchmarks = entries.benchmarks
    if benchmarks is None:
        return
    papers = paper_ids(entries)
    names = {file.stem.replace("_", "-") for file in (entries.root / TASKS).glob("*.py") if file.stem != "__init__"}
    tasks = KnownIds("task", names, f"{TASKS.as_posix()}/")
    ids: list[tuple[FieldPath, str]] = []
    yield from papers.missing(BENCHMARKS, benchmarks.id, ("source",), benchmarks.source)
    for t, table in enumerate(benchmarks.tables):
        for i, row in enumerate(table.benchmarks):
            at: FieldPath = ("tables", t, "benchmarks", i)
            ids.append(((*at, "id"), row.id))
            if row.paper is not None:
                yield from papers.missing(BENCHMARKS, benchmarks.id, (*at, "paper"), row.paper)
            if names and row.task_here is not None:
                yield from tasks.missing(BENCHMARKS, benchmarks.id, (*at, "task_here"), row.task_here)
    yield from _doubled(BENCHMARKS, benchmarks.id, ids)


def _glossary(entries: Entries) -> Iterator[Finding]:
    if entries.glossary is not None:
        yield from _items(entries, GLOSSARY, "terms", entries.glossary.terms)


def _questions(entries: Entries) -> Iterator[Finding]:
    if entries.open_questions is not None:
        yield from _items(entries, OPEN_QUESTIONS, "questions", entries.open_questions.questions)


def _items(entries: Entries, kind: Kind, field: str, items: Sequence[Term | Question]) -> Iterator[Finding]:
    papers, types = paper_ids(entries), head_type_ids(entries, awaited=True)
    entry_id = str(kind.only)
    for i, item in enumerate(items):
        for p, paper in enumerate(item.papers):
            yield from papers.missing(kind, entry_id, (field, i, "papers", p), paper)
        for h, head_type in enumerate(item.head_types):
            yield from types.missing(kind, entry_id, (field, i, "head_types", h), head_type)
    yield from _doubled(kind, entry_id, (((field, i, "id"), item.id) for i, item in enumerate(items)))


def _counterparts(entries: Entries) -> Iterator[Finding]:
    """A counterpart is a canonical name of its scheme; what the scheme maps to that name is no name of its own."""
    schemes = ids_of(SCHEME, entries)
    names = {s.id: [name.name for stack in s.stacks for name in stack.names] for s in entries.schemes.values()}
    for head_type in entries.head_types.values():
        for c, counterpart in enumerate(head_type.counterparts):
            where: FieldPath = ("counterparts", c, "scheme")
            yield from schemes.missing(HEAD_TYPE, head_type.id, where, counterpart.scheme)
            known = names.get(counterpart.scheme)
            for n, name in enumerate(counterpart.names):
                if known is not None and name not in known:
                    message = f"'{name}' is no name of {SCHEME.path(counterpart.scheme)}"
                    hint = did_you_mean(name, known) or "write one of its canonical names"
                    yield Finding(HEAD_TYPE, head_type.id, ("counterparts", c, "names", n), message, hint)


def _names_of_schemes(entries: Entries) -> Iterator[Finding]:
    for scheme in entries.schemes.values():
        said: list[tuple[FieldPath, str]] = []
        for s, stack in enumerate(scheme.stacks):
            for n, name in enumerate(stack.names):
                at: FieldPath = ("stacks", s, "names", n)
                said.append(((*at, "name"), name.name))
                if name.band not in scheme.bands:
                    message = f"'{name.band}' is no band of this scheme"
                    hint = did_you_mean(name.band, scheme.bands) or f"it has {', '.join(scheme.bands) or 'none'}"
                    yield Finding(SCHEME, scheme.id, (*at, "band"), message, hint)
        yield from _doubled(SCHEME, scheme.id, said)


def _doubled(kind: Kind, entry_id: str, named: Iterable[tuple[FieldPath, str]]) -> Iterator[Finding]:
    said: set[str] = set()
    for where, name in named:
        if name in said:
            yield Finding(kind, entry_id, where, f"'{name}' is listed twice", "keep one of them")
        said.add(name)


RULES: tuple[Rule, ...] = (
    _methods_of_papers,
    _methods,
    _benchmarks,
    _glossary,
    _questions,
    _counterparts,
    _names_of_schemes,
)
