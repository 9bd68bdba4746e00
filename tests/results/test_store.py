import json
import os
from pathlib import Path
from typing import Any

import pytest

from survey_tools.errors import RecordError
from survey_tools.results import store as storing
from survey_tools.results.layout import to_text
from survey_tools.results.records import RunRecord
from survey_tools.results.store import ResultStore

RECORD: dict[str, Any] = {
    "schema_version": 1, "run_id": "r1", "notebook": "probe", "digest": "d", "digest_parts": {"code": "c"},
    "parameters": {"seed": 0, "rate": 0.123456789},
    "environment": {"device": "cpu", "dtype": "float32", "versions": {}},
    "entry": "induction", "model": "tiny-1.5b", "model_digest": "0", "layers": 2, "heads": [2, 2], "verdict": "partly",
    "reason": "one of two", "method": "m", "seed": 0, "prompts": 4, "scores": [[0.123456789, 0.5], [1e-12, None]],
    "scores_low": [[0.0, 0.5], [0.5, None]], "scores_high": [[1.0, 0.5], [0.5, None]], "found": [],
    "near": [{"layer": 0, "head": 1, "score": 0.5, "interval": [0.4, 0.6], "control": 0.1, "p_value": 0.01,
              "failed": ["null"]}],
    "metric": {"name": "s", "formula": "x", "low": 0, "high": 1, "minimum_effect": 0.2, "source": "p", "stimulus": "t"},
    "cause": {"claimed": False, "tested": False},
    "acceptance": {"positive": "p", "positive_passed": True, "negative": "n", "negative_passed": True},
}  # fmt: skip


def record(**changes: Any) -> RunRecord:
    return RunRecord.model_validate({**RECORD, **changes})


def executed(run_id: str) -> str:
    return json.dumps({"metadata": {"survey": {"run_id": run_id}}})


def test_what_was_put_is_read_back_with_six_digits_of_what_was_measured(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    assert store.get("tiny-1.5b", "induction") is None
    assert store.put(record(), None) == tmp_path / "tiny-1.5b" / "induction.json"
    read = store.get("tiny-1.5b", "induction")
    assert read is not None
    assert read.scores == [[0.123457, 0.5], [1e-12, None]]
    assert read.parameters == {"seed": 0, "rate": 0.123456789}  # chosen, not measured
    assert store.records() == [read]
    before = (tmp_path / "tiny-1.5b" / "induction.json").stat().st_ino
    store.put(read, None)
    assert (tmp_path / "tiny-1.5b" / "induction.json").stat().st_ino == before  # nothing changed, nothing written


def test_layout_puts_a_row_or_a_head_on_a_line_and_sorts_keys() -> None:
    value = {"b": [[1.0, 2.0], [3.0, None]], "a": {"y": [1, 2], "x": "é"}, "c": [{"z": 1, "h": 2}], "d": [], "e": {}}
    assert to_text(value) == (
        '{\n "a": {\n  "x": "é",\n  "y": [1, 2]\n },\n "b": [\n  [1.0, 2.0],\n  [3.0, null]\n ],\n'
        ' "c": [\n  {"h": 2, "z": 1}\n ],\n "d": [],\n "e": {}\n}\n'
    )
    assert json.loads(to_text(value)) == value


def test_a_layer_whose_score_changes_is_one_changed_line() -> None:
    old, new = record(), record(scores=[[0.123456789, 0.5], [0.25, None]])
    texts = [to_text(one.model_dump(mode="json")).splitlines() for one in (old, new)]
    assert len([line for line in texts[1] if line not in texts[0]]) == 1


def test_later_folders_win_and_are_written_to(tmp_path: Path) -> None:
    committed, overlay = tmp_path / "results", tmp_path / "build"
    ResultStore(committed).put(record(run_id="old"), executed("old"))
    ResultStore(committed).put(record(entry="successor"), None)
    store = ResultStore(committed, overlay)
    store.put(record(run_id="new"), executed("new"))
    assert [(one.entry, one.run_id) for one in store.records()] == [("induction", "new"), ("successor", "r1")]
    assert ResultStore(committed).get("tiny-1.5b", "induction") == record(
        run_id="old", scores=[[0.123457, 0.5], [1e-12, None]]
    )
    assert store.executed_notebook("tiny-1.5b", "probe") == overlay / "tiny-1.5b" / "probe.ipynb"
    assert store.executed_notebook("tiny-1.5b", "probe", "old") == committed / "tiny-1.5b" / "probe.ipynb"
    assert store.executed_notebook("tiny-1.5b", "probe", "other") is None
    assert store.executed_notebook("tiny-1.5b", "prob") is None


def test_a_second_copy_of_a_notebook_is_found_by_its_run(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put(record(), executed("r1"))
    store.put(record(entry="successor", run_id="r2"), executed("r2"), executed_as="probe.successor")
    (tmp_path / "tiny-1.5b" / "probe-2.ipynb").write_text(executed("r3"))
    (tmp_path / "tiny-1.5b" / "probe.broken.ipynb").write_text("{")
    assert store.executed_notebook("tiny-1.5b", "probe", "r2") == tmp_path / "tiny-1.5b" / "probe.successor.ipynb"
    assert store.executed_notebook("tiny-1.5b", "probe", "r3") is None


def test_all_broken_files_are_reported_at_once_with_the_fix(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put(record(), None)
    folder = tmp_path / "tiny-1.5b"
    (folder / "cut.json").write_text((folder / "induction.json").read_text()[:100])
    (folder / "moved.json").write_text((folder / "induction.json").read_text())
    unknown = json.loads((folder / "induction.json").read_text()) | {"entry": "odd", "surprise": 1, "layers": "x"}
    (folder / "odd.json").write_text(json.dumps(unknown))
    with pytest.raises(RecordError) as caught:
        store.records()
    cut, moved, odd = str(caught.value).splitlines()
    assert cut.startswith(f"{folder / 'cut.json'}: Invalid JSON")
    assert cut.endswith("run it again, or restore the file from git")
    assert "expected 'moved' on 'tiny-1.5b'; move it to tiny-1.5b/induction.json" in moved
    assert "surprise: Extra inputs are not permitted" in odd
    assert "layers: Input should be a valid integer" in odd


def test_put_refuses_a_record_that_was_never_checked_and_writes_nothing(tmp_path: Path) -> None:
    spoilt = record().model_copy(update={"scores": [[float("nan"), 0.5], [0.5, None]]})
    with pytest.raises(RecordError, match=r"the record of 'induction' on 'tiny-1.5b' is not stored: "):
        ResultStore(tmp_path).put(spoilt, executed("r1"))
    with pytest.raises(RecordError, match=r"does not have the shape of the model"):
        ResultStore(tmp_path).put(record().model_copy(update={"layers": 3}), executed("r1"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "a\\b", ".hidden", "", "a b", ".."])
def test_ids_that_are_no_file_names_are_refused(tmp_path: Path, name: str) -> None:
    store = ResultStore(tmp_path)
    with pytest.raises(RecordError, match=r"model '.*' cannot name a file; use letters"):
        store.get(name, "induction")
    with pytest.raises(RecordError, match=r"model '.*' cannot name a file"):
        store.put(record(model=name), None)
    with pytest.raises(RecordError, match=r"entry '.*' cannot name a file"):
        store.put(record(entry=name), None)
    with pytest.raises(RecordError, match=r"notebook '.*' cannot name a file"):
        store.executed_notebook("tiny", name)


def test_the_notebook_is_written_before_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    write = storing.write
    monkeypatch.setattr(storing, "write", lambda path, text: (order.append(path.name), write(path, text)))
    ResultStore(tmp_path).put(record(), executed("r1"))
    assert order == ["probe.ipynb", "induction.json"]


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ResultStore(tmp_path)
    path = store.put(record(), None)
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match=r"induction.json: cannot be written \(No space left on device\); free space"):
        store.put(record(run_id="r2"), None)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["induction.json"]


def test_temporary_files_of_a_killed_writer_are_no_records_and_can_be_removed(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put(record(), None)
    (tmp_path / "tiny-1.5b" / ".induction.json.x1.tmp").write_text("{")
    (tmp_path / "tiny-1.5b" / ".half.json").write_text("{")
    assert len(store.records()) == 1
    store.remove_leftovers()
    assert not (tmp_path / "tiny-1.5b" / ".induction.json.x1.tmp").exists()


def test_a_store_without_a_folder_is_refused() -> None:
    with pytest.raises(RecordError, match=r"at least one folder"):
        ResultStore()
