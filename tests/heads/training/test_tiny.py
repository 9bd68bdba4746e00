"""The weights in the package: small, quick, and with the heads and behaviours that they were trained for."""

import hashlib
import json

import pytest
import torch

from survey_tools import api
from survey_tools.errors import DetectionError
from survey_tools.heads.capability import score_task
from survey_tools.heads.capture import last_logits
from survey_tools.heads.detectors import load_detector
from survey_tools.heads.methods.controls import find
from survey_tools.heads.prompts.rendering import questions
from survey_tools.heads.prompts.task import TextTask
from survey_tools.heads.settings import Settings
from survey_tools.heads.supply.trained import DATA, packaged_files
from survey_tools.heads.tasks import load_task, repeated_tokens
from survey_tools.heads.training.loop import Training
from survey_tools.heads.training.network import parameter_count
from survey_tools.heads.training.recipe import load_recipe

FILES = packaged_files("tiny", 0)


@pytest.fixture(scope="module")
def tiny():
    return api.load_model("tiny")


@pytest.fixture(scope="module")
def found(tiny):
    """What a detection finds before it asks for the cause."""
    detectors = [load_detector(head_type) for head_type in ("previous-token", "induction")]
    with torch.no_grad():
        judged = find(tiny, detectors, Settings(), lambda _sentence: None)
    return {head_type: one.heads for head_type, one in judged.items()}


def test_the_files_are_small_and_pinned(tiny):
    assert FILES.weights.stat().st_size <= 2_500_000
    assert sum(path.stat().st_size for path in DATA.iterdir() if path.is_file()) <= 3_000_000
    assert hashlib.sha256(FILES.weights.read_bytes()).hexdigest() == tiny.digest == tiny.source.sha256


def test_the_entry_says_what_the_network_is(tiny):
    entry, config = api.load_survey().models["tiny"], tiny.network.config
    shape = entry.shape
    assert (shape.layers, shape.heads, shape.kv_heads) == (
        config.num_hidden_layers, config.num_attention_heads, config.num_key_value_heads,
    )  # fmt: skip
    assert (shape.d_model, shape.d_head) == (config.hidden_size, config.head_dim)
    assert (shape.d_vocab, shape.context) == (config.vocab_size, config.max_position_embeddings)
    assert entry.parameters == parameter_count(tiny.network) <= 1_000_000
    assert tiny.network.get_output_embeddings().weight is tiny.network.get_input_embeddings().weight


def test_it_is_what_the_recipe_trains(tiny):
    """The recipe has the network's shape; a changed recipe needs new weights."""
    recipe = load_recipe("tiny")
    training = Training.of(recipe, 0)
    config = json.loads(FILES.config.read_text())
    assert config["num_hidden_layers"] == recipe.network.layers
    assert {name: tensor.shape for name, tensor in training.network.named_parameters() if "embed" not in name} == {
        name: tensor.shape for name, tensor in tiny.network.named_parameters() if "embed" not in name
    }


def test_every_number_is_one_of_half_precision(tiny):
    for parameter in tiny.network.parameters():
        assert parameter.dtype == torch.float32
        assert torch.equal(parameter, parameter.half().float())


def test_the_second_copy_of_random_tokens_is_told_by_the_first(tiny):
    """Below half a nat a token, where a fresh token costs about six."""
    for half_length in (16, 25, 50):
        task = repeated_tokens.draw(tiny, 32, half_length, seed=7)
        with torch.no_grad():
            logits = last_logits(tiny.network, task.repeated, task.repeated.shape[1])
        log_p = logits[:, :-1].log_softmax(-1).gather(-1, task.repeated[:, 1:, None])[..., 0]
        second = -log_p[:, task.start + half_length :].mean()  # from the first token that its predecessor tells
        first = -log_p[:, : half_length - 1].mean()
        assert float(second) < 0.5
        assert float(first) > 4


@pytest.mark.parametrize("task", ["repeated-tokens", "succession", "indirect-object", "greater-than"])
def test_it_has_the_behaviours_it_was_trained_for(tiny, task):
    score = score_task(tiny, load_task(task), 200)
    assert score.present, score


def test_previous_token_heads_come_before_induction_heads(found):
    assert found["previous-token"]
    assert found["induction"]
    assert max(layer for layer, _ in found["previous-token"]) < min(layer for layer, _ in found["induction"])


def test_without_its_previous_token_heads_it_repeats_nothing(tiny, found):
    task = repeated_tokens.draw(tiny, 16, 25, seed=7)
    keep = task.half_length
    with torch.no_grad():
        logits = api.ablate(tiny, task.repeated, found["previous-token"], keep)[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), task.repeated[:, 1 - keep :].flatten())
    assert float(loss) > 2


def test_every_item_of_its_tasks_can_be_asked(tiny):
    """Words that a task gets later have no token here; then the family has to be trained anew."""
    for task in map(load_task, load_recipe("tiny").mixture):
        if isinstance(task, TextTask):
            assert not questions(task, tiny).dropped


def test_a_task_of_other_words_is_refused(tiny):
    with pytest.raises(DetectionError, match="a word that the tokenizer does not know"):
        score_task(tiny, load_task("country-capital"), 5)
