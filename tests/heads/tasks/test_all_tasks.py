"""What every task owes its users, whoever writes it: checked for each file in the folder of tasks."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from survey_tools.api import model_source
from survey_tools.errors import DetectionError, ModelUnavailable
from survey_tools.heads.models import LoadedModel, is_cached, prepends_bos, pull
from survey_tools.heads.prompts.rendering import Question, ask, render
from survey_tools.heads.prompts.sequences import SequenceTask, sequences
from survey_tools.heads.prompts.task import ENOUGH, FRAMES, TextTask
from survey_tools.heads.supply.cache import model_folder
from survey_tools.heads.tasks import load_task, task_ids

TASKS = {task: load_task(task) for task in task_ids()}
TEXT = [task for task in TASKS.values() if isinstance(task, TextTask)]
SEQUENCES = [task for task in TASKS.values() if isinstance(task, SequenceTask)]
CAUSAL = ("smollm2-135m-instruct", "gemma-3-270m", "qwen2.5-coder-0.5b-instruct")
ENCODER = "all-minilm-l6-v2"
PAPER = re.compile(r"[a-z]+(-[a-z]+)*-(19|20)\d\d-[a-z0-9]+(-[a-z0-9]+)*")
EVENNESS = 0.2
"""A label's share may be so much off an even one, relatively: two labels may stand at 60 to 40."""

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.id)
each_text_task = pytest.mark.parametrize("task", TEXT, ids=lambda task: task.id)
each_sequence_task = pytest.mark.parametrize("task", SEQUENCES, ids=lambda task: task.id)


def all_items(task):
    return (*task.items("dev"), *task.items("test"))


@each_task
def test_it_says_what_it_is(task):
    for line in (task.name, task.description):
        assert line.strip() == line != ""
        assert "\n" not in line
    assert task.source is None or PAPER.fullmatch(task.source), task.source
    assert all(words.strip() for words in task.roles.values())


def test_names_tell_tasks_apart():
    for attribute in ("name", "description"):
        assert not [said for said, times in Counter(getattr(t, attribute) for t in TASKS.values()).items() if times > 1]


@each_text_task
def test_there_are_enough_items_of_each_split(task):
    assert len(task.items("test")) >= ENOUGH or task.fewer, "say in `fewer` why there are fewer"
    assert not task.fewer or len(task.items("test")) < ENOUGH or task.several_tokens, "`fewer` explains nothing"
    assert len(task.items("dev")) >= 10
    assert len({item.key for item in task.items("test")}) >= 10, "intervals are computed over keys"


@each_text_task
def test_nothing_of_dev_returns_in_test(task):
    dev, test = task.items("dev"), task.items("test")
    assert {item.key for item in dev}.isdisjoint(item.key for item in test)
    assert {item.prompt.text for item in dev}.isdisjoint(item.prompt.text for item in test)


@each_text_task
def test_it_is_made_the_same_every_time(task):
    assert tuple(task.make()) == tuple(task.make())


def digests():
    return {task.id: hashlib.sha256(repr(tuple(task.make())).encode()).hexdigest() for task in TEXT}


def test_another_process_makes_the_same_items():
    """Sets and hashes of strings come in another order there."""
    script = (
        "import hashlib, json, sys\n"
        "from survey_tools.heads.tasks import load_task\n"
        "made = {task: repr(tuple(load_task(task).make())) for task in sys.argv[1:]}\n"
        "print(json.dumps({task: hashlib.sha256(items.encode()).hexdigest() for task, items in made.items()}))\n"
    )
    arguments = [sys.executable, "-c", script, *(task.id for task in TEXT)]
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    found = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == digests()


@each_text_task
def test_frames_are_used_in_the_test(task):
    assert task.frames >= 1
    assert {item.frame for item in task.make()} == set(range(task.frames))
    assert {item.frame for item in task.items("test")} == set(range(task.frames))


@each_text_task
def test_its_prompts_are_well_formed(task):
    for item in all_items(task):
        text = item.prompt.text
        assert text == text.rstrip(" "), "a space belongs to the answer"
        assert "{" not in text or "}" in text, "a field was left unfilled"
        assert item.key
        assert all(option.strip() for option in (*item.right, *item.wrong))
        if item.twin is not None:
            assert item.twin.text != text


@each_text_task
def test_every_role_is_described_and_occurs(task):
    texts = [text for item in all_items(task) for text in (item.prompt, item.twin) if text is not None]
    occurring = set().union(*(text.roles for text in texts))
    assert occurring == set(task.roles)
    assert set(task.several_tokens) <= set(task.roles)
    for item in all_items(task):
        assert item.twin is None or item.twin.roles <= set(task.roles)
        for span in item.prompt.spans:
            assert 0 <= span.start < span.stop <= len(item.prompt.text)


@each_text_task
def test_labels_are_balanced(task):
    if not task.labels:
        assert not task.labelled_role
        return
    assert len(set(task.labels)) == len(task.labels) > 1
    for split in ("dev", "test"):
        counts = Counter(item.label for item in task.items(split))
        even = len(task.items(split)) / len(task.labels)
        assert all(abs(counts[label] / even - 1) <= EVENNESS for label in task.labels), counts
    for item in all_items(task):
        assert item.prompt.passages(task.labelled_role), "the words that the label is about"


@each_text_task
def test_arcs_lie_within_the_prompt(task):
    for item in all_items(task):
        for arc in item.arcs:
            assert {arc.dependent, arc.head} <= item.prompt.roles
            assert arc.dependent != arc.head


@pytest.fixture(scope="module", params=CAUSAL)
def causal(request):
    return tokenizer_of(request.param)


@pytest.fixture(scope="module")
def encoder():
    return tokenizer_of(ENCODER)


def tokenizer_of(model):
    """The two small models are pulled; the others are used where they are at hand."""
    source, _ = model_source(model)
    if model in (CAUSAL[0], ENCODER):
        try:
            folder = pull(model, source)
        except ModelUnavailable as error:
            pytest.skip(f"{model} is not here: {error}")
    elif not is_cached(model, source):
        pytest.skip(f"{model} is not in the cache")
    else:
        folder = model_folder(model, source)
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


def asked(task, tokenizer):
    return [ask(item, task, tokenizer, prepend_bos=prepends_bos(tokenizer)) for item in task.items("test")]


def same_letters(text):
    """Without spaces, cases and accents, which an encoder's tokenizer does not keep."""
    plain = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in plain if not c.isspace() and not unicodedata.combining(c))


@pytest.mark.model
@pytest.mark.slow
@each_text_task
def test_a_language_models_tokenizer_can_ask_it(task, causal):
    found = asked(task, causal)
    questions = [question for question in found if isinstance(question, Question)]
    dropped = Counter(reason for reason in found if isinstance(reason, str))
    assert len(questions) >= ENOUGH or task.fewer, f"{len(questions)} are left, {dict(dropped)} are dropped"
    assert questions
    for question in questions[:ENOUGH]:
        assert question.right
        assert question.wrong
        assert set(question.right).isdisjoint(question.wrong)
        assert_roles_are_found(question.prompt, question.item.prompt, causal)
        if question.twin is not None:
            assert question.twin.tokens != question.prompt.tokens
            assert_roles_are_found(question.twin, question.item.twin, causal)


def assert_roles_are_found(rendered, text, tokenizer):
    """Round trip: the tokens of a role's positions spell its words."""
    assert tokenizer.unk_token_id is None or tokenizer.unk_token_id in tokenizer.all_special_ids
    assert set(rendered.positions) == text.roles
    for role, ranges in rendered.positions.items():
        words = text.passages(role)
        assert len(ranges) == len(words)
        for where, passage in zip(ranges, words, strict=True):
            assert 0 <= where.start < where.stop <= len(rendered.tokens)
            spelled = tokenizer.decode(rendered.tokens[where.start : where.stop], clean_up_tokenization_spaces=False)
            assert passage.strip() in spelled
            inner = [tokenizer.decode([rendered.tokens[at]]) for at in where]
            assert len(spelled) - len(passage.strip()) < len(inner[0]) + len(inner[-1]), "more than the role's tokens"


@pytest.mark.model
@pytest.mark.slow
@each_text_task
def test_an_encoders_tokenizer_reads_it(task, encoder):
    for item in task.items("test")[:ENOUGH]:
        rendered = render(item.prompt, encoder, special=True)
        assert rendered.tokens[0] == encoder.cls_token_id
        assert rendered.tokens[-1] == encoder.sep_token_id
        for role, ranges in rendered.positions.items():
            for where, passage in zip(ranges, item.prompt.passages(role), strict=True):
                spelled = encoder.decode(rendered.tokens[where.start : where.stop]).replace("##", "")
                assert same_letters(passage) in same_letters(spelled)


def word_level(words, unknown="<unk>"):
    words = Tokenizer(models.WordLevel({unknown: 0, **{w: i for i, w in enumerate(words, 1)}}, unk_token=unknown))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, unk_token=unknown)


@each_text_task
def test_an_unknown_word_is_an_error(task):
    """Whatever word is missing from the vocabulary of a tokenizer, no item goes through with a hole in it."""
    item = task.items("test")[0]
    words = list(dict.fromkeys(item.prompt.text.split()))
    answers = [word for option in (*item.right, *item.wrong) for word in option.split()]
    twin = item.twin.text.split() if item.twin else []
    vocabulary = list(dict.fromkeys([*words, *twin, *answers]))
    known = word_level(vocabulary)
    assert 0 not in render(item.prompt, known).tokens
    assert len(render(item.prompt, known).tokens) == len(item.prompt.text.split())
    for missing in (words[0], words[-1]):
        lacking = word_level([word for word in vocabulary if word != missing])
        with pytest.raises(DetectionError, match="has no token for " + re.escape(repr(missing))):
            ask(item, task, lacking)
    with pytest.raises(DetectionError, match="has no token for "):
        ask(item, task, word_level([word for word in vocabulary if word not in answers[:1]]))


@pytest.fixture(scope="module")
def random_model():
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1}
    config = LlamaConfig(vocab_size=3000, hidden_size=4, intermediate_size=4, **sizes)
    return LoadedModel("random", LlamaForCausalLM(config), None, "0" * 64, False)


@each_sequence_task
def test_sequences_and_their_twins(task, random_model):
    drawn = sequences(task, random_model, 20)
    assert drawn.tokens.shape == drawn.twin.shape == drawn.scored.shape
    assert drawn.tokens.shape[0] == 20
    assert task.length // 2 < drawn.tokens.shape[1] <= task.length
    assert drawn.scored.dtype == torch.bool
    assert bool(drawn.scored.any(1).all()), "every prompt has something to predict"
    assert not bool(drawn.scored[:, 0].any()), "nothing tells the first token"
    assert torch.equal(drawn.tokens[drawn.scored], drawn.twin[drawn.scored])
    assert bool((drawn.tokens != drawn.twin).any(1).all()), "the twin lacks what tells them"
    assert set(drawn.roles) == set(task.roles)
    for mask in drawn.roles.values():
        assert mask.shape == drawn.tokens.shape
        assert mask.dtype == torch.bool
        assert bool(mask.any())


@each_sequence_task
def test_sequences_of_one_split_begin_alike_and_the_splits_differ(task, random_model):
    few, many = sequences(task, random_model, 3), sequences(task, random_model, 8)
    assert torch.equal(few.tokens, many.tokens[:3])
    assert torch.equal(few.twin, many.twin[:3])
    dev = sequences(task, random_model, 8, split="dev")
    assert not {tuple(row) for row in dev.tokens.tolist()} & {tuple(row) for row in many.tokens.tolist()}
    assert len({tuple(row) for row in many.tokens.tolist()}) == 8


def test_there_are_tasks_of_both_kinds():
    assert TEXT
    assert SEQUENCES
    assert all(task.frames >= FRAMES for task in TEXT if task.id == "indirect-object")
