"""What a small model reads: one token a word, rows that the seed and the step decide, and never a test item."""

from random import Random

import pytest
import torch

from survey_tools.errors import UnknownWord
from survey_tools.heads.models import LoadedModel, prepends_bos
from survey_tools.heads.prompts.offsets import token_offsets
from survey_tools.heads.prompts.rendering import questions
from survey_tools.heads.prompts.sequences import sequences, token_pool
from survey_tools.heads.prompts.task import TextTask
from survey_tools.heads.tasks import load_task
from survey_tools.heads.training.fillers import FILLERS
from survey_tools.heads.training.fresh import FRESH
from survey_tools.heads.training.loop import Training
from survey_tools.heads.training.mixture import Mixture
from survey_tools.heads.training.recipe import load_recipe
from survey_tools.heads.training.vocabulary import BOS, build_tokenizer, vocabulary
from survey_tools.heads.words.years import LASTING

RECIPE = load_recipe("tiny")


@pytest.fixture(scope="module")
def training():
    return Training.of(RECIPE, 0)


@pytest.fixture(scope="module")
def model(training):
    return LoadedModel("tiny", training.network, training.tokenizer, "", prepends_bos(training.tokenizer))


def test_a_word_is_one_token_wherever_it_stands(training):
    tokenizer = training.tokenizer
    ids, offsets = token_offsets(tokenizer, "When Mary, John and Mary got 1732")
    words = tokenizer.convert_ids_to_tokens(ids)
    assert words == ["When", "Mary", ",", "John", "and", "Mary", "got", "1", "7", "3", "2"]
    assert offsets[:3] == [(0, 4), (5, 9), (9, 10)]
    assert tokenizer.encode(" Mary", add_special_tokens=False) == [ids[1]]
    assert tokenizer("Mary")["input_ids"][0] == tokenizer.bos_token_id == 0
    assert prepends_bos(tokenizer)


def test_a_word_that_it_does_not_know_is_refused(training):
    with pytest.raises(UnknownWord, match="xylophones"):
        token_offsets(training.tokenizer, "Mary plays xylophones")


def test_every_item_of_its_tasks_can_be_asked(model):
    for task in map(load_task, RECIPE.mixture):
        if isinstance(task, TextTask):
            asked = questions(task, model)
            assert len(asked.questions) >= 200
            assert not asked.dropped


def test_random_sequences_have_many_words_to_be_made_of(model):
    assert len(token_pool(model)) >= 200
    assert len(FILLERS) == len(set(FILLERS))


def test_words_are_listed_once_and_in_order():
    words = vocabulary([load_task("succession")])
    assert words[0] == BOS
    assert list(words[2:]) == sorted(set(words[2:]))
    assert build_tokenizer(words).convert_ids_to_tokens([5]) == [words[5]]


def test_rows_are_decided_by_seed_and_step_alone(training):
    again = Training.of(RECIPE, 0)
    first = training.mixture.rows(3)
    training.mixture.rows(4)
    for other in (training.mixture.rows(3), again.mixture.rows(3)):
        assert torch.equal(first.tokens, other.tokens)
        assert torch.equal(first.told, other.told)
    assert not torch.equal(first.tokens, training.mixture.rows(4).tokens)
    assert not torch.equal(first.tokens, Training.of(RECIPE, 1).mixture.rows(3).tokens)
    assert first.tokens.shape == (RECIPE.training.rows, RECIPE.network.context)
    assert (first.tokens[:, 0] == 0).all()


def test_only_what_the_context_tells_is_told(training):
    task = load_task("repeated-tokens")
    tokenizer = training.tokenizer
    pool = torch.arange(20, 200)
    sizes = {"rows": 4, "length": 64}
    rows = Mixture([(task, 1.0)], tokenizer, pool, seed=0, **sizes).rows(0)
    for tokens, told in zip(rows.tokens.tolist(), rows.told.tolist(), strict=True):
        begins = max(i for i, token in enumerate(tokens) if token == 0)
        for place in range(1, begins or 64):
            assert told[place] == (tokens[place - 1 : place + 1] in pairs_before(tokens, place))


def pairs_before(tokens, place):
    """Neighbours seen before `place` since the last BOS: a repeated token is told by the first of its pair."""
    start = max(i for i in range(place + 1) if tokens[i] == 0)
    return [tokens[i : i + 2] for i in range(start, place - 1)]


def test_no_test_item_is_ever_read(training):
    """Neither a prompt of a test split with its answer, nor a random sequence of one."""
    tokenizer = training.tokenizer
    model = LoadedModel("tiny", training.network, tokenizer, "", True)
    forbidden: dict[int, set[tuple[int, ...]]] = {}
    for task in map(load_task, RECIPE.mixture):
        if isinstance(task, TextTask):
            kept = [[*q.prompt.tokens[1:], token] for q in questions(task, model).questions for token in q.right]
        else:
            kept = sequences(task, model, 50).tokens[:, 1:21].tolist()
        for tokens in kept:
            forbidden.setdefault(len(tokens), set()).add(tuple(tokens))
    read = 0
    for step in range(60):
        for row in training.mixture.rows(step).tokens.tolist():
            for length, texts in forbidden.items():
                for start in range(len(row) - length + 1):
                    read += 1
                    assert tuple(row[start : start + length]) not in texts
    assert read > 100_000


@pytest.mark.parametrize("task", sorted(FRESH))
def test_a_fresh_draw_is_no_test_item(task):
    keys = {item.prompt.text + answer for item in load_task(task).items("test") for answer in item.right}
    random = Random(1)
    drawn = {FRESH[task](random) for _ in range(3000)}
    assert len(drawn) > 500
    assert not any(key in text for text in drawn for key in keys)


def test_fresh_events_are_none_of_the_task():
    assert not set(FILLERS) & set(LASTING)
