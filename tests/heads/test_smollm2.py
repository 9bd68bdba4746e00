"""The embedded model itself: read exactly, and its known heads found by plain attention."""

import pytest
import torch

from survey_tools import load_model
from survey_tools.heads.capture import attention_at
from survey_tools.heads.interception import attach, intercept
from survey_tools.heads.tasks import repeated_tokens

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.fixture(scope="module")
def smollm2():
    return load_model("smollm2-135m-instruct")


@pytest.fixture(scope="module")
def task(smollm2):
    return repeated_tokens.draw(smollm2, 2, 32, 0)


@pytest.fixture(scope="module")
def eager(smollm2, task):
    smollm2.network.set_attn_implementation("eager")
    with torch.no_grad():
        return smollm2.network(task.repeated, output_attentions=True, use_cache=False)


def test_every_layer_is_seen(smollm2):
    facts = attach(smollm2.network)
    assert facts.layers == 30
    assert set(facts.heads) == {9}


def test_logits_equal_eager(smollm2, task, eager):
    with torch.no_grad(), intercept(smollm2.network):
        logits = smollm2.network(task.repeated, use_cache=False).logits
    scale = float(eager.logits.abs().max())
    assert float((logits - eager.logits).abs().max()) / scale < 1e-5


def test_every_pair_equals_eager(smollm2, task, eager):
    length = task.repeated.shape[1]
    pairs = torch.cartesian_prod(torch.arange(length), torch.arange(length))
    read = attention_at(smollm2.network, task.repeated, pairs)
    gaps = [float((a.reshape(b.shape) - b).abs().max()) for a, b in zip(read, eager.attentions, strict=True)]
    assert max(gaps) < 1e-5


def test_the_known_induction_head_is_strongest(smollm2, task):
    pairs = torch.tensor([(row, row - task.half_length + 1) for row in task.rows("second but last")])
    scores = torch.stack([layer.mean((0, 2)) for layer in attention_at(smollm2.network, task.repeated, pairs)])
    strongest = int(scores.argmax())
    assert divmod(strongest, 9) == (18, 6)
    assert float(scores.max()) > 0.8


def test_the_tokenizer_adds_nothing(smollm2):
    assert not smollm2.prepend_bos
