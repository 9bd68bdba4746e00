"""What a release is made of: a version that every file agrees on, its notes, and the data as one archive."""

from __future__ import annotations

import datetime as dates
import re
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from survey_tools.errors import SurveyError
from survey_tools.knowledge.kinds import KINDS

DATA_FOLDERS = (*sorted({kind.folder.partition("/")[0] for kind in KINDS}), "results", "docs/schemas")
"""What is data: entries, the schemas they follow, and run records."""
DATA_FILES = ("CITATION.cff", "LICENSE-DATA")
_HEADING = re.compile(r"^## +(?P<version>\S+)(?: +\((?P<when>[^)]*)\))? *$", re.MULTILINE)
_OLDEST = (1980, 1, 1, 0, 0, 0)
"""The date of every file in the archive: the same content gives the same bytes on any day."""


def release_problems(root: Path, tag: str) -> list[str]:
    """What keeps the survey in `root` from being released as `tag`, all of it; empty when nothing does.

    The version is that of `pyproject.toml`; the tag, `CITATION.cff` and the newest heading of `CHANGELOG.md`
    must say the same, and the dates must agree.
    """
    version = str(tomllib.loads(_read(root, "pyproject.toml"))["project"]["version"])
    cited = _citations(_mapping(yaml.safe_load(_read(root, "CITATION.cff"))))
    problems = []
    if tag != f"v{version}":
        problems.append(f"the tag is {tag}, but pyproject.toml has version {version}; the tag must be v{version}")
    stated = re.search(r'^__version__ = "(.+)"$', _read(root, "src/survey_tools/__init__.py"), re.MULTILINE)
    if stated is None or stated[1] != version:
        found = stated[1] if stated else "none"
        problems.append(f"src/survey_tools/__init__.py has __version__ {found}, pyproject.toml has {version}")
    for name, work in cited.items():
        if str(work.get("version")) != version:
            problems.append(f"{name} has version {work.get('version', 'none')}, pyproject.toml has {version}")
    released = _HEADING.search(_read(root, "CHANGELOG.md"))
    if released is None:
        problems.append(f"CHANGELOG.md has no heading such as '## {version} (2026-01-31)'")
        return problems
    if released["version"] != version:
        problems.append(f"the newest heading of CHANGELOG.md is {released['version']}, pyproject.toml has {version}")
    if not _is_date(released["when"]):
        problems.append(f"CHANGELOG.md dates it '{released['when'] or ''}'; write the day of the release, 2026-01-31")
        return problems
    for name, work in cited.items():
        if released["when"] != (day := str(work.get("date-released", "nothing"))):
            problems.append(f"CHANGELOG.md dates it {released['when']}, {name} says date-released {day}")
    return problems


def _citations(cited: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """What CITATION.cff says of this release, by place: the software, and its data among the references."""
    references = {
        f"CITATION.cff, references[{i}],": _mapping(work) for i, work in enumerate(cited.get("references", []))
    }
    ours = {
        name: work for name, work in references.items() if str(work.get("title")).startswith(str(cited.get("title")))
    }
    return {"CITATION.cff": cited, **ours}


def release_notes(root: Path, version: str) -> str:
    """What CHANGELOG.md says of a version: the text below its heading.

    Raises:
        SurveyError: it has no such heading, or nothing below it.
    """
    changelog = _read(root, "CHANGELOG.md")
    headings = list(_HEADING.finditer(changelog))
    ends = [heading.start() for heading in headings[1:]] + [len(changelog)]
    for heading, end in zip(headings, ends, strict=True):
        if heading["version"] == version and (notes := changelog[heading.end() : end].strip()):
            return notes + "\n"
    known = ", ".join(heading["version"] for heading in headings) or "none"
    raise SurveyError(f"CHANGELOG.md says nothing under a heading '## {version}'; it has: {known}")


def write_data_archive(root: Path, out: Path, exports: Path | None = None) -> int:
    """Write entries, schemas, records and licence of `root` into one zip, with the files in `exports` beside them.

    Equal content gives equal bytes: names are sorted, dates and rights fixed, hidden files left out. Gives the
    number of files.

    Raises:
        SurveyError: a part is missing, or the archive cannot be written.
    """
    paths = {name: root / name for name in DATA_FILES}
    for folder in DATA_FOLDERS:
        paths |= _below(root / folder, folder)
    if exports is not None:
        paths |= _below(exports, "exports")
    try:
        contents = {name: path.read_bytes() for name, path in sorted(paths.items())}
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name, content in contents.items():
                entry = zipfile.ZipInfo(f"{out.stem}/{name}", _OLDEST)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o100644 << 16
                archive.writestr(entry, content)
    except OSError as error:
        raise SurveyError(f"{error.filename or out} cannot be read or written: {error.strerror}") from error
    return len(contents)


def _below(folder: Path, name: str) -> dict[str, Path]:
    found = {
        f"{name}/{path.relative_to(folder).as_posix()}": path
        for path in _files(folder)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    if not found:
        raise SurveyError(f"{folder} holds no files, so there is nothing to release of it")
    return found


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _read(root: Path, name: str) -> str:
    try:
        return (root / name).read_text(encoding="utf-8")
    except OSError as error:
        raise SurveyError(f"{root / name} cannot be read: {error.strerror}; a release needs it") from error


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_date(text: str | None) -> bool:
    try:
        return text is not None and dates.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
