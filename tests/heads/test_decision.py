"""The decision on scores made by hand: each criterion alone decides; the verdict's words and sentences."""

import dataclasses

import pytest
import torch

from survey_tools.errors import DetectionError
from survey_tools.heads import detect as detection
from survey_tools.heads.behaviour import Behaviour
from survey_tools.heads.calibrate import chance_null
from survey_tools.heads.decision import candidates, judge, verdict
from survey_tools.heads.detectors import load_detector
from survey_tools.heads.evidence import Capability, CauseResult, Scores, Writes
from survey_tools.heads.methods.controls import Control, Found, planted_model
from survey_tools.heads.settings import Settings

HEADS = ((0, 0), (0, 1), (1, 0), (1, 1))


def scores(score=(0.9, 0.6, 0.3, 0.05), p=(1e-6, 1e-6, 1e-6, 0.9), threshold=0.2, control=(0.0, 0.0, 0.0, 0.0)):
    values = torch.tensor(score)
    return Scores(
        heads=HEADS,
        score=values,
        low=values - 0.05,
        high=values + 0.05,
        control=torch.tensor(control),
        p_values=torch.tensor(p),
        null=chance_null(torch.full((100,), threshold)),
        samples=20,
    )


def failed(judged):
    return {j.head: j.failed for j in judged}


def test_all_criteria_met_is_found():
    assert candidates(scores(), 0.2) == [(0, 0), (0, 1), (1, 0)]


def test_the_control_alone_can_fail():
    assert failed(judge(scores(p=(1e-6, 0.5, 1e-6, 0.9)), 0.2, None, 0.0))[0, 1] == ("control",)


def test_the_null_alone_can_fail():
    assert failed(judge(scores(threshold=0.7), 0.2, None, 0.0))[0, 1] == ("null",)


def test_equal_to_the_null_is_not_above_it():
    null = scores(threshold=0.5)
    assert failed(judge(scores(score=(0.9, float(null.null.threshold), 0.3, 0.05), threshold=0.5), 0.2, None, 0.0))[
        0, 1
    ] == ("null",)


def test_the_minimum_effect_alone_can_fail():
    """Highly significant and far above chance, and still too small to matter."""
    assert failed(judge(scores(threshold=0.01), 0.4, None, 0.0))[1, 0] == ("minimum effect",)


def test_a_tie_with_the_control_is_no_effect_however_significant():
    """Two relations that fall together on a prompt differ by rounding, and an exact sign flip calls that sure."""
    judged = failed(judge(scores(p=(1e-6,) * 4, control=(0.9 - 1e-5, 0.35, 0.0, 0.0)), 0.2, None, 0.0))
    assert judged[0, 0] == ("minimum effect",)
    assert judged[0, 1] == ()


def test_the_write_alone_can_fail():
    writes = Writes(
        value={(0, 0): 2.0, (0, 1): -3.0, (1, 0): 0.1},
        interval={(0, 0): (1.0, 3.0), (0, 1): (-4.0, -2.0), (1, 0): (-0.1, 0.3)},
    )
    result = failed(judge(scores(), 0.2, writes, 0.0))
    assert result == {(0, 0): (), (0, 1): ("write",), (1, 0): ("write",), (1, 1): ("control", "null", "minimum effect")}


def test_permuted_heads_have_permuted_verdicts():
    turned = scores(score=(0.05, 0.9, 0.6, 0.3), p=(0.9, 1e-6, 1e-6, 1e-6))
    assert candidates(turned, 0.2) == [(0, 1), (1, 0), (1, 1)]


# ---------------------------------------------------------------- verdicts

BEHAVIOUR = Behaviour("b", "loss", "nats", "higher", "nats saved", 0.0, 0.5, ())
ABLE = Capability("t", BEHAVIOUR.capability_name, 3.0, 2.5, 3.5, BEHAVIOUR.chance, BEHAVIOUR.needed, 20)
UNABLE = dataclasses.replace(ABLE, value=0.1, low=-0.3, high=0.4)
HURT = CauseResult(True, None, 1.0, 5.0, (1.0, 1.1), False, True, 3.95, (3.5, 4.4), 0.01, True)
UNHURT = CauseResult(True, None, 1.0, 1.05, (1.0, 1.1), False, True, 0.0, (-0.1, 0.1), 0.6, False)


def no_behaviour(_model, _settings):
    raise DetectionError("no tokenizer.")


def decide(head_type="induction", able=ABLE, found=((5, 1),), cause=HURT, failed_controls=()):
    return verdict(load_detector(head_type), able, BEHAVIOUR if able else None, list(found), cause, failed_controls)


def test_found_and_hurt_is_reproduced():
    decided = decide()
    assert decided.word == "reproduced"
    assert decided.reason == (
        "L5H1 found, and removing them hurts: loss 1.00 to 5.00 nats without them, "
        "1.05 without random heads of the same layers (p = 0.010)."
    )


def test_found_and_unhurt_is_partly():
    assert decide(cause=UNHURT).word == "partly"


def test_found_and_untested_is_partly_with_the_reason():
    decided = decide(cause=CauseResult(False, "the tokenizer splits all names"))
    assert decided.word == "partly"
    assert "the tokenizer splits all names" in decided.reason


def test_nothing_found_is_not_reproduced():
    assert decide(found=(), cause=CauseResult(False, "nothing")).word == "not reproduced"


def test_without_the_behaviour_induction_is_not_testable():
    decided = decide(able=UNABLE)
    assert decided.word == "not testable here"
    assert "nats saved 0.10 [-0.30, 0.40]" in decided.reason


def test_without_the_behaviour_previous_token_heads_still_count():
    assert decide("previous-token", able=UNABLE, cause=CauseResult(False, "no")).word == "partly"


@pytest.mark.parametrize(
    ("sentences", "reason"),
    [
        (
            ("Planted at L1H0 among near-misses; found: nothing.",),
            "The detector failed a control of its own, so nothing it says here counts. "
            "Planted at L1H0 among near-misses; found: nothing.",
        ),
        (
            ("One.", "Two."),
            "The detector failed 2 controls of its own, so nothing it says here counts. One. Two.",
        ),
    ],
)
def test_a_failed_control_silences_the_detector_and_is_named(sentences, reason):
    decided = decide(failed_controls=sentences)
    assert decided.word == "not testable here"
    assert decided.reason == reason


def test_of_two_controls_the_verdict_names_the_one_that_failed(monkeypatch):
    """The planted model's heads were found, but so was a head among shuffled weights."""
    model = planted_model()
    monkeypatch.setattr(detection, "measurement", lambda *arguments: arguments[7])
    detector = dataclasses.replace(load_detector("induction"), behaviour=no_behaviour)
    found = Found(scores(), tuple(judge(scores(), 0.2, None, 0.0)), Writes(), 0.0, {})
    controls = Control("Planted and found.", True), Control("Shuffled; found: L0H1.", False)
    decided = detection._measure(model, detector, found, controls, Settings(), lambda _sentence: None, None)
    assert decided.word == "not testable here"
    assert decided.reason.endswith("nothing it says here counts. Shuffled; found: L0H1.")
    assert "Planted" not in decided.reason


def measured_with(monkeypatch, known):
    """The verdict on the planted model's induction head, and whether the behaviour was measured anew."""
    model, anew = planted_model(), []
    monkeypatch.setattr(detection, "measurement", lambda *arguments: (arguments[4], arguments[6], arguments[7]))
    monkeypatch.setattr(detection, "cause", lambda *_: HURT)
    measure = detection.capability
    monkeypatch.setattr(detection, "capability", lambda run: anew.append(run) or measure(run))
    found = Found(scores(), tuple(judge(scores(), 0.2, None, 0.0)), Writes(), 0.0, {})
    controls = Control("Planted and found.", True), Control("Shuffled; nothing.", True)
    settings = Settings(cause_prompts=2)
    asked = detection._measure(model, load_detector("induction"), found, controls, settings, lambda _s: None, known)
    return *asked, bool(anew)


def test_a_behaviour_known_to_be_absent_is_not_looked_for_again(monkeypatch):
    """The table says 0.1 nats where 0.5 are needed: its number stands in the verdict, and nothing is ablated."""
    able, effect, decided, anew = measured_with(monkeypatch, UNABLE)
    assert able is UNABLE
    assert not effect.tested
    assert decided.word == "not testable here"
    assert "nats saved 0.10 [-0.30, 0.40], and its lower end must be above 0.5" in decided.reason
    assert not anew


def test_a_behaviour_known_to_be_there_is_not_measured_again_and_one_unknown_is(monkeypatch):
    able, effect, decided, anew = measured_with(monkeypatch, ABLE)
    assert (able, effect, decided.word, anew) == (ABLE, HURT, "reproduced", False)
    able, _, decided, anew = measured_with(monkeypatch, None)
    assert able.task == "repeated-tokens"
    assert (decided.word, anew) == ("reproduced", True)


def test_an_unmeasured_behaviour_is_not_testable():
    assert decide(able=None, cause=CauseResult(False, "no tokenizer")).word == "not testable here"


def test_too_few_sets_are_undecided_and_it_is_said():
    few = CauseResult(True, None, 1.0, 5.0, (1.0,) * 5, True, False, 4.0, (3.5, 4.4), 1 / 6, False)
    decided = decide(cause=few)
    assert decided.word == "partly"
    assert "undecided" in decided.reason
    assert "only 5 such sets, too few for a rank of 5 %" in decided.reason


@pytest.mark.parametrize("head_type", ["previous-token", "duplicate-token", "induction", "successor"])
def test_detectors_know_their_own_id(head_type):
    assert load_detector(head_type).id == head_type
