"""Where runs are executed: processes on this machine, some side by side, each with a hard limit.

One loop watches all of them, without threads: whatever interrupts it (a limit, Ctrl-C, an error in the caller)
ends every process it started.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from survey_tools.errors import NotebookError
from survey_tools.notebooks.execute import LOG, end_kernel

Message: TypeAlias = dict[str, Any]
"""An event of `execute`, or the last one of a job: `{"event": "ended", "returncode", "timed_out", "seconds"}`."""

ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Two threads on two busy cores were measured slower than one; runs side by side use the cores better."""
DEFAULT_JOBS = 2
GRACE_S = 10.0
"""For a job that closed its end and is on its way out."""


@dataclass(frozen=True)
class Job:
    """Something to execute: a prepared folder that holds `job.json`."""

    name: str
    prepare: Callable[[], Path]
    """Makes the folder, when the job's turn comes, and returns it."""
    timeout_s: float


@dataclass
class _Running:
    job: Job
    folder: Path
    process: subprocess.Popen[bytes]
    events: int
    """Descriptor that the job's events come from."""
    started: float
    rest: bytes = b""
    timed_out: bool = False

    @property
    def deadline(self) -> float:
        return self.started + self.job.timeout_s


def default_jobs() -> int:
    """Two at most, and no more than there are cores."""
    return min(DEFAULT_JOBS, os.cpu_count() or 1)


class LocalProcesses:
    """Executes jobs as processes of this machine, `jobs` side by side (more than there are cores are not run)."""

    def __init__(self, jobs: int | None = None) -> None:
        if jobs is not None and jobs < 1:
            raise NotebookError(f"{jobs} runs side by side make no progress; use 1 or more")
        self.jobs = min(jobs or default_jobs(), os.cpu_count() or 1)

    def execute(self, jobs: Iterable[Job]) -> Generator[tuple[Job, Message], None, None]:
        """Run all jobs and yield what they report, as it comes; the last message of each is `ended`.

        When the iteration is left early, every running job is ended first.
        """
        waiting = iter(jobs)
        running: list[_Running] = []
        with selectors.DefaultSelector() as selector:
            try:
                while True:
                    while len(running) < self.jobs and (job := next(waiting, None)) is not None:
                        running.append(_start(job))
                        selector.register(running[-1].events, selectors.EVENT_READ, running[-1])
                    if not running:
                        return
                    for one in _ready(selector, running):
                        messages, over = _read(one)
                        if over:
                            selector.unregister(one.events)
                            _end(one, grace_s=0 if one.timed_out else GRACE_S)
                            running.remove(one)
                            messages.append(_ended(one))
                        for message in messages:
                            yield one.job, message
            finally:
                for one in running:
                    _end(one)


def _start(job: Job) -> _Running:
    folder = job.prepare()
    ours, theirs = os.pipe()
    environment = {
        **os.environ,
        **dict.fromkeys(ONE_THREAD, "1"),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
    }
    try:
        with (folder / LOG).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "survey_tools.notebooks.execute", str(folder), str(theirs)],
                stdin=subprocess.PIPE,  # never written to: it closes when this process is gone
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs,),
                start_new_session=True,
                env=environment,
            )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return _Running(job, folder, process, ours, time.monotonic())


def _ready(selector: selectors.BaseSelector, running: list[_Running]) -> list[_Running]:
    """Jobs that reported something, closed their end, or have reached their limit."""
    nearest = min(one.deadline for one in running)
    reported = [key.data for key, _ in selector.select(max(0.0, nearest - time.monotonic()))]
    for one in running:
        if one not in reported and time.monotonic() >= one.deadline:
            one.timed_out = True
            reported.append(one)
    return reported


def _read(one: _Running) -> tuple[list[Message], bool]:
    """Complete events so far, and whether the job is over."""
    if one.timed_out:
        return [], True
    received = os.read(one.events, 65536)
    *lines, one.rest = (one.rest + received).split(b"\n")
    return [json.loads(line) for line in lines], not received


def _ended(one: _Running) -> Message:
    return {
        "event": "ended",
        "returncode": one.process.returncode,
        "timed_out": one.timed_out,
        "seconds": round(time.monotonic() - one.started, 1),
    }


def _end(one: _Running, *, grace_s: float = 0.0) -> None:
    """End the job's process group and the kernel's, whether it finished or not: nothing it started stays."""
    try:
        one.process.wait(grace_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()
    end_kernel(one.folder)
    os.close(one.events)
    if one.process.stdin is not None:
        one.process.stdin.close()
