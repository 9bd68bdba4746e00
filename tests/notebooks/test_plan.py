from pathlib import Path

import pytest
from throwaway import Checkout, head_type, make_cell, make_record, open_model, script

from survey_tools.errors import NotebookError, SurveyError
from survey_tools.knowledge.records import HeadType, Planned
from survey_tools.notebooks import plan as planning
from survey_tools.notebooks.digest import digest
from survey_tools.notebooks.failures import Failure, forget_failure, keep_failure, last_failure
from survey_tools.notebooks.plan import EntryStatus, Run, plan, shard, status
from survey_tools.results.store import ResultStore


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    checkout = Checkout(tmp_path)
    checkout.notebook("shared", script(), "induction", "previous-token")
    checkout.notebook("alone", script(), "successor")
    checkout.entries.models["large"] = open_model("large", default=False)
    return checkout


def store_fresh(checkout: Checkout, run: Run, **changes: object) -> None:
    for entry in run.entries:
        parts = run.digests[entry]
        record = {"entry": entry, "model": run.model, "digest": digest(parts), "digest_parts": parts, **changes}
        checkout.store.put(make_record(**record), None)


def states(checkout: Checkout, model: str = "tiny") -> dict[str, EntryStatus]:
    rows = status(checkout.entries, checkout.store, checkout.root, package=checkout.package)
    return {row.entry: row for row in rows if row.model == model}


def test_entries_of_one_notebook_and_equal_parameters_share_a_run(checkout: Checkout) -> None:
    runs = checkout.plan()
    assert [(run.notebook, run.model, run.entries) for run in runs] == [
        ("alone", "tiny", ("successor",)),
        ("shared", "tiny", ("induction", "previous-token")),
    ]
    assert runs[1].parameters == {
        "model": "tiny",
        "entries": ["induction", "previous-token"],
        "seed": 0,
        "shift": 0.25,
        "out": "",
    }
    assert {item.state for item in runs[1].statuses} == {"missing"}
    assert runs[1].seconds_expected is None


def test_other_parameters_make_another_run_with_another_executed_copy(checkout: Checkout) -> None:
    checkout.entries.head_types["duplicate-token"] = head_type("duplicate-token", "shared", shift=0.5)
    checkout.edit_package("heads/detectors/duplicate_token.py", "MINIMUM = 1\n")
    runs = [run for run in checkout.plan() if run.notebook == "shared"]
    assert [(run.entries, run.executed_as, run.parameters["shift"]) for run in runs] == [
        (("induction", "previous-token"), "shared", 0.25),
        (("duplicate-token",), "shared.duplicate-token", 0.5),
    ]
    assert runs[0].run_id != runs[1].run_id


def test_fresh_entries_are_not_planned_unless_forced(checkout: Checkout) -> None:
    for run in checkout.plan():
        store_fresh(checkout, run)
    assert checkout.plan() == []
    assert {row.state for row in states(checkout).values()} == {"fresh"}
    assert {row.state for row in states(checkout, "large").values()} == {"missing"}
    assert len(checkout.plan(force=True)) == 2


def test_a_record_is_stale_when_the_capability_table_says_otherwise_by_now(checkout: Checkout) -> None:
    asked = {
        "task": "antonym", "name": "share of items with a right answer likeliest", "value": 0.5, "interval": (0.4, 0.6),
        "chance": 0.25, "needed": 0.25, "items": 200, "present": True,
    }  # fmt: skip
    for run in checkout.plan():
        store_fresh(checkout, run, capability=asked)
    assert {row.state for row in states(checkout).values()} == {"fresh"}  # no cell, nothing to compare with
    checkout.store.put_capability(make_cell(model="tiny", value=0.50004))
    assert {row.state for row in states(checkout).values()} == {"fresh"}  # the same number, with more digits
    checkout.store.put_capability(make_cell(model="tiny", value=0.75))
    found = states(checkout)["induction"]
    assert (found.state, found.changed) == ("stale", ("ability",))
    assert "the capability table has 0.750 for antonym by now, the run was made with 0.500" in found.detail


def test_a_stale_entry_brings_its_group_along_and_says_what_changed(checkout: Checkout) -> None:
    for run in checkout.plan():
        store_fresh(checkout, run)
    checkout.edit_package("heads/detectors/previous_token.py", "MINIMUM = 0.31\n")
    [run] = checkout.plan()
    assert run.entries == ("induction", "previous-token")
    assert [(item.state, item.detail) for item in run.statuses] == [("fresh", ""), ("stale", "detector changed")]
    assert checkout.plan(entries=["successor"]) == []
    assert [run.entries for run in checkout.plan(entries=["induction"])] == [("induction", "previous-token")]


def test_other_library_versions_are_shown_and_not_stale(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "device": "cpu",
        "dtype": "float32",
        "versions": {"torch": "2.13.0", "numpy": "2.0", "python": "3.11.2"},
    }
    for run in checkout.plan():
        store_fresh(checkout, run, environment=environment)
    monkeypatch.setattr(planning, "installed_versions", lambda: {"torch": "2.14.0", "python": "3.12.1"})
    row = states(checkout)["induction"]
    assert (row.state, row.detail) == ("fresh with other versions", "torch 2.13.0, here 2.14.0")
    assert not row.due
    assert checkout.plan() == []


def test_a_failure_counts_until_the_code_changes(checkout: Checkout) -> None:
    [run] = checkout.plan(entries=["successor"])
    now = digest(run.digests["successor"])
    keep_failure(checkout.root, "tiny", "successor", Failure("cell 2 of 3 (x = y)", "NameError: y", "2026-01-01", now))
    row = states(checkout)["successor"]
    assert (row.state, row.detail) == ("failed", "cell 2 of 3 (x = y): NameError: y")
    assert row.failure == last_failure(checkout.root, "tiny", "successor")
    assert len(checkout.plan(entries=["successor"])) == 1
    checkout.edit_package("heads/detectors/successor.py", "MINIMUM = 0.5\n")
    assert states(checkout)["successor"].state == "missing"
    forget_failure(checkout.root, "tiny", "successor")
    assert last_failure(checkout.root, "tiny", "successor") is None


def test_a_broken_record_is_due_again_and_says_why(checkout: Checkout) -> None:
    path = checkout.root / "results" / "tiny" / "successor.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    row = states(checkout)["successor"]
    assert row.state == "stale"
    assert str(path) in row.detail


def test_only_named_models_run_and_defaults_otherwise(checkout: Checkout) -> None:
    assert {run.model for run in checkout.plan()} == {"tiny"}
    assert {run.model for run in checkout.plan(models=["large"])} == {"large"}
    assert {row.default_model for row in states(checkout, "large").values()} == {False}


def test_unknown_names_are_refused_all_at_once(checkout: Checkout) -> None:
    with pytest.raises(SurveyError, match=r"no model 'tny'; did you mean 'tiny'\?"):
        checkout.plan(models=["tny"])
    planned = {"planned": {"how": "x", "needs": "y"}}
    content = head_type("streaming", "shared").model_dump()
    checkout.entries.head_types["streaming"] = HeadType.model_validate({**content, "detection": planned})
    assert isinstance(checkout.entries.head_types["streaming"].detection, Planned)
    with pytest.raises(SurveyError) as caught:
        checkout.plan(entries=["inducton", "streaming"])
    assert str(caught.value) == (
        "there is no entry 'inducton'; did you mean 'induction'?; "
        "entry 'streaming' has no detector yet, it is planned; `survey new-head streaming` starts one"
    )
    assert "streaming" not in states(checkout)


def test_every_unfit_notebook_is_named(checkout: Checkout) -> None:
    checkout.entries.head_types["one"] = head_type("one", "absent")
    checkout.entries.head_types["two"] = head_type("two", "shared", lenght=3)
    with pytest.raises(NotebookError) as caught:
        checkout.plan()
    first, second = str(caught.value).splitlines()
    assert "absent.py: cannot be read" in first
    assert "shared.py: has no parameter 'lenght'" in second


def test_a_device_needs_a_notebook_that_takes_one(checkout: Checkout) -> None:
    with pytest.raises(NotebookError, match="has no parameter 'device', so it cannot run on cuda"):
        checkout.plan(device="cuda")
    text = script().replace("seed = 0", 'seed = 0\ndevice = "cpu"')
    checkout.notebook("shared", text, "induction", "previous-token")
    checkout.notebook("alone", text, "successor")
    on_cpu, on_cuda = checkout.plan(), checkout.plan(device="cuda")
    assert on_cuda[0].parameters["device"] == on_cuda[0].device == "cuda"
    assert [run.digests for run in on_cpu] == [run.digests for run in on_cuda]


def test_planning_does_not_need_the_results_folder(checkout: Checkout) -> None:
    assert not (checkout.root / "results").exists()
    assert len(plan(checkout.entries, checkout.store, root=checkout.root, package=checkout.package)) == 2
    assert not (checkout.root / "build").exists()


def test_shards_together_are_the_plan(checkout: Checkout) -> None:
    runs = checkout.plan(models=["tiny", "large"])
    parts = [shard(runs, index, 3) for index in (1, 2, 3)]
    assert sorted(run.name for part in parts for run in part) == sorted(run.name for run in runs)
    with pytest.raises(SurveyError, match="no shard 4/3"):
        shard(runs, 4, 3)


def test_encoders_are_left_out_and_refused_by_name():
    """On the survey itself: no detector applies to an encoder, so it is neither stale nor missing."""
    from survey_tools.knowledge.survey import load_survey

    root = Path(__file__).resolve().parents[2]
    survey = load_survey(root)
    store = ResultStore(root / "results")
    encoder = next(model.id for model in survey.models.values() if not model.causal)
    assert encoder not in {row.model for row in status(survey, store, root)}
    with pytest.raises(SurveyError, match=f"{encoder}: an encoder"):
        plan(survey, store, models=[encoder], root=root)
