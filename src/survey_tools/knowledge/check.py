"""All rules of all entries at once: `check` is what `survey check` prints.

Three layers: each file alone (`load.py`), files against each other (`references.py`), and here what a
finished survey owes its readers: a notebook or a reason, a paper for every head type, agreement with
the framework, summaries worth reading (`summaries.py`). A survey can be loaded without the third.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from survey_tools.errors import KnowledgeError
from survey_tools.knowledge.findings import Finding, Rule, place
from survey_tools.knowledge.kinds import HEAD_TYPE, PAPER
from survey_tools.knowledge.load import Entries, garbage_collection_paused, load_entries
from survey_tools.knowledge.lookup import did_you_mean
from survey_tools.knowledge.problems import Problem
from survey_tools.knowledge.records import Detection, Framework, HeadType, Reproduction, Staging
from survey_tools.knowledge.references import reference_problems
from survey_tools.knowledge.root import PACKAGED
from survey_tools.knowledge.summaries import RULES as SUMMARY_RULES
from survey_tools.knowledge.summaries import numbers_not_in_texts


def check(root: Path, paths: Sequence[Path | str] = (), sources: Path | None = None) -> list[Problem]:
    """Every problem of the entries under `root`, sorted by place; all files are read, because rules span them.

    With `paths` (files or folders, absolute or from the working directory or from `root`), only the problems
    of those files are returned. With `sources`, numbers in summaries must stand in `sources`/<paper id>.txt; papers
    that have no text there are not asked.

    Raises:
        KnowledgeError: one of `paths` does not exist or lies outside `root`, or `sources` holds no paper's text.
    """
    wanted = chosen(root, paths)
    with garbage_collection_paused():
        entries = load_entries(root)
        findings = [finding for rule in RULES for finding in rule(entries)]
        if sources is not None:
            findings += numbers_not_in_texts(entries, sources)
        problems = entries.problems + entries.first_lines + reference_problems(entries) + place(entries, findings)
    return sorted(problem for problem in problems if wanted(problem.path))


def chosen(root: Path, paths: Sequence[Path | str]) -> Callable[[str], bool]:
    """Whether a path relative to `root` is one of `paths` or lies below one; all are where no paths are given.

    Raises:
        KnowledgeError: one of `paths` does not exist or lies outside `root`.
    """
    inside = [_inside(root, Path(path)) for path in paths] or ["."]
    return lambda path: any(folder in (".", path) or path.startswith(f"{folder}/") for folder in inside)


def _inside(root: Path, path: Path) -> str:
    there = [spot for spot in (path.absolute(), root.absolute() / path) if spot.exists()]
    if not there:
        raise KnowledgeError(f"cannot check {path}: there is no such file or folder")
    for spot in there:
        if spot.resolve().is_relative_to(root.resolve()):
            return spot.resolve().relative_to(root.resolve()).as_posix()
    raise KnowledgeError(f"cannot check {path}: it lies outside {root}")


def _notebooks_exist(entries: Entries) -> Iterator[Finding]:
    if entries.root.resolve() == PACKAGED:
        return  # a wheel carries the entries without the notebooks
    existing = {file.stem for file in (entries.root / "notebooks").glob("*.py")}

    def missing(notebook: str, instead: str) -> tuple[str, str] | None:
        if notebook in existing:
            return None
        hint = did_you_mean(notebook, existing) or f"write it, or give {instead}"
        return f"notebooks/{notebook}.py does not exist", hint

    for paper in entries.papers.values():
        if isinstance(paper.reproduction, Reproduction):
            found = missing(paper.reproduction.notebook, "the reason under not_reproducible")
            if found:
                yield Finding(PAPER, paper.id, ("reproduction", "notebook"), *found)
    for head_type in entries.head_types.values():
        if isinstance(head_type.detection, Detection):
            found = missing(head_type.detection.notebook, "a plan under planned")
            if found:
                yield Finding(HEAD_TYPE, head_type.id, ("detection", "notebook"), *found)


def _every_type_has_a_paper(entries: Entries) -> Iterator[Finding]:
    if entries.broken[PAPER.name]:
        return  # the paper may be among those that could not be read
    treated = {
        use.id for paper in entries.papers.values() for use in paper.head_types if use.role in ("introduces", "studies")
    }
    for head_type in entries.head_types:
        if head_type not in treated:
            hint = f"add it to the paper's head_types: - {{id: {head_type}, role: introduces}}"
            yield Finding(HEAD_TYPE, head_type, (), "no paper introduces or studies this type", hint)


def _staging_agrees(entries: Entries) -> Iterator[Finding]:
    framework = entries.framework
    if framework is None:
        return
    places = {
        head: (stage.id, category.name)
        for stage in framework.stages
        for category in stage.categories
        for head in category.heads
    }
    for head_type in entries.head_types.values():
        if head_type.id in places:
            yield from _as_placed(head_type, *places[head_type.id])
        elif head_type.staging is not None:
            yield from _as_suggested(head_type.id, head_type.staging, framework)


def _as_placed(head_type: HeadType, stage: str, category: str) -> Iterator[Finding]:
    staging = head_type.staging
    message = f"the framework places this type at {stage}, {category}"
    hint = f"write staging: {{stage: {stage}, category: {category}}}"
    if staging is None or staging.suggested or staging.stage != stage:
        yield Finding(HEAD_TYPE, head_type.id, ("staging",), message, hint)
    elif staging.category != category:
        yield Finding(HEAD_TYPE, head_type.id, ("staging", "category"), message, hint)


def _as_suggested(head_type_id: str, staging: Staging, framework: Framework) -> Iterator[Finding]:
    if not staging.suggested:
        message = f"the framework does not place this type, so {staging.stage} can only be a suggestion"
        hint = "place it in head_taxonomy/framework.yml, or write suggested: true"
        yield Finding(HEAD_TYPE, head_type_id, ("staging",), message, hint)
        return
    known = [c.name for stage in framework.stages if stage.id == staging.stage for c in stage.categories]
    if staging.category is not None and staging.category not in known:
        message = f"'{staging.category}' is no category of {staging.stage}"
        hint = did_you_mean(staging.category, known) or f"it has {', '.join(known) or 'none'}"
        yield Finding(HEAD_TYPE, head_type_id, ("staging", "category"), message, hint)


RULES: tuple[Rule, ...] = (_notebooks_exist, _every_type_has_a_paper, _staging_agrees, *SUMMARY_RULES)
