"""Record files: read with every reason why one is broken, written atomically and only when they differ."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from survey_tools.errors import RecordError

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Ids become file names: no separator, no leading dot, nothing a shell or another system reads differently."""
FIX = "run it again, or restore the file from git"

Record = TypeVar("Record", bound=BaseModel)


def file_name(text: str, what: str) -> str:
    """`text`, when it can name a file; else RecordError, with `what` it is."""
    if not FILE_NAME.fullmatch(text):
        raise RecordError(
            f"{what} '{text}' cannot name a file; use letters, digits, '.', '_' and '-', a letter or digit first"
        )
    return text


def read(path: Path, kind: type[Record]) -> Record:
    """The record in a file. Raises RecordError with everything that is wrong in it, and the fix."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RecordError(f"{path}: {reasons(error)}; {FIX}") from error
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); {FIX}") from error


def rechecked(record: Record, what: str) -> Record:
    """The record, checked again: `model_copy` and `model_construct` build them without, and JSON would hide a NaN.

    Raises RecordError that says `what` is not stored, and why.
    """
    try:
        return type(record).model_validate(record.model_dump())
    except ValidationError as error:
        raise RecordError(f"{what} is not stored: {reasons(error)}") from error


def reasons(error: ValidationError) -> str:
    """All that a validation found, on one line: `scores.0.1: Input should be a valid number`."""
    found = []
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        found.append(f"{where}: {problem['msg']}" if where else problem["msg"])
    return "; ".join(found)


def write(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, and only when it differs."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o644)  # mkstemp makes it private; these files are committed
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise RecordError(f"{path}: cannot be written ({error.strerror}); free space or fix permissions") from error


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
