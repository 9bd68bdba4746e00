"""What a pull request changes, for those who look at it: pages of the site, measurements, verdicts.

Read from the names of files and from imports, without torch: the answer is there seconds after a push, and says
whether the minutes that notebooks take are needed at all.
"""

from __future__ import annotations

import posixpath
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from survey_tools.errors import SurveyError
from survey_tools.knowledge import kinds
from survey_tools.knowledge.problems import plural
from survey_tools.knowledge.records import Detection
from survey_tools.knowledge.survey import Survey
from survey_tools.notebooks.reach import DETECTORS, PackageSource, is_detector
from survey_tools.results.store import ResultStore
from survey_tools.site.escape import text as escape

LETTERS = {"A": "new", "D": "removed"}
"""Of `git diff --name-status`; whatever else git says of a file, it changed."""
ADDRESSES = {
    kinds.PAPER: "papers/{}/",
    kinds.HEAD_TYPE: "heads/{}/",
    kinds.CIRCUIT: "circuits/{}/",
    kinds.MODEL: "models/{}/",
    kinds.FRAMEWORK: "heads/",
    kinds.SCHEME: "background/naming/",
    kinds.METHODS: "background/{}/",
    kinds.BENCHMARKS: "background/{}/",
    kinds.GLOSSARY: "background/{}/",
    kinds.OPEN_QUESTIONS: "background/{}/",
}
"""Where the entry of an id is shown, relative to the root of the site."""
MOST_LISTED = 200
"""Pages; whoever changes more has changed the whole site."""


@dataclass(frozen=True, order=True)
class ChangedFile:
    """A file that differs; `path` is relative to the root, `change` is new, changed or removed."""

    path: str
    change: str = "changed"


@dataclass(frozen=True, order=True)
class ChangedPage:
    """A page whose entry, record or text differs; `address` is relative to the root of the site."""

    address: str
    name: str
    change: str = "changed"


def changed_files(root: Path, base: str) -> list[ChangedFile]:
    """The files that differ between HEAD and where it left the revision `base`, sorted.

    Raises:
        SurveyError: there is no git, no such revision, or no common commit (a shallow clone).
    """
    if base.startswith("-"):
        raise SurveyError(f"'{base}' is no revision; name a branch, tag or commit, such as origin/main")
    command = ["git", "-C", str(root), "diff", "--name-status", "--no-renames", "-z", f"{base}...HEAD", "--"]
    try:
        # The name of a file may be any bytes; one that is not UTF-8 is no entry's.
        said = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    except OSError as error:
        raise SurveyError(f"git cannot be started: {error.strerror}; install it first") from error
    if said.returncode:
        why = (said.stderr.strip().splitlines() or ["it gives no reason"])[0]
        raise SurveyError(
            f"git cannot compare HEAD with '{base}': {why}; fetch that revision, with the history that leads to it"
        )
    return read_name_status(said.stdout)


def read_name_status(text: str) -> list[ChangedFile]:
    """What `git diff --name-status --no-renames -z` printed: letters and paths by turns, each ended by a NUL."""
    parts = text.split("\0")[:-1]
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return sorted(ChangedFile(path, LETTERS.get(letter, "changed")) for letter, path in pairs)


def changed_pages(files: Iterable[ChangedFile], survey: Survey) -> list[ChangedPage]:
    """The pages to look at, each once and sorted; a file that has no page of its own brings none.

    An entry's own change says more than that of a record shown on its page, so it is the one that is told.
    """
    found = [page for file in files if (page := _page_of(file, survey)) is not None]
    pages: dict[str, ChangedPage] = {}
    for page in sorted(found, key=lambda page: (page.change == "changed", page)):
        pages.setdefault(page.address, page)
    return sorted(pages.values())


def _page_of(file: ChangedFile, survey: Survey) -> ChangedPage | None:
    folder, _, name = file.path.rpartition("/")
    stem, suffix = posixpath.splitext(name)
    if folder == "docs" and suffix == ".md":
        return ChangedPage(f"{stem}/", file.path, file.change)
    if folder.startswith("results/") and suffix == ".json" and stem in survey.head_types:
        model = folder.removeprefix("results/")
        return ChangedPage(f"heads/{stem}/", f"{survey.head_types[stem].name}: the record on {model}")
    kind = kinds.kind_of(folder, stem) if suffix == ".yml" else None
    if kind is None:
        return None
    known = {
        kinds.PAPER: {entry.id: entry.title for entry in survey.papers.values()},
        kinds.HEAD_TYPE: {entry.id: entry.name for entry in survey.head_types.values()},
        kinds.CIRCUIT: {entry.id: entry.name for entry in survey.circuits.values()},
        kinds.MODEL: {entry.id: entry.name for entry in survey.models.values()},
    }
    title = known.get(kind, {}).get(stem, stem if kind.only is None else kind.words)
    return ChangedPage(ADDRESSES[kind].format(stem), title, file.change)


def pages_text(pages: Sequence[ChangedPage]) -> str:
    """The pages as a Markdown list: address, name, and whether the page is new, changed or removed."""
    if not pages:
        return "No page of an entry changes.\n"
    lines = [f"- <code>/{escape(p.address)}</code> {escape(p.name)} ({p.change})" for p in pages[:MOST_LISTED]]
    if len(pages) > MOST_LISTED:
        lines.append(f"- and {plural(len(pages) - MOST_LISTED, 'more page')}")
    return "\n".join((f"{plural(len(pages), 'page')} to look at:", "", *lines)) + "\n"


def touched_entries(files: Iterable[ChangedFile], survey: Survey, root: Path, models: Iterable[str] = ()) -> list[str]:
    """Ids of the head types whose measurement on `models` could come out otherwise, sorted.

    That is where the entry, its notebook, its detector, the entry of a model, or a module of the package that any
    of them imports is among `files`. Whether a number does change is for the run to say.

    Raises:
        ModelUnknown: there is no entry for one of `models`.
        NotebookError: a module that is reached is not there or is not Python.
    """
    paths = {file.path for file in files}
    if paths & {kinds.MODEL.path(survey.model(model).id) for model in models}:
        return sorted(_detected(survey))
    package = PackageSource(root / "src" / "survey_tools")
    return [entry for entry, how in sorted(_detected(survey).items()) if _inputs(entry, how, root, package) & paths]


def _detected(survey: Survey) -> dict[str, Detection]:
    found = ((entry.id, entry.detection) for entry in survey.head_types.values())
    return {entry: detection for entry, detection in found if isinstance(detection, Detection)}


def _inputs(entry: str, detection: Detection, root: Path, package: PackageSource) -> set[str]:
    """Files, relative to the root, that a measurement is made of."""
    notebook = root / "notebooks" / f"{detection.notebook}.py"
    script = package.read(str(notebook), notebook.read_text(encoding="utf-8"))
    starts = [name for name in script.imports if not is_detector(name)]
    modules = package.reached(*starts, f"{DETECTORS}.{detection.detector.replace('-', '_')}")
    reached = (package.path_of(module.name) for module in modules)
    files = {notebook, *(path for path in reached if path is not None)}
    return {kinds.HEAD_TYPE.path(entry), *(path.relative_to(root).as_posix() for path in files)}


def verdicts_text(fresh: ResultStore, committed: ResultStore) -> str:
    """A Markdown table: what runs in one folder say, beside the committed record of the same entry and model."""
    rows = []
    for record in fresh.records():
        before = committed.get(record.model, record.entry)
        was = "no record" if before is None else f"{before.verdict}, {plural(len(before.found), 'head')}"
        now = f"{record.verdict}, {plural(len(record.found), 'head')}"
        rows.append(f"| {record.entry} | {record.model} | {was} | {now if now == was else f'**{now}**'} |")
    if not rows:
        return "No notebook was executed.\n"
    return "\n".join(("| entry | model | committed | this run |", "|---|---|---|---|", *sorted(rows))) + "\n"
