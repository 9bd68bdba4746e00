"""Which commit a name of the hub (a branch, a training step, or no name at all) meant when it was last pulled.

A pinned commit needs none of this. With it, a checkpoint that was pulled as `step1000` is found in the cache by that
name, and a model that was pulled once can be loaded where the hub cannot be reached.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from survey_tools.heads.supply.cache import cache_folder
from survey_tools.heads.supply.sources import HubSource, ModelSource

COMMIT = re.compile(r"[0-9a-f]{40}")
Source = TypeVar("Source", bound=ModelSource)


def is_pinned(source: HubSource) -> bool:
    """Whether the revision is a commit, which means the same for ever."""
    return source.revision is not None and COMMIT.fullmatch(source.revision) is not None


def last_taken(source: Source) -> Source:
    """The source with the commit that was taken for it last; as it is where none was, or none is needed."""
    if not isinstance(source, HubSource) or is_pinned(source):
        return source
    try:
        commit = _note_of(source).read_text(encoding="utf-8").strip()
    except OSError:
        return source
    return replace(source, revision=commit) if COMMIT.fullmatch(commit) else source


def remember(source: HubSource, commit: str) -> None:
    """Note, in one step, that `commit` was taken for this name."""
    note = _note_of(source)
    note.parent.mkdir(parents=True, exist_ok=True)
    new = note.with_name(f"{note.name}.{os.getpid()}")
    new.write_text(f"{commit}\n", encoding="utf-8")
    new.replace(note)


def _note_of(source: HubSource) -> Path:
    name = hashlib.sha256(f"{source.repo}@{source.revision or ''}".encode()).hexdigest()[:24]
    return cache_folder() / "revisions" / name
