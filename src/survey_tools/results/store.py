"""Run records on disk: `<folder>/<model>/<entry>.json`, and beside them the executed notebooks.

A store reads several folders, later ones win: first the committed `results/`, then an overlay such as
`build/results/` that takes this machine's runs. Writes go to the last folder and are atomic: a reader, or a
process killed at any moment, sees the old file or the new one.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path

from pydantic import ValidationError

from survey_tools.errors import RecordError
from survey_tools.results.layout import to_text
from survey_tools.results.records import RunRecord

FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Ids become file names: no separator, no leading dot, nothing a shell or another system reads differently."""


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
        paths: dict[tuple[str, str], Path] = {}
        for folder in self.folders:
            for path in folder.glob("*/[!.]*.json"):
                paths[path.parent.name, path.stem] = path
        records, problems = [], []
        for key in sorted(paths):
            try:
                records.append(_read(paths[key]))
            except RecordError as error:
                problems.append(str(error))
        if problems:
            raise RecordError("\n".join(problems))
        return records

    def get(self, model: str, entry: str) -> RunRecord | None:
        """The record of `entry` on `model`, None when it was never run. Raises RecordError when it is broken."""
        path = self._newest(_file_name(model, "model"), f"{_file_name(entry, 'entry')}.json")
        return _read(path) if path is not None else None

    def executed_notebook(self, model: str, notebook: str, run_id: str | None = None) -> Path | None:
        """The executed copy of a notebook on a model.

        With `run_id`, only the copy that this very run left: None when a newer run has replaced it, or when
        the record travelled without its notebook. Runs of one notebook with other parameters lie beside it as
        `<notebook>.<entry>.ipynb` and are found by their `run_id`.
        """
        model, notebook = _file_name(model, "model"), _file_name(notebook, "notebook")
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
        model, entry = _file_name(record.model, "model"), _file_name(record.entry, "entry")
        copy = _file_name(executed_as or record.notebook, "notebook")
        try:
            # Again, because `model_copy` and `model_construct` build records without checking them; and not through
            # JSON, which would turn a NaN into a null.
            checked = RunRecord.model_validate(record.model_dump())
        except ValidationError as error:
            raise RecordError(f"the record of '{entry}' on '{model}' is not stored: {_reasons(error)}") from error
        folder = self.folders[-1] / model
        if executed is not None:
            _write(folder / f"{copy}.ipynb", executed)
        path = folder / f"{entry}.json"
        _write(path, to_text(checked.model_dump(mode="json")))
        return path

    def remove_leftovers(self) -> None:
        """Delete half-written temporary files of killed processes; only call when no other process writes."""
        for path in self.folders[-1].glob("*/.*.tmp"):
            path.unlink(missing_ok=True)

    def _newest(self, model: str, name: str) -> Path | None:
        for folder in reversed(self.folders):
            if (path := folder / model / name).is_file():
                return path
        return None


def _file_name(text: str, what: str) -> str:
    if not FILE_NAME.fullmatch(text):
        raise RecordError(
            f"{what} '{text}' cannot name a file; use letters, digits, '.', '_' and '-', a letter or digit first"
        )
    return text


def _read(path: Path) -> RunRecord:
    fix = "run the entry again, or restore the file from git"
    try:
        record = RunRecord.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise RecordError(f"{path}: {_reasons(error)}; {fix}") from error
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); {fix}") from error
    if (record.model, record.entry) != (path.parent.name, path.stem):
        raise RecordError(
            f"{path}: holds the record of '{record.entry}' on '{record.model}', expected '{path.stem}' on "
            f"'{path.parent.name}'; move it to {record.model}/{record.entry}.json"
        )
    return record


def _reasons(error: ValidationError) -> str:
    """All that a validation found, on one line: `scores.0.1: Input should be a valid number`."""
    found = []
    for problem in error.errors(include_url=False):
        where = ".".join(str(part) for part in problem["loc"])
        found.append(f"{where}: {problem['msg']}" if where else problem["msg"])
    return "; ".join(found)


def _run_of(path: Path) -> str | None:
    try:
        run_id = json.loads(path.read_bytes())["metadata"]["survey"]["run_id"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not an executed copy of ours, or of no run: it answers no question about a run
    return str(run_id)


def _write(path: Path, text: str) -> None:
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
