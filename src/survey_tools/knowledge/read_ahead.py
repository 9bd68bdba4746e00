"""Thousands of files: several processes turn them into JSON, while this one makes records of what is ready.

Only files in which nothing is wrong come this way. Everything else, and every file of a small survey, is read by
`load.py` itself, so there is one place that knows what a problem is, and one order.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from survey_tools.knowledge.migrations import version_of
from survey_tools.knowledge.records import SCHEMA_VERSION
from survey_tools.knowledge.yaml_source import read_source

MANY = 2_000
"""Files from which on processes are worth their start."""
CHUNK = 100
"""Files a process takes at a time."""
MAX_PROCESSES = 4

FileAndFirstLine = tuple[Path, str]


def read_ahead(files: Sequence[FileAndFirstLine]) -> Iterator[str | None]:
    """For each file, in order: its data as JSON, or None when it has to be looked at (or was not read ahead)."""
    ready = 0
    if len(files) >= MANY and (processes := _processes()) > 1:
        chunks = [files[start : start + CHUNK] for start in range(0, len(files), CHUNK)]
        try:
            with ProcessPoolExecutor(processes, multiprocessing.get_context("fork")) as pool:
                for texts in pool.map(_json_texts, chunks):
                    yield from texts
                    ready += len(texts)
        except (BrokenProcessPool, OSError):  # a process was killed, or none could be started: go on without
            pass
    yield from (None for _ in files[ready:])


def _processes() -> int:
    """How many may be forked: a fork copies the locks of other threads, and to spawn would run the caller's script."""
    if not hasattr(os, "sched_getaffinity") or threading.active_count() > 1:
        return 1
    if multiprocessing.current_process().daemon:  # a worker of somebody's pool may have no processes of its own
        return 1
    return min(len(os.sched_getaffinity(0)), MAX_PROCESSES)


def _json_texts(files: Sequence[FileAndFirstLine]) -> list[str | None]:
    texts = []
    for file, first_line in files:
        source = read_source(file, file.name)
        # To Python true and 1.0 are 1, so the record alone would take them for the version.
        good = version_of(source.data) == SCHEMA_VERSION and not source.problems and source.first_line == first_line
        texts.append(json.dumps(source.data) if good else None)
    return texts
