"""From entries and records to a folder of static files: gather, make pages, write what changed, run mkdocs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from survey_tools.errors import SiteError, SurveyError
from survey_tools.site.contents import Contents, gather
from survey_tools.site.pages import site_files

DOCS_FOLDER = Path("build/docs")
"""Where pages are written, in the root; mkdocs.yml names the same folder as docs_dir."""
SVG_CACHE = Path("build/svg")
HAND_WRITTEN = ("*.md", "assets/**/*", "schemas/*.json")
"""What of docs/ becomes part of the site as it is; docs/overrides/ are templates, not pages."""
SHOWN_WARNINGS = 5


@dataclass(frozen=True)
class SiteReport:
    """What a build did."""

    output: Path
    pages: int
    written: int
    """Files of the documentation folder that changed."""
    removed: int
    """Files there that nothing makes any more."""
    unplaced: tuple[str, ...] = ()
    """Records whose entry or model the survey does not know, so no page shows them."""


def build_site(root: Path, output: Path, results_folders: Sequence[Path]) -> SiteReport:
    """Build the whole site of the survey under `root` into `output`; later results folders win.

    Raises:
        KnowledgeError, RecordError: an entry or a record is wrong.
        SiteError: a link leads nowhere, or mkdocs warns about anything at all.
    """
    _configuration(root)
    report = write_docs(root, output, results_folders)
    _mkdocs(root, "build", "--strict", "--site-dir", str(output.resolve()))
    return report


def write_docs(root: Path, output: Path, results_folders: Sequence[Path]) -> SiteReport:
    """The first half of a build: build/docs is brought up to date, mkdocs does not run."""
    contents: Contents = gather(root, results_folders, os.environ.get("SITE_URL", ""))  # as mkdocs.yml reads it
    files = site_files(contents, _hand_written(root / "docs"), root / SVG_CACHE)
    written, removed = _bring_up_to_date(root / DOCS_FOLDER, files)
    pages = sum(path.endswith(".md") for path in files)
    return SiteReport(output, pages, written, removed, tuple(contents.unplaced))


def serve(
    root: Path,
    results_folders: Sequence[Path],
    address: str = "127.0.0.1:8000",
    report: Callable[[str], None] = lambda message: None,
) -> None:
    """Serve the site and rebuild it when an entry, record or page changes; returns when interrupted.

    A mistake in an entry is told to `report` and the last good pages stay.
    """
    configuration = _configuration(root)
    write_docs(root, root / "site", results_folders)
    server = subprocess.Popen(
        [sys.executable, "-m", "mkdocs", "serve", "--config-file", str(configuration), "--dev-addr", address],
        env=_environment(),
    )
    try:
        seen = _state(root, results_folders)
        while server.poll() is None:
            time.sleep(1)
            now = _state(root, results_folders)
            if now == seen:
                continue
            seen = now
            try:
                changed = write_docs(root, root / "site", results_folders)
                report(f"{changed.written} files written, {changed.removed} removed")
            except SurveyError as error:
                report(str(error))
    except KeyboardInterrupt:
        pass
    finally:
        server.terminate()
        server.wait()


def _configuration(root: Path) -> Path:
    path = root / "mkdocs.yml"
    if not path.is_file():
        raise SiteError(f"{path} does not exist; the site is built from a checkout of the survey, not from the wheel")
    return path


def _hand_written(docs: Path) -> dict[str, bytes]:
    files = {}
    for pattern in HAND_WRITTEN:
        for path in sorted(docs.glob(pattern)):
            if path.is_file() and not path.name.startswith("."):
                files[path.relative_to(docs).as_posix()] = path.read_bytes()
    return files


def _bring_up_to_date(folder: Path, files: dict[str, bytes]) -> tuple[int, int]:
    """Write what differs and delete what nothing makes any more; how many of each."""
    written = 0
    for path, content in sorted(files.items()):
        target = folder / path
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        written += 1
    stale = [found for found in _files(folder) if found.relative_to(folder).as_posix() not in files]
    for found in stale:
        found.unlink()
    for found in sorted(folder.rglob("*"), reverse=True):
        if found.is_dir() and not any(found.iterdir()):
            found.rmdir()
    return written, len(stale)


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _mkdocs(root: Path, command: str, *options: str) -> None:
    """mkdocs in a process of its own. Never with -q: it would hide the warnings that --strict must fail on."""
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", command, "--config-file", str(root / "mkdocs.yml"), *options],
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode == 0:
        return
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in (run.stderr + run.stdout).splitlines()]
    problems = [line for line in lines if line.startswith(("WARNING", "ERROR", "Error", "Config"))] or lines[-3:]
    more = f" (and {len(problems) - SHOWN_WARNINGS} more)" if len(problems) > SHOWN_WARNINGS else ""
    raise SiteError(f"mkdocs refused the site: {' | '.join(problems[:SHOWN_WARNINGS])}{more}")


def _environment() -> dict[str, str]:
    """Quiet about the next major version of mkdocs: Material prints a page about it on every run."""
    return {**os.environ, "NO_MKDOCS_2_WARNING": "1"}


def _state(root: Path, results_folders: Sequence[Path]) -> dict[Path, int]:
    folders = [root / name for name in ("papers", "head_taxonomy", "background", "models", "docs")]
    return {
        path: path.stat().st_mtime_ns
        for folder in [*folders, *results_folders]
        if folder.is_dir()
        for path in _files(folder)
    }
