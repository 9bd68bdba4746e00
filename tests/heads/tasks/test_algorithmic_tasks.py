"""Tasks that need a rule or a look-up in the context: answers recomputed from the words, balance, roles, twins."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import torch

from survey_tools.heads.prompts.task import Item
from survey_tools.heads.tasks import (
    acronyms,
    arithmetic,
    colored_objects,
    docstring_arguments,
    greater_than,
    in_context_bigrams,
    list_results,
    markov_chains,
    multi_piece_words,
    running_parity,
)
from survey_tools.heads.tasks.running_parity import chain
from survey_tools.heads.words.acronym_words import FIRST, LAST, MIDDLE
from survey_tools.heads.words.long_words import LONG_WORDS

POOL = torch.arange(1000, 1500)


def _all(module) -> tuple[Item, ...]:
    return module.TASK.items("dev") + module.TASK.items("test")


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_a_trigger_is_always_followed_by_its_output_and_never_told_in_the_twin():
    drawn = in_context_bigrams.TASK.draw(POOL, 5, 40, _generator())
    for tokens, twin, trigger, output, scored in zip(
        drawn.tokens, drawn.twin, drawn.roles["trigger"], drawn.roles["output"], drawn.scored, strict=True
    ):
        pairs = Counter(zip(tokens[trigger].tolist(), tokens[output].tolist(), strict=True))
        assert len(pairs) == 4
        assert set(pairs.values()) == {3}
        assert scored.sum() == 8
        assert not (scored & ~output).any()
        for place in scored.nonzero()[:, 0].tolist():
            before = tokens[: place - 1].tolist()
            assert tokens[before.index(tokens[place - 1]) + 1] == tokens[place]
            assert twin[place - 1] not in twin[: place - 1]
        assert torch.equal(tokens[~trigger], twin[~trigger])


def test_a_small_pool_makes_shorter_bigram_prompts():
    assert in_context_bigrams.TASK.draw(POOL[:20], 2, 40, _generator()).tokens.shape == (2, 20)


def test_markov_twins_keep_the_scored_half_and_the_counts_of_the_first():
    drawn = markov_chains.TASK.draw(POOL, 20, 65, _generator())
    assert drawn.tokens.shape == (20, 64)
    assert torch.equal(drawn.tokens[:, 31:], drawn.twin[:, 31:])
    assert torch.equal(drawn.tokens.sort(1).values, drawn.twin.sort(1).values)
    assert not torch.equal(drawn.tokens, drawn.twin)
    assert torch.equal(drawn.scored, drawn.roles["second half"])
    assert all(1 <= len(set(row.tolist())) <= 8 for row in drawn.tokens)


def test_greater_than_has_one_answer_on_each_side_and_balanced_decades():
    right, wrong = Counter(), Counter()
    for item in _all(greater_than):
        start = int(item.prompt.passages("start")[0])
        assert int(item.wrong[0]) < start < int(item.right[0])
        assert item.twin.passages("start") == ("01",)
        assert int(item.wrong[0]) > 1
        right[item.right[0][0]] += 1
        wrong[item.wrong[0][0]] += 1
    assert all(right[digit] == wrong[digit] > 0 for digit in "234567")
    assert not set("01") & set(right)
    assert not set("89") & set(wrong)


def test_acronyms_ask_for_the_third_letter():
    right, wrong = Counter(), Counter()
    for item in _all(acronyms):
        words = [item.prompt.passages(role)[0] for role in ("w1", "w2", "w3")]
        assert [word[0] for word in words[:2]] == [item.prompt.passages(role)[0] for role in ("l1", "l2")]
        assert item.right[0].strip() == words[2][0]
        assert item.twin_right[0].strip() == item.twin.passages("w3")[0][0]
        right[item.right[0].strip()] += 1
        wrong.update(option.strip() for option in item.wrong)
    assert max(right.values()) - min(right.values()) <= 2  # a name drawn twice is made once
    assert all(abs(wrong[letter] - 3 * right[letter]) <= 6 for letter in right)


def test_each_letter_begins_words_of_all_three_places():
    assert {w[0] for w in FIRST} == {w[0] for w in MIDDLE} == {w[0] for w in LAST}


def test_colored_objects_ask_about_every_place_equally():
    places = Counter()
    for item in _all(colored_objects):
        listed = {thing: color for color, thing in re.findall(r"a (\w+) (\w+)(?:,| and|\.| on)", item.prompt.text)}
        assert len(listed) == 3
        asked, other = item.prompt.passages("asked")[0], item.twin.passages("asked")[0]
        assert item.right == (f" {listed[asked]}",)
        assert item.twin_right == (f" {listed[other]}",) != item.right
        assert item.prompt.passages("object") == (asked,)
        assert item.prompt.passages("color") == (listed[asked],)
        places[list(listed).index(asked)] += 1
    assert set(places.values()) == {150}


def test_docstrings_ask_for_the_argument_after_the_last_described():
    places = Counter()
    for item in _all(docstring_arguments):
        for text, answer in ((item.prompt, item.right), (item.twin, item.twin_right)):
            names = [name for name in re.search(r"\((.*)\)", text.text)[1].split(", ") if name != "self"]
            described = list(text.passages("described"))
            assert names[: len(described)] == described
            assert answer == (f" {names[len(described)]}",)
        assert item.prompt.text.endswith(item.prompt.passages("announcement")[0])
        assert sum(name.strip() in item.prompt.text for name in item.wrong) >= 3
        places[len(described)] += 1
    assert places == {1: 210, 2: 210}


def test_arithmetic_asks_both_operators_with_the_same_answers():
    pairs: dict[str, list[Item]] = {}
    for item in _all(arithmetic):
        one, other = (int(item.prompt.passages(role)[0]) for role in ("operand1", "operand2"))
        operator = item.prompt.passages("operator")[0]
        assert int(item.right[0]) == (one + other if operator in ("+", "plus") else one - other)
        assert len({option[1] for option in (*item.right, *item.wrong)}) == 4
        assert item.prompt.text.endswith(item.prompt.passages("equals")[0])
        pairs.setdefault(item.key, []).append(item)
    for first, second in pairs.values():
        assert {*first.right, *first.wrong} == {*second.right, *second.wrong}
        assert first.twin == second.prompt
        assert first.twin_right == second.right != first.right


def test_a_chain_marks_the_item_to_be_read_and_the_last_state():
    text = chain("bits{_items}{end::}{_steps}", [1, 0, 1, 1], [1, 1])
    assert text.text == "bits 1 0 1 1: 1 1"
    assert text.passages("item") == ("1", "0", "1", "1")
    assert text.passages("step") == ("1", "1")
    place = {role: [span.start for span in text.spans if span.role == role] for role in text.roles}
    assert (place["read"], place["state"], place["end"]) == ([9], [16], [12])


def test_parity_is_told_by_no_single_number():
    kinds = Counter()
    for item in _all(running_parity):
        bits, steps = ([int(x) for x in item.prompt.passages(role)] for role in ("item", "step"))
        assert steps == [sum(bits[: t + 1]) % 2 for t in range(len(steps))]
        assert item.right == (f" {sum(bits[: len(steps) + 1]) % 2}",)
        assert item.twin_right == item.wrong
        assert item.twin.passages("step") == item.prompt.passages("step")
        kinds[steps[-1], bits[len(steps)]] += 1
    assert len(kinds) == 4
    assert max(kinds.values()) == min(kinds.values())


@pytest.mark.parametrize("place", range(len(list_results.FRAMES)))
def test_listed_results_follow_their_rule_and_no_rank_is_right_more_often(place):
    rule = ("copy", "copy", "sum", "sum", "largest", "largest")[place]
    ranks = Counter()
    for item in _all(list_results):
        if item.frame != place:
            continue
        for text, answer in ((item.prompt, item.right), (item.twin, item.twin_right)):
            numbers, steps = ([int(x) for x in text.passages(role)] for role in ("item", "step"))
            seen = numbers[: len(steps) + 1]
            assert answer == (f" { {'copy': seen[-1], 'sum': sum(seen), 'largest': max(seen)}[rule] }",)
        options = sorted((*item.right, *item.wrong))
        assert len(set(options)) == 4
        ranks[options.index(item.right[0])] += 1
    assert ranks == dict.fromkeys(range(4), 24)


def test_long_words_are_right_and_wrong_equally_often():
    right, wrong = Counter(), Counter()
    for item in _all(multi_piece_words):
        assert item.right == (f" {item.prompt.passages('word')[0]}",)
        assert item.twin_right == (f" {item.twin.passages('word')[0]}",) != item.right
        right.update(item.right)
        wrong.update(item.wrong)
    assert len(set(LONG_WORDS)) == len(LONG_WORDS) == len(right)
    assert set(right.values()) == {3}
    assert set(wrong.values()) == {9}
