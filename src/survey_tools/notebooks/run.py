"""Execute runs and keep what they measured. A record changes only when a run is complete and valid.

Until then everything lies in `build/runs/<run>/`: a run that fails, is killed or loses its starter leaves the
previous record and notebook as they were, and the next start clears what it left behind.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from survey_tools.errors import NotebookError, SurveyError
from survey_tools.heads.supply.cache import cache_folder
from survey_tools.notebooks.clean import cleaned
from survey_tools.notebooks.digest import digest
from survey_tools.notebooks.engines import Job, LocalProcesses, Message
from survey_tools.notebooks.environment import commit_of
from survey_tools.notebooks.execute import EXECUTED, LOG, OUT, JobFile
from survey_tools.notebooks.failures import Failure, failure_path, forget_failure, keep_failure
from survey_tools.notebooks.measurements import read_measurements
from survey_tools.notebooks.plan import Run
from survey_tools.notebooks.source import check_parameters, read_notebook
from survey_tools.results.records import SCHEMA_VERSION, Environment, Measurement, RunRecord
from survey_tools.results.store import ResultStore

TIMEOUT_S = 600.0
LOG_TAIL = 2000


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended; as text, one line for a person."""

    run: Run
    seconds: float
    """Wall clock, the start of the process included."""
    records: tuple[RunRecord, ...] = ()
    """What was stored, one record an entry; empty after a failure."""
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        """True when every entry of the run has a new record."""
        return self.failure is None

    def __str__(self) -> str:
        if self.failure is not None:
            return f"{self.run.name}: failed after {self.seconds:.0f} s: {self.failure.sentence}"
        verdicts = ", ".join(f"{record.entry} {record.verdict}" for record in self.records)
        return f"{self.run.name}: {self.seconds:.0f} s: {verdicts}"


@dataclass(frozen=True)
class RunEvent:
    """Something happened in a run: it started, began a cell, or finished (then `outcome` is set).

    As text, one line for a person.
    """

    run: Run
    kind: Literal["started", "cell", "finished"]
    cell: int = 0
    """1-based, counting the script's code cells."""
    cells: int = 0
    first_line: str = ""
    outcome: RunOutcome | None = None

    def __str__(self) -> str:
        if self.outcome is not None:
            return str(self.outcome)
        if self.kind == "cell":
            return f"{self.run.name}: {_cell_name(self.cell, self.cells, self.first_line)}"
        return f"{self.run.name}: started"


def run_all(
    runs: Sequence[Run],
    *,
    jobs: int | None = None,
    store: ResultStore,
    root: Path,
    timeout_s: float = TIMEOUT_S,
    on_event: Callable[[RunEvent], None] = lambda _event: None,
) -> list[RunOutcome]:
    """Execute the runs, `jobs` side by side, and store the records of each that succeeds.

    A failed run does not stop the others; its reason is in its outcome and in `build/failures/`. `timeout_s` is
    for one run. `on_event` is called in this thread. Outcomes come in the order of `runs`.

    Raises NotebookError, before anything runs, for a malformed notebook or unknown parameter of any run.
    """
    root = root.resolve()  # the notebook's working directory is another one than ours
    for run in runs:
        check_parameters(read_notebook(run.script), run.parameters)
    if timeout_s <= 0:
        raise NotebookError(f"a limit of {timeout_s:g} s leaves no time to run; give seconds above 0")
    engine = LocalProcesses(jobs)
    outcomes: dict[int, RunOutcome] = {}
    with _workplace(root, store) as work:
        attempts = [_Attempt(run, work, root, timeout_s, on_event) for run in runs]
        by_job = {id(attempt.job): attempt for attempt in attempts}
        with contextlib.closing(engine.execute(attempt.job for attempt in attempts)) as messages:
            for job, message in messages:
                attempt = by_job[id(job)]
                if (outcome := attempt.take(message, store)) is not None:
                    outcomes[attempts.index(attempt)] = outcome
                    on_event(RunEvent(attempt.run, "finished", outcome=outcome))
    return [outcomes[index] for index in range(len(runs))]


@contextlib.contextmanager
def _workplace(root: Path, store: ResultStore) -> Iterator[Path]:
    """`build/runs/`, cleared of what killed runs left, unless another process is running something there."""
    work = root / "build" / "runs"
    work.mkdir(parents=True, exist_ok=True)
    with (work / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass  # someone is at work: what lies here may be theirs
        else:
            for folder in work.iterdir():
                if folder.is_dir():
                    shutil.rmtree(folder)
            store.remove_leftovers()
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield work


class _Attempt:
    """One run on its way from a prepared folder to stored records or a kept failure."""

    def __init__(
        self, run: Run, work: Path, root: Path, timeout_s: float, on_event: Callable[[RunEvent], None]
    ) -> None:
        self.run = run
        self.job = Job(run.name, self._prepare, timeout_s)
        self._work, self._root, self._on_event = work, root, on_event
        self._folder = work
        self._cell: str | None = None
        self._result: Message = {}

    def _prepare(self) -> Path:
        self._folder = Path(tempfile.mkdtemp(dir=self._work, prefix=f"{self.run.run_id}-"))
        out = self._folder / OUT
        out.mkdir()
        parameters = {**self.run.parameters, "out": str(out)}
        JobFile(str(self.run.script.resolve()), parameters, str(self._root)).write(self._folder)
        self._on_event(RunEvent(self.run, "started"))
        return self._folder

    def take(self, message: Message, store: ResultStore) -> RunOutcome | None:
        """Follow the run; an outcome when it has ended."""
        match message["event"]:
            case "cell":
                place = message["cell"], message["cells"], message["first_line"]
                self._cell = _cell_name(*place)
                self._on_event(RunEvent(self.run, "cell", *place))
                return None
            case "ended":
                return self._finish(message, store)
            case _:
                self._result = message
                return None

    def _finish(self, ended: Message, store: ResultStore) -> RunOutcome:
        seconds = float(ended["seconds"])
        try:
            self._require_done(ended)
            try:
                records = self._store_results(store)
            except (SurveyError, OSError) as error:
                self._cell = None  # all cells ran: what they left cannot be kept
                raise NotebookError(str(error)) from error
        except NotebookError as error:
            failure_text = str(error)
            self._keep(failure_text)
            return RunOutcome(self.run, seconds, failure=self._failure(self.run.entries[0], failure_text))
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)
        for entry in self.run.entries:
            forget_failure(self._root, self.run.model, entry)
        return RunOutcome(self.run, seconds, records)

    def _require_done(self, ended: Message) -> None:
        if ended["timed_out"]:
            raise NotebookError(f"took longer than the limit of {self.job.timeout_s:g} s and was ended")
        if self._result.get("event") == "failed":
            raise NotebookError(self._result["error"])
        if self._result.get("event") != "done":
            log = (self._folder / LOG).read_text(encoding="utf-8", errors="replace").strip()
            self._result = {"traceback": log[-LOG_TAIL:]}
            raise NotebookError(f"the process ended with code {ended['returncode']} and no result")

    def _store_results(self, store: ResultStore) -> tuple[RunRecord, ...]:
        """Validate everything, then write: the notebook with the first record, then the other records."""
        run = self.run
        records = [self._record(measurement) for measurement in read_measurements(run, self._folder / OUT)]
        executed = cleaned(
            (self._folder / EXECUTED).read_text(encoding="utf-8"),
            name=run.name,
            hide=[self._folder, self._root, cache_folder(), Path.home()],
            about={"run_id": run.run_id, "notebook": run.notebook, "model": run.model},
        )
        for record in records:
            store.put(record, executed, executed_as=run.executed_as)
        return tuple(records)

    def _record(self, measurement: Measurement) -> RunRecord:
        run = self.run
        parts = run.digests[measurement.entry]
        environment = Environment(
            device=run.device,
            dtype=run.dtype,
            versions=self._result["versions"],
            commit=commit_of(self._root),
            seconds=self._result["seconds"],
            peak_memory_mb=self._result["peak_memory_mb"],
            finished=datetime.datetime.now(datetime.UTC).date().isoformat(),
        )
        return RunRecord(
            **measurement.model_dump(),
            schema_version=SCHEMA_VERSION,
            run_id=run.run_id,
            notebook=run.notebook,
            digest=digest(parts),
            digest_parts=parts,
            parameters={name: value for name, value in run.parameters.items() if name != "out"},
            environment=environment,
        )

    def _keep(self, error: str) -> None:
        run = self.run
        for entry in run.entries:
            keep_failure(self._root, run.model, entry, self._failure(entry, error))
        if (executed := self._folder / EXECUTED).is_file():  # papermill marks the failing cell in it
            shutil.copyfile(executed, failure_path(self._root, run.model, run.executed_as).with_suffix(".ipynb"))

    def _failure(self, entry: str, error: str) -> Failure:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        return Failure(self._cell, error, when, digest(self.run.digests[entry]), self._result.get("traceback", ""))


def _cell_name(cell: int, cells: int, first_line: str) -> str:
    return f"cell {cell} of {cells} ({first_line})"
