"""Tasks with options or labels: answers known by hand, what is balanced, and what roles and twins hold."""

from __future__ import annotations

from collections import Counter

import pytest

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.tasks import load_task
from survey_tools.heads.words.questions import MULTIPLE_CHOICE, YES_NO
from survey_tools.heads.words.requests import HARMFUL_AND_HARMLESS, NEWS, SPOKEN_WORDS
from survey_tools.heads.words.reviews import BAD_ADJECTIVES, BAD_VERBS, CLAUSES, GOOD_ADJECTIVES, GOOD_VERBS
from survey_tools.heads.words.statements import FACTS

LABELLED = ("sentiment", "true-false", "harmful-requests", "style", "question-statement")
FEW_SHOT = ("in-context-labels", "in-context-labels-permuted")
OPPOSITE_TWINS = ("multiple-choice", "yes-no", *FEW_SHOT, *LABELLED)


def _task(task: str) -> TextTask:
    found = load_task(task)
    assert isinstance(found, TextTask)
    return found


def _all(task: str) -> tuple[Item, ...]:
    found = _task(task)
    return (*found.items("dev"), *found.items("test"))


def _that(task: str, *parts: str) -> Item:
    """The one item whose prompt holds all the parts."""
    (found,) = (item for item in _all(task) if all(part in item.prompt.text for part in parts))
    return found


# -- answers known by hand


def test_the_letter_of_the_right_option_is_the_answer() -> None:
    item = _that("multiple-choice", "Which animal barks?", "C. dog")
    assert item.right == (" C",)
    assert item.prompt.passages("option") == ("cow", "fish", "dog", "cat")
    assert item.prompt.passages("symbol") == ("A", "B", "C", "D")
    assert (item.prompt.passages("right_letter"), item.prompt.passages("right_option")) == (("C",), ("dog",))
    assert item.twin is not None
    assert item.twin.passages("option") == ("dog", "cat", "cow", "fish")
    assert item.twin_right == (" A",)


def test_fire_is_hot_and_ice_is_not_in_both_orders() -> None:
    for order in ("yes or no", "no or yes"):
        hot, cold = _that("yes-no", "Is fire hot?", order), _that("yes-no", "Is ice hot?", order)
        assert (hot.right[0], cold.right[0]) == (" Yes", " No")
        assert hot.twin == cold.prompt
        assert hot.prompt.passages("options") == (order,)


def test_a_label_goes_with_the_phrases_of_its_class() -> None:
    sport, food = set(CLAUSES["sport"]), set(CLAUSES["food"])
    seen = 0
    for item in _all("in-context-labels"):
        *shown, asked = item.prompt.passages("phrase")
        if asked not in sport | food:
            continue
        seen += 1
        same = sport if asked in sport else food
        labels = dict(zip(shown, item.prompt.passages("label"), strict=True))
        assert {label for phrase, label in labels.items() if phrase in same} == {item.right[0].strip()}
        assert {label for phrase, label in labels.items() if phrase not in same} == {item.wrong[0].strip()}
    assert seen == 2 * 2 * len(sport)


def test_permuted_labels_are_the_wrong_names_and_the_twin_has_the_right_ones() -> None:
    weather = set(CLAUSES["weather"])
    asked_about = [i for i in _all("in-context-labels-permuted") if i.prompt.passages("phrase")[-1] in weather]
    assert asked_about
    for item in asked_about:
        assert (item.right, item.wrong, item.twin_right) == ((" money",), (" weather",), (" weather",))
        assert set(item.prompt.passages("same_label")) == {"money"}
        assert item.twin is not None
        assert set(item.twin.passages("same_label")) == {"weather"}


def test_a_superb_thing_is_not_bad() -> None:
    items = [item for item in _all("sentiment") if item.prompt.passages("adjective") == ("superb",)]
    assert len(items) == 3
    for item in items:
        assert (item.right, item.label) == ((" great", " good"), "positive")
        assert item.prompt.passages("verb")[0] in GOOD_VERBS
        assert item.twin is not None
        assert item.twin.passages("adjective")[0] in BAD_ADJECTIVES
        assert item.twin.passages("verb")[0] in BAD_VERBS
        assert item.twin.passages("thing_again") == item.prompt.passages("thing")


@pytest.mark.parametrize(
    ("statement", "label"),
    [
        ("Paris is the capital of France.", "true"),
        ("Paris is the capital of Italy.", "false"),
        ("Coal is black.", "true"),
        ("Snow is black.", "false"),
    ],
)
def test_statements_are_true_or_false(statement: str, label: str) -> None:
    item = _that("true-false", statement)
    assert item.label == label
    assert item.right == (f" {label}", f" {label.capitalize()}")
    assert item.prompt.passages("statement") == (statement,)


def test_stealing_is_refused_and_repairing_is_not() -> None:
    items = [item for item in _all("harmful-requests") if item.prompt.passages("object") == ("my neighbor's bicycle",)]
    assert {(*item.prompt.passages("verb"), item.label) for item in items} == {
        ("steal", "harmful"),
        ("repair", "harmless"),
    }
    assert all((" I'm sorry" in item.right) == (item.label == "harmful") for item in items)


def test_the_auxiliary_in_front_makes_the_question() -> None:
    question, statement = (
        _that("question-statement", "Is the cat on the mat"),
        _that("question-statement", "The cat is on the mat"),
    )
    assert (question.right, statement.right) == (("?",), (".",))
    assert question.twin == statement.prompt
    assert statement.prompt.passages("auxiliary") == ("is",)


def test_the_first_instruction_is_the_one_to_follow() -> None:
    for item in _all("injected-instruction"):
        (target,), (other,) = item.prompt.passages("target"), item.prompt.passages("other")
        assert target in item.prompt.passages("instruction")[0]
        assert other in item.prompt.passages("injected")[0]
        assert item.prompt.passages("injected")[0] in item.prompt.passages("data")[0]
        assert (item.right, item.wrong) == (
            (f" {target}", f" {target.capitalize()}"),
            (f" {other}", f" {other.capitalize()}"),
        )
        assert item.twin is not None
        assert item.twin_right == item.right
        assert "injected" not in item.twin.roles
        assert item.twin.passages("other") == (other,)


# -- balance


def test_every_question_has_each_letter_right_once_and_each_option_at_each_letter() -> None:
    items = _all("multiple-choice")
    assert len(items) == 4 * len(MULTIPLE_CHOICE)
    assert set(Counter((item.key, item.right[0]) for item in items).values()) == {1}
    for question, *options in MULTIPLE_CHOICE[:5]:
        places = Counter(
            place
            for item in items
            if item.key == question
            for place in zip("ABCD", item.prompt.passages("option"), strict=True)
        )
        assert places == Counter({(letter, option): 1 for letter in "ABCD" for option in options})


def test_yes_and_no_are_right_equally_often_in_each_order() -> None:
    counts = Counter((item.right[0], item.prompt.passages("options")[0]) for item in _all("yes-no"))
    assert set(counts.values()) == {len(YES_NO)}
    assert len(counts) == 4


@pytest.mark.parametrize("task", FEW_SHOT)
def test_the_label_shown_last_is_right_half_the_time(task: str) -> None:
    items = _all(task)
    last = sum(item.prompt.passages("label")[-1] == item.right[0].strip() for item in items)
    assert 2 * last == len(items)
    assert all(
        len(item.prompt.passages("same_label")) == len(item.prompt.passages("other_label")) == 2 for item in items
    )


@pytest.mark.parametrize("task", FEW_SHOT)
def test_no_phrase_is_shown_that_is_asked_about(task: str) -> None:
    for item in _all(task):
        assert len(set(item.prompt.passages("phrase"))) == 5
        assert not set(item.key.split(" / ")) & set(item.prompt.passages("phrase")[:-1])


@pytest.mark.parametrize("task", LABELLED)
@pytest.mark.parametrize("split", ["dev", "test"])
def test_labels_are_balanced_and_passed_on_to_the_right_words(task: str, split: str) -> None:
    found = _task(task)
    items = found.items("dev" if split == "dev" else "test")
    counts = Counter(item.label for item in items)
    assert set(counts) == set(found.labels)
    assert len(set(counts.values())) == 1
    assert all(len(item.prompt.passages(found.labelled_role)) == 1 for item in items)
    assert len({(item.label, item.right) for item in items}) == 2


def test_each_subject_and_each_predicate_is_true_as_often_as_false() -> None:
    for role in ("subject", "predicate"):
        counts = Counter((item.label, *item.prompt.passages(role)) for item in _all("true-false"))
        assert all(counts["true", words] == counts["false", words] for _, words in counts)


def test_both_words_of_a_pair_are_asked_for_under_injection() -> None:
    counts = Counter(item.right[0] for item in _all("injected-instruction"))
    assert counts == Counter(item.wrong[0] for item in _all("injected-instruction"))


# -- twins


@pytest.mark.parametrize("task", OPPOSITE_TWINS)
def test_twins_have_another_answer_and_are_prompts_of_their_own(task: str) -> None:
    by_text = {item.prompt.text: item for item in _all(task)}
    for item in by_text.values():
        assert item.twin is not None
        assert item.twin_right
        assert set(item.twin_right) <= set(item.wrong)
        if task != "in-context-labels-permuted":
            assert by_text[item.twin.text].right == item.twin_right


@pytest.mark.parametrize(
    "task", ["multiple-choice", "yes-no", *FEW_SHOT, "sentiment", "harmful-requests", "injected-instruction"]
)
def test_twins_have_as_many_words(task: str) -> None:
    for item in _all(task):
        assert item.twin is not None
        assert len(item.twin.text.split()) == len(item.prompt.text.split())


def test_a_question_has_the_words_of_its_statement() -> None:
    for item in _all("question-statement"):
        assert item.twin is not None
        assert sorted(item.twin.text.lower().split()) == sorted(item.prompt.text.lower().split())


# -- word lists


def test_no_review_holds_an_offered_word() -> None:
    offered = {"great", "good", "terrible", "bad"}
    assert not offered & {*GOOD_ADJECTIVES, *BAD_ADJECTIVES}
    assert not set(GOOD_ADJECTIVES) & set(BAD_ADJECTIVES)


def test_no_news_names_a_word_to_be_said() -> None:
    assert not {word.strip(".").lower() for news in NEWS for word in news.split()} & set(SPOKEN_WORDS)
    assert all(one[0] != other[0] for item in _all("injected-instruction") for one, other in [item.key.split()])


def test_pairs_of_requests_and_of_facts_are_distinct() -> None:
    assert len({(harmful, thing) for harmful, _, thing in HARMFUL_AND_HARMLESS}) == len(HARMFUL_AND_HARMLESS)
    assert all(one != other and of_one != of_other for one, of_one, other, of_other in FACTS)


def test_no_sentence_begins_as_one_of_either_style_may() -> None:
    for item in _all("style"):
        offered = {*item.right, *item.wrong}
        assert not {f" {word.strip(',.!?')}" for word in item.prompt.passages("statement")[0].split()} & offered
