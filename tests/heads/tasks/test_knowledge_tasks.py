"""Facts, conflicts, needles, few-shot functions and passages: answers known by hand, balance, roles, twins."""

from __future__ import annotations

from collections import Counter

import pytest

from survey_tools.heads.prompts.few_shot import few_shot_items
from survey_tools.heads.prompts.options import others
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.tasks import load_task
from survey_tools.heads.words.facts import RELATIONS
from survey_tools.heads.words.haystacks import FILLERS, NEEDLES
from survey_tools.heads.words.passages import PASSAGES

FEW_SHOT = ("antonym", "country-capital", "past-tense", "plural", "translation")
HAYSTACK = ("needle", "needle-paraphrased")


def items_of(task: str) -> list[Item]:
    found = load_task(task)
    assert isinstance(found, TextTask)
    return list(found.make())


def asked(task: str, key: str, frame: int = 0) -> Item:
    return next(item for item in items_of(task) if item.key == key and item.frame == frame)


def test_others_use_every_answer_equally_often_and_never_two_that_begin_alike() -> None:
    answers = ["Paris", "Prague", "Rome", "Oslo", "Bern", "Baku", "Lima", "Tokyo"]
    chosen = others(answers, seed="test")
    assert Counter(j for row in chosen for j in row) == dict.fromkeys(range(8), 3)
    for i, row in enumerate(chosen):
        assert len({answers[j][0] for j in (i, *row)}) == 4


def test_the_first_of_the_others_is_like_the_answer_and_the_choice_is_repeatable() -> None:
    answers = ["a", "b", "c", "d", "e", "f"]
    chosen = others(answers, seed="test", count=2, alike=lambda i, j: i % 2 == j % 2)
    assert all(row[0] % 2 == i % 2 for i, row in enumerate(chosen))
    assert chosen == others(answers, seed="test", count=2, alike=lambda i, j: i % 2 == j % 2)


def test_too_few_kinds_of_answers_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"begin differently for each of .*add kinds of answers"):
        others(["Rome", "Riga", "Oslo"], seed="test")


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("capital of a country: Peru", " Lima"),
        ("country of a city: Osaka", " Japan"),
        ("language of a country: Brazil", " Portuguese"),
        ("currency of a country: Poland", " zloty"),
        ("continent of a country: Uganda", " Africa"),
        ("capital of a state of the USA: Texas", " Austin"),
        ("city of a landmark: Eiffel Tower", " Paris"),
        ("profession of a historic person: Claude Monet", " painter"),
        ("home country of a historic person: Marie Curie", " Poland"),
        ("author of a book: Animal Farm", " George Orwell"),
        ("class of an animal: whale", " mammals"),
    ],
)
def test_facts_of_every_relation(key: str, answer: str) -> None:
    assert asked("factual-recall", key).right == (answer,)


def test_relations_are_at_least_ten_with_at_least_twenty_facts_each() -> None:
    assert len(RELATIONS) >= 10
    for relation in RELATIONS:
        assert len(relation.facts) >= 20
        assert len({subject for subject, _ in relation.facts}) == len(relation.facts)
        assert len(relation.frames) == 5


def test_an_attribute_is_offered_wrong_three_times_as_often_as_right() -> None:
    right: Counter[tuple[str, str]] = Counter()
    wrong: Counter[tuple[str, str]] = Counter()
    for item in items_of("factual-recall"):
        relation = item.key.split(":")[0]
        right.update((relation, option) for option in item.right)
        wrong.update((relation, option) for option in item.wrong)
    assert wrong == {option: 3 * count for option, count in right.items()}


def test_the_twin_of_a_fact_is_about_another_subject_of_as_many_words() -> None:
    for item in items_of("factual-recall"):
        assert item.twin is not None
        (subject,), (other,) = item.prompt.passages("subject"), item.twin.passages("subject")
        assert subject != other
        assert len(subject.split()) == len(other.split())
        assert item.prompt.passages("relation") == item.twin.passages("relation") != ()
        assert item.prompt.text.replace(subject, other) == item.twin.text
        assert set(item.twin_right) <= set(item.wrong)


def test_a_conflict_states_something_false_and_its_twin_the_truth() -> None:
    known = {(relation.name, subject): attribute for relation in RELATIONS for subject, attribute in relation.facts}
    for item in items_of("knowledge-conflict"):
        relation, subject = item.key.split(": ")
        assert item.twin is not None
        assert item.wrong == item.twin_right == (f" {known[relation, subject]}",)
        assert item.right == (f" {item.prompt.passages('context_answer')[0]}",)
        assert item.prompt.passages("subject") == item.prompt.passages("stated_subject") == (subject,)
        assert item.twin.passages("context_answer") == (known[relation, subject],)


def test_half_of_the_conflicts_are_asked_in_other_words() -> None:
    items = items_of("knowledge-conflict")
    repeated = [item.prompt.passages("statement")[0].startswith(item.prompt.passages("question")[0]) for item in items]
    assert 0.45 < sum(repeated) / len(items) < 0.55


def test_what_is_stated_falsely_is_as_often_true_elsewhere() -> None:
    right, wrong = Counter[str](), Counter[str]()
    for item in items_of("knowledge-conflict"):
        right.update(item.key.split(":")[0] + option for option in item.right)
        wrong.update(item.key.split(":")[0] + option for option in item.wrong)
    assert right == wrong


@pytest.mark.parametrize("task", HAYSTACK)
def test_every_needle_of_a_haystack_is_asked_once(task: str) -> None:
    offered: dict[str, list[Item]] = {}
    for item in items_of(task):
        offered.setdefault(item.key, []).append(item)
    for same in offered.values():
        assert len(same) == 4
        assert {item.right[0] for item in same} == {same[0].right[0], *same[0].wrong}
        assert len({option.strip()[0] for option in (*same[0].right, *same[0].wrong)}) == 4


@pytest.mark.parametrize("task", HAYSTACK)
def test_the_needle_holds_the_answer_about_the_place_that_is_asked(task: str) -> None:
    depths = Counter[int]()
    for item in items_of(task):
        assert item.twin is not None
        (needle,), (answer,) = item.prompt.passages("needle"), item.prompt.passages("answer")
        assert f" {answer}" == item.right[0]
        assert answer in needle.split(" ") or f"{answer}." in needle
        assert item.prompt.passages("needle_place") == item.prompt.passages("place")
        assert {f" {other}" for other in item.prompt.passages("other_answer")} == set(item.wrong)
        assert item.twin.passages("answer") == (item.twin_right[0].strip(),)
        assert sorted(item.prompt.text.split()) == sorted(item.twin.text.split()) or needle.endswith(f"{answer}.")
        depths[item.prompt.text[: item.prompt.text.index(needle)].count(".")] += 1
    assert set(depths) == set(range(7))
    assert max(depths.values()) < 1.5 * min(depths.values())


def test_only_the_literal_question_repeats_what_stands_before_the_answer() -> None:
    for item in items_of("needle"):
        assert f"{item.prompt.passages('question')[0].strip()}{item.right[0]}" in item.prompt.passages("needle")[0]
    for item in items_of("needle-paraphrased"):
        before, after = item.prompt.passages("needle")[0].split(item.right[0])
        last, following = before.split()[-1], after.split()[0] if after.split() else ""
        question = item.prompt.passages("question")[0].split("?")[0].split()
        assert following not in question
        assert last not in set(question) - {"the"}


def test_fillers_hold_no_answer() -> None:
    words = {word.strip(".,") for filler in FILLERS for word in filler.lower().split()}
    answers = {answer.lower() for kind in NEEDLES for answer in kind.answers}
    assert len(FILLERS) >= 40
    assert not words & answers


@pytest.mark.parametrize(
    ("task", "key", "answers"),
    [
        ("antonym", "hot", {" cold"}),
        ("country-capital", "Kenya", {" Nairobi"}),
        ("past-tense", "go", {" went"}),
        ("plural", "mouse", {" mice"}),
        ("translation", "house", {" casa", " maison"}),
    ],
)
def test_few_shot_answers(task: str, key: str, answers: set[str]) -> None:
    assert {item.right[0] for item in items_of(task) if item.key == key} == answers


@pytest.mark.parametrize("task", FEW_SHOT)
def test_few_shot_prompts_show_three_pairs_and_their_twins_none(task: str) -> None:
    items = items_of(task)
    pairs = {(item.key, item.right[0].strip()) for item in items}
    for item in items:
        assert item.twin is not None
        shown = list(zip(item.prompt.passages("input"), item.prompt.passages("output"), strict=True))
        shuffled = list(zip(item.twin.passages("input"), item.twin.passages("output"), strict=True))
        assert len(set(shown)) == 3
        assert set(shown) <= pairs
        assert not set(shuffled) & pairs
        assert sorted(item.twin.passages("output")) == sorted(item.prompt.passages("output"))
        assert item.prompt.passages("query") == item.twin.passages("query") == (item.key,)
        assert len(item.prompt.passages("separator")) == 4
        assert item.twin_right == ()


@pytest.mark.parametrize("task", FEW_SHOT)
def test_few_shot_answers_are_never_shown_and_one_wrong_option_always_is(task: str) -> None:
    for item in items_of(task):
        shown = {f" {word}" for word in (*item.prompt.passages("output"), *item.prompt.passages("input"))}
        assert not shown & set(item.right)
        assert len(shown & set(item.wrong)) == 1
        assert f" {item.key}" in item.wrong


def test_a_few_shot_prompt_by_hand() -> None:
    items = few_shot_items([("hot", "cold"), ("big", "small"), ("wet", "dry"), ("up", "below"), ("far", "near"),
                            ("old", "young"), ("good", "evil")], seed="test")  # fmt: skip
    assert items[0].prompt.text.endswith("\n\nQ: hot\nA:")
    assert items[2].prompt.text.endswith("\nhot ->")
    assert items[0].prompt.text.count("Q: ") == 4


def test_every_span_of_a_passage_is_asked_once_and_exchanged_in_the_twin() -> None:
    for item in items_of("extractive-qa"):
        assert item.twin is not None
        assert item.prompt.passages("answer") == (item.right[0].strip(),)
        assert {f" {span}" for span in item.prompt.passages("other_answer")} == set(item.wrong)
        assert item.twin.passages("answer") == (item.twin_right[0].strip(),)
        assert item.twin_right[0] in item.wrong
        assert item.prompt.passages("question") == item.twin.passages("question")
        assert item.right[0].strip() not in item.prompt.passages("question")[0]
    right = Counter((item.key, item.right[0]) for item in items_of("extractive-qa"))
    assert set(right.values()) == {1}
    assert len(right) == len(PASSAGES) * 40 * 3
