"""What the fields of an entry may hold, and the two bases of every record: strict, frozen, nothing unknown."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

SCHEMA_VERSION = 1
"""Of every YAML entry; a change that breaks old entries raises it and comes with a migration."""

ID_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
MODEL_ID_PATTERN = r"^[a-z0-9]+([.-][a-z0-9]+)*$"
"""Models alone may hold a dot (`qwen2.5-coder-0.5b-instruct`): their makers put version numbers there."""


def _plain_text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; leave the field out instead")
    if text != text.strip():
        raise ValueError("starts or ends with a space; remove it (in a block: at the end of its last line)")
    if not text.isprintable():  # a quick look first: nearly every text passes
        for character in text:
            if ord(character) < 32 and character != "\n":
                raise ValueError(f"holds the control character U+{ord(character):04X}")
    return text


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s<>\"'`\\]", text):
        raise ValueError(f"is not a web address: {text!r}; it must start with https:// and hold no spaces or quotes")
    return text


def _when(text: str) -> str:
    match = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", text)
    if not match:
        raise ValueError(f"is not a date: {text!r}; write YYYY, YYYY-MM or YYYY-MM-DD in quotes")
    year, month, day = (int(part) if part else 1 for part in match.groups())
    try:
        datetime.date(year, month, day)
    except ValueError:
        raise ValueError(f"is a date that does not exist: {text!r}") from None
    return text


def _relative_path(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/") or "\\" in text:
        raise ValueError(f"must be a plain relative path without '..': {text!r}")
    return text


Text: TypeAlias = Annotated[str, Field(max_length=4000), AfterValidator(_plain_text)]
Id: TypeAlias = Annotated[str, Field(pattern=ID_PATTERN, max_length=80)]
ModelId: TypeAlias = Annotated[str, Field(pattern=MODEL_ID_PATTERN, max_length=80)]
Url: TypeAlias = Annotated[str, Field(max_length=500), AfterValidator(_web_address)]
When: TypeAlias = Annotated[str, AfterValidator(_when)]
RelativePath: TypeAlias = Annotated[str, Field(max_length=300), AfterValidator(_relative_path)]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Scalar: TypeAlias = str | int | float | bool
Stage: TypeAlias = Literal["KR", "ICI", "LR", "EP"]
HeadName: TypeAlias = Annotated[str, Field(pattern=r"^L\d+H\d+$")]


class Record(BaseModel):
    """Base of everything below: frozen, strict, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Entry(Record):
    """A record that is a file: `id` equals the file's name."""

    schema_version: Literal[1]
    id: Id


class Plan(Record):
    """How something will be measured and what that needs."""

    how: Text
    needs: Text


class Planned(Record):
    """Nothing measures it yet: the plan for what will."""

    planned: Plan


class Correction(Record):
    """Where an entry departs from an earlier list: the field, what that list says, and why we say otherwise."""

    field: Text
    listed: Text
    why: Text
