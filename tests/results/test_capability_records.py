"""Capability and series records: what contradicts itself is refused, and files are read back as written."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from survey_tools.errors import RecordError
from survey_tools.results.capability import CapabilityRecord
from survey_tools.results.series import SeriesRecord
from survey_tools.results.store import ResultStore

ENVIRONMENT = {"device": "cpu", "dtype": "float32", "versions": {}}
CELL: dict[str, Any] = {
    "schema_version": 1, "task": "antonym", "model": "tiny-1.5b", "model_digest": "0", "verdict": "present",
    "reason": "90%", "description": "opposites", "source": None, "name": "share", "unit": "share", "value": 0.9,
    "interval": [0.8, 0.95], "chance": 0.25, "needed": 0.25, "items": 200, "independent": 100, "margin": 2.0,
    "on_twin": 0.1, "dropped": {"too long": 3}, "asked": 200, "digest": "d", "digest_parts": {"task": "t"},
    "environment": ENVIRONMENT,
}  # fmt: skip
POINTS = [{"step": 0, "tokens": 0, "weights": "a"}, {"step": 8, "tokens": 4096, "weights": "b"}]
SERIES: dict[str, Any] = {
    "schema_version": 1, "entry": "induction", "model": "tiny", "seed": 1, "checkpoints": POINTS, "layers": 1,
    "heads": [2], "scores": [[[0.1, 0.2]], [[0.5, 0.6]]], "controls": [[[0.1, 0.1]], [[0.1, 0.1]]], "digest": "d",
    "digest_parts": {}, "environment": ENVIRONMENT,
}  # fmt: skip
CURVE = {"name": "share", "unit": "share", "chance": 0.5, "items": 20, "values": [0.5, 0.9], "losses": [0.7, 0.1]}


def cell(**changes: Any) -> CapabilityRecord:
    return CapabilityRecord.model_validate({**CELL, **changes})


def test_a_cell_is_read_back_and_is_no_run_record(tmp_path):
    store = ResultStore(tmp_path)
    assert store.capability("tiny-1.5b", "antonym") is None
    assert store.put_capability(cell()) == tmp_path / "tiny-1.5b" / "tasks" / "antonym.json"
    assert store.capability("tiny-1.5b", "antonym") == cell()
    assert store.capabilities() == [cell()]
    assert store.records() == []


def test_a_later_folder_wins_cell_by_cell(tmp_path):
    ResultStore(tmp_path / "a").put_capability(cell())
    ResultStore(tmp_path / "a").put_capability(cell(task="plural"))
    ResultStore(tmp_path / "b").put_capability(cell(value=0.92))
    both = ResultStore(tmp_path / "a", tmp_path / "b").capabilities()
    assert [(one.task, one.value) for one in both] == [("antonym", 0.92), ("plural", 0.9)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verdict": "absent"}, "contradicts interval"),
        ({"interval": [0.2, 0.95]}, "contradicts interval"),
        ({"verdict": "does not apply"}, "does not go with value"),
        ({"value": None}, "does not go with value"),
        ({"interval": None}, "a value needs its interval"),
        ({"items": 1}, "a value needs its interval"),
        ({"asked": 1}, "greater than or equal to 2"),
        ({"surprise": 1}, "Extra inputs"),
        ({"value": float("nan")}, "finite number"),
    ],
)
def test_a_cell_that_contradicts_itself_is_refused(changes, reason):
    with pytest.raises(ValidationError, match=reason):
        cell(**changes)


def test_a_task_that_does_not_apply_has_a_reason_and_no_numbers(tmp_path):
    bare = {key: CELL[key] for key in ("schema_version", "task", "model", "model_digest", "description", "asked")}
    rest = {key: CELL[key] for key in ("digest", "digest_parts", "environment")}
    record = CapabilityRecord.model_validate(bare | rest | {"verdict": "does not apply", "reason": "an encoder"})
    store = ResultStore(tmp_path)
    store.put_capability(record)
    assert store.capabilities() == [record]


def test_every_broken_cell_is_named_at_once(tmp_path):
    store = ResultStore(tmp_path)
    store.put_capability(cell())
    folder = tmp_path / "tiny-1.5b" / "tasks"
    (folder / "cut.json").write_text("{")
    (folder / "odd.json").write_text(json.dumps({**CELL, "verdict": "perhaps"}))
    with pytest.raises(RecordError) as caught:
        store.capabilities()
    cut, odd = str(caught.value).splitlines()
    assert cut.startswith(f"{folder / 'cut.json'}: Invalid JSON")
    assert "verdict: Input should be 'present', 'absent' or 'does not apply'" in odd


def test_a_record_in_another_ones_place_is_refused(tmp_path):
    store = ResultStore(tmp_path)
    path = store.put_capability(cell())
    path.rename(path.with_name("plural.json"))
    with pytest.raises(RecordError, match=r"holds the record of tiny-1\.5b/tasks/antonym\.json; move it there"):
        store.capability("tiny-1.5b", "plural")
    series = store.put_series(SeriesRecord.model_validate(SERIES))
    series.rename(series.with_name("induction-2.json"))
    with pytest.raises(RecordError, match=r"holds the record of tiny/series/induction-1\.json"):
        store.series()


def test_a_checked_record_made_wrong_afterwards_is_not_stored(tmp_path):
    wrong = cell().model_copy(update={"value": float("nan")})
    with pytest.raises(RecordError, match=r"the record of task 'antonym' on 'tiny-1\.5b' is not stored: value"):
        ResultStore(tmp_path).put_capability(wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_series_is_read_back(tmp_path):
    store = ResultStore(tmp_path)
    heads = SeriesRecord.model_validate(SERIES)
    losses = SeriesRecord.model_validate(
        {**SERIES, "entry": "losses", "scores": [], "controls": [], "tasks": {"plural": CURVE}}
    )
    assert store.put_series(heads) == tmp_path / "tiny" / "series" / "induction-1.json"
    store.put_series(losses)
    assert store.series() == [heads, losses]
    assert store.records() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"scores": SERIES["scores"][:1]}, "one .layer..head. matrix for each of 2 checkpoints"),
        ({"controls": [[[0.1]], [[0.1]]]}, "controls does not have one"),
        ({"checkpoints": POINTS[::-1]}, "not in the order of their steps"),
        ({"entry": "losses", "tasks": {}}, "curves without one value a checkpoint: all"),
        ({"entry": "losses", "tasks": {"p": {**CURVE, "values": [1.0]}}}, "curves without one value a checkpoint: p"),
    ],
)
def test_a_series_with_a_hole_is_refused(changes, reason):
    with pytest.raises(ValidationError, match=reason):
        SeriesRecord.model_validate({**SERIES, **changes})
