import json
from pathlib import Path
from typing import Any

import pytest
from throwaway import MEASUREMENT, Checkout, script

from survey_tools.errors import RecordError
from survey_tools.notebooks.measurements import read_measurements
from survey_tools.notebooks.plan import Run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    checkout = Checkout(tmp_path)
    checkout.notebook("probe", script(), "induction", "previous-token")
    [run] = checkout.plan()
    return run


def write(folder: Path, name: str, **changes: Any) -> None:
    (folder / f"{name}.json").write_text(json.dumps({**MEASUREMENT, "entry": name, **changes}))


def test_measurements_come_in_the_order_of_the_entries(run: Run, tmp_path: Path) -> None:
    write(tmp_path, "previous-token")
    write(tmp_path, "induction")
    (tmp_path / "measurement.json").unlink()
    assert [one.entry for one in read_measurements(run, tmp_path)] == ["induction", "previous-token"]


def test_all_that_is_wrong_is_said_at_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "induction", model="other", seed=3, entry="previous-token")
    write(tmp_path / "out", "successor")
    with pytest.raises(RecordError) as caught:
        read_measurements(run, tmp_path / "out")
    assert str(caught.value) == (
        "probe left no valid measurement: successor.json was written, but the run is for induction, previous-token; "
        "induction.json: entry is 'previous-token', expected 'induction'; induction.json: model is 'other', expected "
        "'tiny'; induction.json: seed is 3, expected 0; previous-token.json was not written into the folder `out`"
    )


@pytest.mark.parametrize("text", ["", "{", "[]", "NaN"])
def test_text_that_is_no_measurement_is_named(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "measurement.json").unlink()
    write(tmp_path, "previous-token")
    (tmp_path / "induction.json").write_text(text)
    with pytest.raises(RecordError, match=r"^probe left no valid measurement: induction\.json: [A-Z]"):
        read_measurements(run, tmp_path)
