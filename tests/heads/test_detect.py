"""`detect` from end to end on small models: records that follow the schema, refusals that say what to do."""

import dataclasses

import pytest

from survey_tools.errors import DetectionError
from survey_tools.heads.detect import detect
from survey_tools.heads.detectors import detector_from_file, detector_ids, load_detector
from survey_tools.heads.planted import PLANTED
from survey_tools.heads.prompts.rendering import questions
from survey_tools.heads.settings import Settings
from survey_tools.heads.tasks import indirect_object, repeated_tokens, succession
from survey_tools.results.records import Measurement

QUICK = Settings(cause_draws=20, write_prompts=4)


@pytest.fixture(scope="module")
def on_planted(planted):
    records = detect(planted, ["induction", "successor", "duplicate-token", "previous-token"], QUICK)
    return {record["entry"]: Measurement.model_validate(record) for record in records}


@pytest.mark.slow
def test_all_four_types_are_found_on_planted(on_planted):
    """Found, with every control passed; five other heads a layer are too few to call the cause decided."""
    assert list(on_planted) == ["induction", "successor", "duplicate-token", "previous-token"], "in the order asked for"
    for entry, measured in on_planted.items():
        assert {(head.layer, head.head) for head in measured.found} == set(PLANTED[entry])
        assert measured.acceptance.positive_passed
        assert measured.acceptance.negative_passed
        assert measured.verdict == "partly"
        assert measured.cause.holds is None
        assert measured.cause.p_value == pytest.approx(1 / 6, abs=1e-3)


@pytest.mark.slow
def test_removing_planted_heads_destroys_their_behaviour(on_planted):
    cause = on_planted["induction"].cause
    assert cause.clean < 0.5 < 4.0 < cause.ablated
    assert max(cause.random) < 1.0
    assert cause.effect_interval[0] > 3.0
    assert on_planted["duplicate-token"].cause.ablated < 0 < on_planted["duplicate-token"].cause.clean


@pytest.mark.slow
def test_the_same_seed_gives_the_same_record(planted, on_planted):
    again = Measurement.model_validate(detect(planted, ["successor"], QUICK)[0])
    assert again == on_planted["successor"]


@pytest.mark.slow
def test_stories_has_previous_token_heads_and_no_induction(stories):
    records = {r["entry"]: r for r in detect(stories, ["previous-token", "induction"], QUICK)}
    previous = records["previous-token"]
    assert (previous["found"][0]["layer"], previous["found"][0]["head"]) == (3, 6)
    assert previous["found"][0]["score"] > 0.6
    assert records["induction"]["found"] == []
    assert records["induction"]["verdict"] == "not testable here"
    assert records["induction"]["capability"]["present"] is False


def test_a_head_type_twice_is_refused(planted):
    with pytest.raises(DetectionError, match="asked for twice"):
        detect(planted, ["induction", "induction"])


def test_an_encoder_is_refused(make):
    from survey_tools.heads.models import LoadedModel

    encoder = LoadedModel("some-bert", make("bert"), None, "", False)
    with pytest.raises(DetectionError, match="some-bert is an encoder"):
        detect(encoder, ["induction"])


def test_an_unknown_head_type_is_refused_with_a_suggestion():
    with pytest.raises(DetectionError, match="no detector for 'inducton'; did you mean 'induction'"):
        load_detector("inducton")


def test_a_small_context_is_refused(planted):
    small = dataclasses.replace(planted)
    before = small.network.config.n_positions
    small.network.config.n_positions = 20
    try:
        with pytest.raises(DetectionError, match="reads 20 tokens"):
            repeated_tokens.draw(small, 1, 50, 0)
    finally:
        small.network.config.n_positions = before


def test_without_a_tokenizer_sentences_are_refused(planted):
    mute = dataclasses.replace(planted, tokenizer=None)
    with pytest.raises(DetectionError, match="has no tokenizer"):
        indirect_object.behaviour(mute, Settings())
    with pytest.raises(DetectionError, match="has no tokenizer"):
        succession.ordered_classes(mute)


def test_split_names_are_told_apart_where_they_first_differ(stories):
    """This tokenizer splits nearly every name; the sentences can be asked all the same."""
    asked = questions(indirect_object.TASK, stories, limit=20).questions
    for question in asked:
        assert set(question.right).isdisjoint(question.wrong)
    assert any(len(question.prompt.positions["io"][0]) > 1 for question in asked)


def test_an_unknown_word_is_an_error(planted):
    from survey_tools.heads.prompts.vocabulary import encode, single_token

    assert single_token(planted.tokenizer, "zebra") is None
    with pytest.raises(DetectionError, match="no token for 'saw' in 'Mary saw a zebra'"):
        encode(planted.tokenizer, "Mary saw a zebra", True)


# ---------------------------------------------------------------- stimuli


def test_repeated_tokens_repeat_and_fresh_ones_do_not(planted):
    task = repeated_tokens.draw(planted, 5, 50, 3)
    length = task.half_length
    first, second = task.repeated[:, 1 : 1 + length], task.repeated[:, 1 + length :]
    assert (first == second).all()
    assert (task.repeated[:, : 1 + length] == task.fresh[:, : 1 + length]).all()
    for row in task.fresh.tolist():
        assert len(set(row)) == len(row), "drawn without replacement"
    assert (repeated_tokens.draw(planted, 5, 50, 3).repeated == task.repeated).all()
    assert not (repeated_tokens.draw(planted, 5, 50, 4).repeated == task.repeated).all()


def test_indirect_objects_are_asked_both_ways(planted):
    behaviour = indirect_object.behaviour(planted, Settings())
    assert behaviour.items == 20
    assert behaviour.dropped == 0
    words = planted.tokenizer.convert_ids_to_tokens(behaviour.batches[0].tokens[0].tolist())
    names = [word for word in words if word[0].isupper() and word not in ("When", "After", "Then", "While")]
    assert len(names) == 3
    assert len(set(names)) == 2


def test_ordered_classes_keep_their_order(planted):
    classes, dropped = succession.ordered_classes(planted)
    assert [group.name for group in classes] == ["days", "months", "number words"]
    assert classes[0].words[:2] == ("Monday", "Tuesday")
    assert dropped == 10 + 10 + 26, "number words past ten, ordinals, letters"


# ---------------------------------------------------------------- detectors from outside


TWO_BACK = '''
"""Heads that look two positions back."""
import dataclasses
from survey_tools.heads.detector import Lag
from survey_tools.heads.detectors.previous_token import DETECTOR as PREVIOUS

DETECTOR = dataclasses.replace(
    PREVIOUS,
    id="two-back",
    relation=Lag(0, 2, "all"),
    controls=tuple(Lag(0, back, "all") for back in (0, 1, 3, 4)),
    planted_at=PLANTED_AT,
)
'''


@pytest.mark.slow
def test_a_detector_file_of_ones_own(tmp_path, planted):
    (tmp_path / "two_back.py").write_text(TWO_BACK.replace("PLANTED_AT", "((0, 2),)"))
    record = detect(planted, [detector_from_file(tmp_path / "two_back.py")], QUICK)[0]
    assert [(h["layer"], h["head"]) for h in record["found"]] == [(0, 2)]
    assert record["acceptance"]["positive_passed"]
    assert record["verdict"] == "partly", "the planted one is no cause of anything"


@pytest.mark.slow
def test_a_detector_without_a_positive_control_says_nothing(tmp_path, planted):
    (tmp_path / "two_back.py").write_text(TWO_BACK.replace("PLANTED_AT", "None"))
    record = detect(planted, [detector_from_file(tmp_path / "two_back.py")], QUICK)[0]
    assert record["acceptance"]["positive_passed"] is False
    assert record["verdict"] == "not testable here"


def test_a_detector_file_without_a_detector_is_refused(tmp_path):
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(DetectionError, match="has no DETECTOR"):
        detector_from_file(tmp_path / "empty.py")
    with pytest.raises(DetectionError, match="is not a Python file"):
        detector_from_file(tmp_path / "absent.py")


def test_detector_ids_are_file_names():
    assert detector_ids() == ("duplicate-token", "induction", "previous-token", "successor")
