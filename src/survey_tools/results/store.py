"""Run records on disk: `<folder>/<model>/<entry>.json`, and beside them the executed notebooks.

A store reads several folders, later ones win: first the committed `results/`, then an overlay such as
`build/results/` that takes this machine's runs. Writes go to the last folder and are atomic: a reader, or a
process killed at any moment, sees the old file or the new one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from survey_tools.errors import RecordError
from survey_tools.results.capability import CapabilityRecord
from survey_tools.results.files import Record, file_name, read, rechecked, write
from survey_tools.results.layout import to_text
from survey_tools.results.records import RunRecord
from survey_tools.results.series import SeriesRecord

TASKS, SERIES = "tasks", "series"
"""Folders of a model's folder: ids of head types may begin with `task-`, so a prefix would not tell them apart."""


class ResultStore:
    """Records and executed notebooks in one folder or several; the last one is written to."""

    def __init__(self, *folders: Path) -> None:
        if not folders:
            raise RecordError("a result store needs at least one folder, such as results/")
        self.folders = tuple(Path(folder) for folder in folders)

    def records(self) -> list[RunRecord]:
        """Every record, sorted by model, then entry.

        Raises RecordError that names every broken file at once, each with what is wrong and the fix.
        """
        return self._all("*/[!.]*.json", _read)

    def capabilities(self) -> list[CapabilityRecord]:
        """Every cell of the capability table, sorted by model, then task. Raises RecordError as `records` does."""
        return self._all(f"*/{TASKS}/[!.]*.json", _read_cell)

    def capability(self, model: str, task: str) -> CapabilityRecord | None:
        """How well `model` does `task`, None when it was never asked. Raises RecordError when the record is broken."""
        path = self._newest(file_name(model, "model"), TASKS, f"{file_name(task, 'task')}.json")
        return _read_cell(path) if path is not None else None

    def put_capability(self, record: CapabilityRecord) -> Path:
        """Write a cell of the capability table. Raises RecordError, nothing written, for one that breaks the schema."""
        what = f"the record of task '{record.task}' on '{record.model}'"
        return self._put(record, what, record.model, TASKS, record.task)

    def series(self) -> list[SeriesRecord]:
        """Every training series, sorted by model, then entry and seed. Raises RecordError as `records` does."""
        return self._all(f"*/{SERIES}/[!.]*.json", _read_series)

    def put_series(self, record: SeriesRecord) -> Path:
        """Write a training series. Raises RecordError, nothing written, for one that breaks the schema."""
        what = f"the series of '{record.entry}' on '{record.model}', seed {record.seed},"
        return self._put(record, what, record.model, SERIES, f"{record.entry}-{record.seed}")

    def get(self, model: str, entry: str) -> RunRecord | None:
        """The record of `entry` on `model`, None when it was never run. Raises RecordError when it is broken."""
        path = self._newest(file_name(model, "model"), f"{file_name(entry, 'entry')}.json")
        return _read(path) if path is not None else None

    def executed_notebook(self, model: str, notebook: str, run_id: str | None = None) -> Path | None:
        """The executed copy of a notebook on a model.

        With `run_id`, only the copy that this very run left: None when a newer run has replaced it, or when
        the record travelled without its notebook. Runs of one notebook with other parameters lie beside it as
        `<notebook>.<entry>.ipynb` and are found by their `run_id`.
        """
        model, notebook = file_name(model, "model"), file_name(notebook, "notebook")
        if run_id is None:
            return self._newest(model, f"{notebook}.ipynb")
        for folder in reversed(self.folders):
            beside = sorted((folder / model).glob(f"{notebook}.*.ipynb"))
            for path in (folder / model / f"{notebook}.ipynb", *beside):
                if _run_of(path) == run_id:
                    return path
        return None

    def put(self, record: RunRecord, executed: str | None, *, executed_as: str | None = None) -> Path:
        """Write a record and, before it, the executed notebook it points to; returns the record's path.

        `executed_as` names the notebook's copy (without `.ipynb`) where it is not `record.notebook`.
        Raises RecordError, with nothing written, for a record that does not follow the schema.
        """
        model, entry = file_name(record.model, "model"), file_name(record.entry, "entry")
        copy = file_name(executed_as or record.notebook, "notebook")
        checked = rechecked(record, f"the record of '{entry}' on '{model}'")
        folder = self.folders[-1] / model
        if executed is not None:
            write(folder / f"{copy}.ipynb", executed)
        path = folder / f"{entry}.json"
        write(path, to_text(checked.model_dump(mode="json")))
        return path

    def remove_leftovers(self) -> None:
        """Delete half-written temporary files of killed processes; only call when no other process writes."""
        for path in self.folders[-1].glob("**/.*.tmp"):
            path.unlink(missing_ok=True)

    def _newest(self, *parts: str) -> Path | None:
        for folder in reversed(self.folders):
            if (path := folder.joinpath(*parts)).is_file():
                return path
        return None

    def _all(self, pattern: str, reader: Callable[[Path], Record]) -> list[Record]:
        paths = {path.relative_to(folder).parts: path for folder in self.folders for path in folder.glob(pattern)}
        records, problems = [], []
        for key in sorted(paths):
            try:
                records.append(reader(paths[key]))
            except RecordError as error:
                problems.append(str(error))
        if problems:
            raise RecordError("\n".join(problems))
        return records

    def _put(self, record: Record, what: str, model: str, kind: str, name: str) -> Path:
        path = self.folders[-1] / file_name(model, "model") / kind / f"{file_name(name, kind)}.json"
        write(path, to_text(rechecked(record, what).model_dump(mode="json")))
        return path


def _read(path: Path) -> RunRecord:
    record = read(path, RunRecord)
    if (record.model, record.entry) != (path.parent.name, path.stem):
        raise RecordError(
            f"{path}: holds the record of '{record.entry}' on '{record.model}', expected '{path.stem}' on "
            f"'{path.parent.name}'; move it to {record.model}/{record.entry}.json"
        )
    return record


def _read_cell(path: Path) -> CapabilityRecord:
    cell = read(path, CapabilityRecord)
    _require_place(path, f"{cell.model}/{TASKS}/{cell.task}.json")
    return cell


def _read_series(path: Path) -> SeriesRecord:
    one = read(path, SeriesRecord)
    _require_place(path, f"{one.model}/{SERIES}/{one.entry}-{one.seed}.json")
    return one


def _require_place(path: Path, place: str) -> None:
    if path.parts[-3:] != tuple(place.split("/")):
        raise RecordError(f"{path}: holds the record of {place}; move it there")


def _run_of(path: Path) -> str | None:
    try:
        run_id = json.loads(path.read_bytes())["metadata"]["survey"]["run_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not an executed copy of ours, or of no run: it answers no question about a run
    return str(run_id)
