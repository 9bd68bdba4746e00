"""Real executions. Each starts a kernel (two seconds), so a test looks at many sides of one run."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from throwaway import MEASURE, Checkout, cell, make_record, script

from survey_tools.errors import NotebookError
from survey_tools.notebooks import engines
from survey_tools.notebooks.plan import status
from survey_tools.notebooks.run import RunEvent, run_all

NOISE = cell(
    "import os, sys\n"
    "print(sys.executable == os.environ['EXPECTED_PYTHON'], os.environ['OMP_NUM_THREADS'])\n"
    "print('step', 'seven', file=sys.stderr)\n"
    "print(Path.cwd() / 'models', Path.home() / 'x')"
)
LEAVES_PROCESSES = cell(
    "import os, subprocess, time\n"
    "sleeper = subprocess.Popen(['sleep', '600'])\n"
    "Path('pids.json').write_text(json.dumps([os.getpid(), os.getppid(), sleeper.pid]))"
)
HANGS = cell("while Path('hang').exists():\n    time.sleep(0.1)")
UNTIL_GONE_S = 30


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    monkeypatch.setenv("EXPECTED_PYTHON", sys.executable)
    return Checkout(tmp_path)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"  # a zombie runs no more; whoever is its parent now will collect it


def all_gone(pids: list[int]) -> bool:
    limit = time.monotonic() + UNTIL_GONE_S
    while any(map(is_alive, pids)) and time.monotonic() < limit:
        time.sleep(0.05)
    return not any(map(is_alive, pids))


def work_folders(checkout: Checkout) -> list[Path]:
    return [path for path in (checkout.root / "build" / "runs").iterdir() if path.is_dir()]


def test_a_run_stores_records_and_a_clean_notebook_and_leaves_nothing_to_do(checkout: Checkout) -> None:
    checkout.notebook("probe", script(MEASURE, NOISE), "induction", "previous-token", shift=0.75)
    events: list[RunEvent] = []
    [run] = checkout.plan()
    assert run.entries == ("induction", "previous-token")
    [outcome] = run_all([run], store=checkout.store, root=checkout.root, on_event=events.append)
    assert outcome.ok, outcome

    record = checkout.store.get("tiny", "previous-token")
    assert record is not None
    assert record.scores[0][0] == 0.75  # the entry's parameter, not the notebook's default
    assert record.parameters == {"model": "tiny", "entries": ["induction", "previous-token"], "seed": 0, "shift": 0.75}
    assert record.environment.versions["python"].startswith("3.")
    assert record.environment.seconds is not None
    assert record.environment.peak_memory_mb is not None
    assert record.environment.peak_memory_mb > 20  # an IPython kernel needs more than that
    assert outcome.records[0].run_id == outcome.records[1].run_id == record.run_id

    executed = checkout.store.executed_notebook("tiny", "probe", record.run_id)
    assert executed == checkout.root / "results" / "tiny" / "probe.ipynb"
    text = executed.read_text()
    for secret in (str(checkout.root), str(Path.home()), "papermill", "step seven", "survey-run"):
        assert secret not in text
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert [c.id for c in notebook.cells] == [f"cell-{index}" for index in range(len(notebook.cells))]
    injected = [c for c in notebook.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert 'out = "..."' in injected[0].source
    assert "shift = 0.75" in injected[0].source
    assert notebook.cells[-1].outputs[0].text == "True 1\n.../models .../x\n"

    assert [event.kind for event in events] == ["started", "cell", "cell", "cell", "cell", "finished"]
    assert str(events[2]) == "probe on tiny: cell 2 of 4 (import json)"
    assert "previous-token not reproduced" in str(events[-1])
    assert work_folders(checkout) == []

    assert checkout.plan() == []
    assert {
        item.state for item in status(checkout.entries, checkout.store, checkout.root, package=checkout.package)
    } == {"fresh"}
    [again] = checkout.plan(force=True)
    assert again.run_id == run.run_id
    assert again.seconds_expected == record.environment.seconds
    checkout.edit_package("heads/detectors/induction.py", "MINIMUM = 0.25\n")
    [stale] = checkout.plan()
    assert [(item.entry, item.state, item.changed) for item in stale.statuses] == [
        ("induction", "stale", ("detector",)),
        ("previous-token", "fresh", ()),
    ]


def test_failed_and_invalid_runs_keep_the_old_record_and_do_not_stop_the_others(checkout: Checkout) -> None:
    checkout.notebook("a-raises", script(cell("x = 1"), cell("raise ValueError('no such token')")), "induction")
    spoilt = "measured = json.loads((Path(out) / 'previous-token.json').read_text())\n"
    spoilt += "measured['scores'] = [[float('nan'), 0.5]]\nmeasured['seed'] = 7\n"
    spoilt += "(Path(out) / 'previous-token.json').write_text(json.dumps(measured))\n"
    spoilt += "(Path(out) / 'stray.json').write_text('{}')"
    checkout.notebook("b-invalid", script(MEASURE, cell(spoilt)), "previous-token")
    checkout.notebook("c-fine", script(MEASURE), "successor")
    checkout.notebook("d-dies", script(cell("import os\nos._exit(9)")), "streaming")
    checkout.edit_package("heads/detectors/streaming.py", "MINIMUM = 0.1\n")
    old = make_record(entry="induction", model="tiny", notebook="a-raises"), "old notebook"
    checkout.store.put(*old)
    before = (checkout.root / "results" / "tiny" / "induction.json").read_bytes()

    outcomes = run_all(checkout.plan(), jobs=2, store=checkout.store, root=checkout.root)

    raised, invalid, fine, died = outcomes
    assert [outcome.ok for outcome in outcomes] == [False, False, True, False]
    assert raised.failure is not None
    assert raised.failure.cell == "cell 3 of 3 (raise ValueError('no such token'))"
    assert raised.failure.error == "ValueError: no such token"
    assert "ValueError" in raised.failure.traceback
    assert invalid.failure is not None
    assert "stray.json was written, but the run is for previous-token" in invalid.failure.error
    assert "previous-token.json: scores.0.0: Input should be a finite number" in invalid.failure.error
    assert died.failure is not None
    assert died.failure.cell == "cell 2 of 2 (import os)"
    assert died.failure.error.startswith("DeadKernelError: the kernel died, most often because memory ran out")
    assert (checkout.root / "results" / "tiny" / "induction.json").read_bytes() == before
    assert (checkout.root / "results" / "tiny" / "a-raises.ipynb").read_text() == "old notebook"
    assert checkout.store.get("tiny", "previous-token") is None
    assert fine.records == (checkout.store.get("tiny", "successor"),)
    assert (checkout.root / "build" / "failures" / "tiny" / "a-raises.ipynb").is_file()
    assert work_folders(checkout) == []

    rows = status(checkout.entries, checkout.store, checkout.root, package=checkout.package)
    assert [(row.entry, row.state) for row in rows] == [
        ("induction", "failed"),
        ("previous-token", "failed"),
        ("streaming", "failed"),
        ("successor", "fresh"),
    ]
    assert rows[0].detail == "cell 3 of 3 (raise ValueError('no such token')): ValueError: no such token"
    checkout.edit_package("heads/detectors/induction.py", "MINIMUM = 0.25\n")
    assert status(checkout.entries, checkout.store, checkout.root, package=checkout.package)[0].state == "stale"


def test_a_run_past_its_limit_is_ended_with_everything_it_started(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.notebook("probe", script(MEASURE, LEAVES_PROCESSES, HANGS), "induction")
    (checkout.root / "hang").touch()
    skipped = 0.0
    really = time.monotonic
    monkeypatch.setattr(engines, "time", type("Clock", (), {"monotonic": staticmethod(lambda: really() + skipped)}))

    def jump_when_hanging(event: RunEvent) -> None:
        nonlocal skipped
        if "while" in event.first_line:
            skipped = 1000.0

    [outcome] = run_all(
        checkout.plan(), store=checkout.store, root=checkout.root, timeout_s=500, on_event=jump_when_hanging
    )
    assert outcome.failure is not None
    assert outcome.failure.sentence == (
        "cell 5 of 5 (while Path('hang').exists():): took longer than the limit of 500 s and was ended"
    )
    kernel, process, sleeper = json.loads((checkout.root / "pids.json").read_text())
    assert all_gone([kernel, process, sleeper])
    assert checkout.store.get("tiny", "induction") is None  # it had written its measurement, but did not finish


PARENT = """
import sys
from pathlib import Path
from throwaway import MEASURE, Checkout
from survey_tools.notebooks.run import run_all
checkout = Checkout(Path(sys.argv[1]))
checkout.notebook("probe", (checkout.root / "notebooks" / "probe.py").read_text(), "induction")
run_all(checkout.plan(), store=checkout.store, root=checkout.root, on_event=lambda event: print(event, flush=True))
"""


def test_kill_9_of_the_starter_loses_nothing_and_leaves_nothing(checkout: Checkout) -> None:
    checkout.notebook("probe", script(MEASURE, LEAVES_PROCESSES, HANGS), "induction")
    (checkout.root / "hang").touch()
    checkout.store.put(make_record(model="tiny"), "old notebook")
    results = checkout.root / "results" / "tiny"
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(checkout.root)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    with parent.stdout:
        for line in parent.stdout:
            if "while" in line:
                break
        parent.send_signal(signal.SIGKILL)
    assert parent.wait() == -signal.SIGKILL
    assert all_gone(json.loads((checkout.root / "pids.json").read_text()))
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before
    assert len(work_folders(checkout)) == 1
    (results / ".induction.json.abc.tmp").write_text("half")

    (checkout.root / "hang").unlink()
    [outcome] = run_all(checkout.plan(), store=checkout.store, root=checkout.root)
    assert outcome.ok, outcome
    sleeper = json.loads((checkout.root / "pids.json").read_text())[2]
    assert all_gone([sleeper])  # a run that succeeds leaves no process behind either
    assert work_folders(checkout) == []
    assert sorted(path.name for path in results.iterdir()) == ["induction.json", "probe.ipynb"]
    assert (results / "induction.json").read_bytes() != before["induction.json"]


def test_nothing_runs_when_one_notebook_is_malformed(checkout: Checkout) -> None:
    checkout.notebook("a-fine", script(MEASURE), "induction")
    path = checkout.notebook("b-changed", script(MEASURE), "successor", shift=0.5)
    runs = checkout.plan()
    path.write_text(script(MEASURE).replace("shift", "shifts"))
    events: list[RunEvent] = []
    with pytest.raises(NotebookError, match=r"has no parameter 'shift'; did you mean 'shifts'\?"):
        run_all(runs, store=checkout.store, root=checkout.root, on_event=events.append)
    assert events == []


def test_limits_that_make_no_sense_are_refused(checkout: Checkout) -> None:
    with pytest.raises(NotebookError, match="0 runs side by side"):
        run_all([], jobs=0, store=checkout.store, root=checkout.root)
    with pytest.raises(NotebookError, match="leaves no time"):
        run_all([], timeout_s=0, store=checkout.store, root=checkout.root)
