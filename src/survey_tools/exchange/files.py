"""Files of others read with care, files of ours written whole: the only place here that touches a disk."""

from __future__ import annotations

from pathlib import Path

from survey_tools.errors import KnowledgeError
from survey_tools.knowledge.whole_file import replace

MAX_BYTES = 20_000_000
"""Of a file that is read: a bibliography of tens of thousands of papers."""


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        KnowledgeError: it is missing, no ordinary file, over MAX_BYTES (found without reading it), empty, or not UTF-8.
    """
    try:
        if path.exists() and not path.is_file():
            raise KnowledgeError(f"{path} is not an ordinary file; name a file")
        if path.stat().st_size > MAX_BYTES:
            size, most = path.stat().st_size / 1e6, MAX_BYTES / 1e6
            raise KnowledgeError(f"{path} is {size:,.0f} MB large; at most {most:,.0f} MB are read: split it")
        content = path.read_bytes()
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"byte 0x{content[error.start]:02X} in line {line}"
        raise KnowledgeError(f"{path} is not UTF-8 ({found}); save it as UTF-8") from None
    if not text.strip():
        raise KnowledgeError(f"{path} is empty")
    if "\0" in text:
        raise KnowledgeError(f"{path} is not a text file: it holds zero bytes")
    return text


def write(path: Path, content: bytes) -> None:
    """Put `content` in the place of `path` in one step; nobody ever sees half a file.

    A link stays a link, and what is no ordinary file (`/dev/stdout`) is written into: root could replace a device.

    Raises:
        KnowledgeError: it cannot be written there.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        path.resolve().parent.mkdir(parents=True, exist_ok=True)
        replace(path, content)
    except OSError as error:
        raise KnowledgeError(f"{path} cannot be written: {error.strerror or error}") from error
