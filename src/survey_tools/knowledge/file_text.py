"""The text of one file, or the reason why it has none: too large, not UTF-8, a folder, a tab in it."""

from __future__ import annotations

import re
import stat
from pathlib import Path

MAX_BYTES = 1_000_000

INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028\u2029\u202a-\u202e\u2060\u2066-\u2069\ufeff\ufffe\uffff]"
)
"""Control characters, the line breaks that editors do not count, and signs that turn the text's direction or cannot be
seen: a reviewer must see what a reader will get."""


class Refusal(Exception):
    """Why a file cannot be read, and where in it."""

    def __init__(self, message: str, hint: str = "", line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.hint, self.line, self.column = hint, line, column


def read_text(file: Path) -> str:
    """The text of `file`.

    Raises:
        Refusal: it is no ordinary file, unreadable, over MAX_BYTES (found without reading it), empty,
            not UTF-8, or holds a tab or an invisible character.
    """
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise Refusal("is a folder, not a file", "entries are files; rename or remove the folder")
        if not stat.S_ISREG(status.st_mode):
            raise Refusal("is not an ordinary file")  # opening a pipe would wait for ever
        if status.st_size > MAX_BYTES:
            size = f"{status.st_size / 1e6:,.1f} MB"
            raise Refusal(f"is {size} large; an entry is at most {MAX_BYTES / 1e6:g} MB")
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refusal(f"cannot be read: {error.strerror or error}") from error
    return _decode(raw)


def _decode(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refusal("is UTF-16, but entries are UTF-8", "save the file as UTF-8")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise Refusal("starts with a byte order mark", "save the file as UTF-8 without BOM")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"is not UTF-8: byte 0x{raw[error.start]:02X}"
        before = raw[: error.start].decode("utf-8")
        raise Refusal(found, "save the file as UTF-8", *_line_and_column(before)) from None
    if not text.strip():
        raise Refusal("is empty", "an entry starts with its $schema line, schema_version and id")
    tab = text.find("\t")
    if tab >= 0:
        where = _line_and_column(text[:tab])
        raise Refusal("holds a tab", "use spaces: YAML counts them, and a tab has no width", *where)
    bad = INVISIBLE.search(text)
    if bad:
        where = _line_and_column(text[: bad.start()])
        raise Refusal(f"holds the invisible character U+{ord(bad[0]):04X}", "remove it", *where)
    return text


def _line_and_column(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
