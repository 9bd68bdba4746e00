"""`survey check --fix`: what can be mended without guessing is mended in the file, and said.

The rule above all others: what is read from a file stays the same, but for values that must be text and were read as
something else, and for the steps of a migration. Each edit is checked against it and dropped when it breaks it; an
entry that cannot be read at all stays as it is, byte for byte. What a repair cannot settle is left to `check`.
"""

from __future__ import annotations

import copy
import json
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey_tools.errors import KnowledgeError
from survey_tools.knowledge import text_edits
from survey_tools.knowledge.check import chosen
from survey_tools.knowledge.file_text import INVISIBLE, MAX_BYTES
from survey_tools.knowledge.kinds import Kind
from survey_tools.knowledge.load import entry_files
from survey_tools.knowledge.migrations import Data, migrate, migrated_text, notes
from survey_tools.knowledge.problems import FieldPath, field_name
from survey_tools.knowledge.quoting import unquoted_text, with_quotes
from survey_tools.knowledge.whole_file import replace
from survey_tools.knowledge.yaml_source import Source, parse

Edit = Callable[[str, Kind], str]

FIRST_EDITS: tuple[tuple[str, Edit], ...] = (
    ("ended the last line", text_edits.with_final_line_end),
    ("removed the byte order mark", text_edits.without_byte_order_mark),
    ("made line ends plain", text_edits.with_plain_line_ends),
    ("replaced tabs by spaces", text_edits.without_tabs),
)
"""Without these there may be nothing to read."""
EDITS: tuple[tuple[str, Edit], ...] = (
    ("put the fields in order", text_edits.in_order),
    ("removed white space at the ends of lines", text_edits.without_trailing_space),
    ("removed doubled blank lines", text_edits.without_doubled_blank_lines),
    ("wrote the $schema line", text_edits.with_schema_line),
)
"""Add yours here: an edit that leaves the data as they are."""
MOST_NAMED = 5
"""Of the values that were quoted in one file."""


@dataclass(frozen=True)
class Repair:
    """What was done to one file; `path` is relative to the root."""

    path: str
    done: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.path}: {'; '.join(self.done)}"


def repair(root: Path, paths: Sequence[Path | str] = ()) -> list[Repair]:
    """Mend the entries under `root` (only `paths`, where given) in place; returns what was done, file by file.

    A file is replaced at once, so that nobody sees half of it, and only when something was done.

    Raises:
        KnowledgeError: one of `paths` does not exist or lies outside `root`, or a file cannot be written.
    """
    wanted = chosen(root, paths)
    repairs = []
    for kind, file in entry_files(root, problems=[]):  # what is no entry is left to `check`
        path = kind.path(file.stem)
        before = _text(file) if wanted(path) else None
        if before is None:
            continue
        after, done = repaired(before, kind)
        if after != before:
            try:
                replace(file, after.encode("utf-8"), stat.S_IMODE(file.stat().st_mode))
            except OSError as error:
                why = f"{path} cannot be written: {error.strerror or error}"
                raise KnowledgeError(f"{why}; nothing below it was mended, run it again when it can be") from error
            repairs.append(Repair(path, tuple(done)))
    return repairs


def repaired(text: str, kind: Kind) -> tuple[str, list[str]]:
    """The text of an entry as mended, and what was done; the text itself when it cannot be read."""
    if INVISIBLE.search(text.lstrip("\ufeff")):  # some end a line for YAML alone; `check` says where they stand
        return text, []
    mended, done = _edited(text, kind, FIRST_EDITS)
    data = _data(mended)
    if data is None or text_edits.tree(mended) is None:  # a second document is read by nobody
        return text, []
    for step in (_migrated, _quoted):
        changed, said, expected = step(mended, data, kind)
        if changed != mended and _same(_data(changed), expected):
            mended, data, done = changed, expected, done + said
    mended, more = _edited(mended, kind, EDITS)
    return mended, done + more


def _edited(text: str, kind: Kind, edits: Sequence[tuple[str, Edit]]) -> tuple[str, list[str]]:
    done = []
    for said, edit in edits:
        changed = edit(text, kind)
        if changed != text:
            data = _data(text)
            if data is None or _same(_data(changed), data):
                text = changed
                done.append(said)
    return text, done


def _migrated(text: str, data: Data, kind: Kind) -> tuple[str, list[str], Data]:
    return migrated_text(text, data, kind), notes(data), migrate(data, kind)


def _quoted(text: str, data: Data, kind: Kind) -> tuple[str, list[str], Data]:
    expected = copy.deepcopy(data)
    found = unquoted_text(text, kind)
    for path, raw in found:
        _set(expected, path, raw)
    names = [field_name(path) for path, _ in found] or ["keys"]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return with_quotes(text, kind), [f"quoted {', '.join(names[:MOST_NAMED])}{more}"], expected


def _set(data: Any, path: FieldPath, value: str) -> None:
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value


def _data(text: str) -> Data | None:
    source = Source("", text)
    parse(source)
    return source.data


def _same(data: Data | None, expected: Data) -> bool:
    """Equal in type, too: 1, 1.0 and true are three things."""
    return json.dumps(data, sort_keys=True) == json.dumps(expected, sort_keys=True)


def _text(file: Path) -> str | None:
    """The text as it is, its line ends too; None for what is no file of text."""
    try:
        status = file.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= MAX_BYTES:
            return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        pass  # `check` says what is wrong with it
    return None
