"""Series: the scores are those of the detectors, the losses those of the tasks, and the records follow the schema."""

import dataclasses

import pytest
import torch
from click.testing import CliRunner
from tiny_recipe import STEPS

from survey_tools import api
from survey_tools.cli import main
from survey_tools.errors import DetectionError, ModelUnavailable, ModelUnknown
from survey_tools.heads.capability import answer, score_task
from survey_tools.heads.detectors import load_detector
from survey_tools.heads.methods import method_of
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.rendering import questions
from survey_tools.heads.settings import Settings
from survey_tools.heads.supply.trained import training_folder
from survey_tools.heads.tasks import load_task
from survey_tools.heads.training import emergence
from survey_tools.heads.training.emergence import head_points, task_point
from survey_tools.heads.training.loop import Training, train
from survey_tools.notebooks import emergence as series
from survey_tools.results.store import ResultStore

TYPES = ("duplicate-token", "induction", "previous-token", "successor")


@pytest.fixture
def untrained(recipe):
    training = Training.of(recipe, 0)
    return LoadedModel("untrained", training.network.eval(), training.tokenizer, "", True)


def test_scores_and_controls_are_those_of_the_detection(untrained):
    detectors = [load_detector(head_type) for head_type in TYPES]
    points = head_points(untrained, detectors)
    assert tuple(points) == TYPES
    with torch.no_grad():
        for detector in detectors:
            scores = method_of(detector).score(untrained, [detector], Settings(), lambda _: None)[detector.id]
            assert flat(points[detector.id].scores) == pytest.approx(scores.score.tolist(), abs=1e-6)
            assert flat(points[detector.id].controls) == pytest.approx(scores.control.tolist(), abs=1e-6)


def flat(matrix):
    return [value for row in matrix for value in row]


def test_planted_heads_score_where_they_are(planted):
    detectors = [load_detector(head_type) for head_type in TYPES]
    points = head_points(planted, detectors, Settings(prompts=2))
    for detector in detectors:
        point = points[detector.id]
        for layer, head in detector.planted:
            assert point.scores[layer][head] > 0.5 > point.controls[layer][head]


def test_one_type_alone_scores_as_among_others(untrained):
    [alone] = head_points(untrained, [load_detector("induction")]).values()
    assert alone == head_points(untrained, [load_detector(t) for t in TYPES])["induction"]


def test_a_type_without_a_quick_reading_is_refused(planted, monkeypatch):
    monkeypatch.setattr(emergence, "READINGS", {})
    with pytest.raises(DetectionError, match="successor is measured by weight-map, which a series cannot read yet"):
        head_points(planted, [load_detector("successor")])


@pytest.mark.parametrize("task", ["indirect-object", "repeated-tokens"])
def test_a_task_is_done_as_well_as_the_capability_test_says(untrained, task):
    point = task_point(untrained, load_task(task), 40)
    score = score_task(untrained, load_task(task), 40)
    assert (point.value, point.chance, point.unit, point.items) == (score.value, score.chance, score.unit, score.items)
    assert point.name == score.name


def test_the_loss_of_a_text_is_that_of_its_right_answers(untrained):
    """Among two answers whose log odds are d, the right one has the loss ln(1 + exp(-d))."""
    task = load_task("indirect-object")
    asked = questions(task, untrained, limit=30).questions
    with torch.no_grad():
        odds, _ = answer(untrained, asked, [q.prompt for q in asked])
    by_hand = sum(float(torch.log1p(torch.exp(-d.double()))) for d in odds) / 30
    assert task_point(untrained, task, 30).loss == pytest.approx(by_hand, rel=1e-5)


@pytest.fixture
def trained(tmp_path, monkeypatch, recipe):
    """A training of the test recipe, in the place where `tiny` with seed 3 keeps its checkpoints."""
    monkeypatch.setenv("SURVEY_CACHE", str(tmp_path / "cache"))
    train(recipe, 3, training_folder("tiny", 3))
    return recipe


@pytest.fixture(scope="module")
def survey():
    return api.load_survey()


def test_a_plan_names_every_checkpoint_with_its_tokens(trained, survey):
    asked = series.plan(survey, "tiny", 3, items=10)
    assert [state.step for state in asked.states] == list(STEPS)
    assert [state.tokens for state in asked.states] == [step * 2 * 64 for step in STEPS]
    assert asked.states[1].name == "tiny@seed-3-step-1"
    assert [task.id for task in asked.tasks] == list(trained.mixture)
    assert set(TYPES) <= {detector.id for detector in asked.detectors}


def test_published_checkpoints_are_planned_in_the_same_words(survey):
    asked = series.plan(survey, "pythia-160m", steps=[1000, 0], heads=["induction"], items=10)
    assert [(state.step, state.name) for state in asked.states] == [
        (0, "pythia-160m@step0"), (1000, "pythia-160m@step1000"),
    ]  # fmt: skip
    assert asked.states[1].tokens == 1000 * 2097152
    assert [task.id for task in asked.tasks] == ["repeated-tokens"]
    assert len(series.plan(survey, "pythia-160m", items=10).states) == 154


def test_many_checkpoints_can_be_thinned_to_a_few(survey):
    asked = series.plan(survey, "pythia-160m", most=12, heads=["induction"], items=10)
    steps = [state.step for state in asked.states]
    assert (steps[0], steps[-1]) == (0, 143000)
    assert 8 <= len(steps) <= 12
    every = series.plan(survey, "pythia-160m", most=500, heads=["induction"], items=10)
    assert len(every.states) == 154


def test_what_cannot_be_planned_is_said(trained, survey):
    with pytest.raises(ModelUnknown, match="no entry for model 'tiney'; did you mean"):
        series.plan(survey, "tiney", items=10)
    with pytest.raises(ModelUnknown, match="gpt2 has no training checkpoints that we know of"):
        series.plan(survey, "gpt2", items=10)
    with pytest.raises(ModelUnknown, match="pythia-160m is known with one seed only"):
        series.plan(survey, "pythia-160m", 1, items=10)
    with pytest.raises(ModelUnavailable, match=r"no checkpoint of tiny with seed 7 .* `survey train tiny --seed 7`"):
        series.plan(survey, "tiny", 7, items=10)
    with pytest.raises(ModelUnknown, match="tiny has no checkpoint at step 4; the nearest are 2 and 5"):
        series.plan(survey, "tiny", 3, steps=[4], items=10)
    with pytest.raises(DetectionError, match="no detector for 'inductoin'"):
        series.plan(survey, "tiny", 3, heads=["inductoin"], items=10)


def test_records_hold_every_checkpoint_and_can_be_stored(trained, survey, tmp_path):
    asked = series.plan(survey, "tiny", 3, heads=["induction", "successor"], steps=[0, 12], items=8)
    shape = asked.entry.shape.model_copy(update={"layers": 2, "heads": 2})
    asked = dataclasses.replace(asked, entry=asked.entry.model_copy(update={"shape": shape}))
    said = []
    records = series.measure(
        asked, lambda name: api.load_model(name, survey=survey), tmp_path, lambda *given: said.append(given)
    )
    assert [record.entry for record in records] == ["induction", "successor", "losses"]
    store = ResultStore(tmp_path / "results")
    for record in records:
        store.put_series(record)
    stored = {record.entry: record for record in store.series()}
    assert [point.step for point in stored["induction"].checkpoints] == [0, 12]
    last = api.load_model("tiny@seed-3-step-12", survey=survey)
    assert stored["induction"].checkpoints[1].weights == last.digest[:16]
    point = head_points(last, [load_detector("induction")])["induction"]
    assert stored["induction"].scores[1] == [[pytest.approx(v, abs=1e-4) for v in row] for row in point.scores]
    curve = stored["losses"].tasks["repeated-tokens"]
    assert curve.losses[1] == pytest.approx(task_point(last, load_task("repeated-tokens"), 8).loss, rel=1e-4)
    assert len({record.digest for record in records}) == 1
    assert said[0] == ("tiny, seed 3: step 0", 0, 2)


def test_the_command_says_what_is_missing(trained):
    done = CliRunner().invoke(main, ["emergence", "tiny", "--seed", "7"])
    assert done.exit_code == 2
    assert done.stderr == (
        "survey: no checkpoint of tiny with seed 7 is on this machine; `survey train tiny --seed 7` makes them.\n"
    )
