"""The interception point against each family's own eager attention."""

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from survey_tools.errors import ArchitectureRefused
from survey_tools.heads.capture import attention_at
from survey_tools.heads.interception import attach, intercept

TOLERANCE = 1e-5


def eager(network, tokens, **arguments):
    network.set_attn_implementation("eager")
    with torch.no_grad():
        return network(tokens, output_attentions=True, use_cache=False, **arguments)


def all_pairs(length):
    return torch.cartesian_prod(torch.arange(length), torch.arange(length))


def relative(a, b):
    return float((a - b).abs().max() / b.abs().max().clamp_min(1.0))


def test_logits_and_every_pair_equal_eager(network, tokens):
    expected = eager(network, tokens)
    read = {}

    def tap(call):
        read[call.layer] = call.attention_at(all_pairs(tokens.shape[1]))

    with torch.no_grad(), intercept(network, tap, lse=True):
        logits = network(tokens, use_cache=False).logits
    assert relative(logits, expected.logits) < TOLERANCE
    assert len(read) == len(expected.attentions)
    for layer, pattern in enumerate(expected.attentions):
        assert float((read[layer].reshape(pattern.shape) - pattern).abs().max()) < TOLERANCE


def test_reference_pattern_equals_pairs(network, tokens):
    """The slow reference (the whole pattern, blockwise) against the fast road (pairs from the log-sum-exp)."""
    patterns = {}
    with torch.no_grad(), intercept(network, lambda call: patterns.__setitem__(call.layer, call.pattern())):
        network(tokens, use_cache=False)
    pairs = attention_at(network, tokens, all_pairs(tokens.shape[1]))
    for layer, pattern in patterns.items():
        assert float((pairs[layer].reshape(pattern.shape) - pattern).abs().max()) < TOLERANCE


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_is_masked(network, family, tokens, side):
    mask = torch.ones_like(tokens)
    hidden = slice(0, 9) if side == "left" else slice(-9, None)
    mask[1, hidden] = 0
    expected = eager(network, tokens, attention_mask=mask)
    with torch.no_grad(), intercept(network):
        logits = network(tokens, attention_mask=mask, use_cache=False).logits
    assert relative(logits[mask.bool()], expected.logits[mask.bool()]) < TOLERANCE


def test_a_window_hides_far_keys(make, tokens):
    network = make("mistral")
    far = attention_at(network, tokens, torch.tensor([[31, 10], [31, 23], [31, 24], [31, 31]]))
    for layer in far:
        assert float(layer[..., :2].abs().max()) == 0.0, "8 back and more are outside the window"
        assert float(layer[..., 2:].min()) > 0.0


def test_sinks_take_attention(make, tokens):
    """With a sink the rows sum to less than one."""
    rows = torch.tensor([[7, key] for key in range(8)])
    sums = [layer.sum(-1) for layer in attention_at(make("gpt_oss"), tokens, rows)]
    assert all(float(total.max()) < 1.0 for total in sums)


def test_future_keys_get_nothing(make, tokens):
    for layer in attention_at(make("llama"), tokens, torch.tensor([[3, 4], [3, 31]])):
        assert float(layer.abs().max()) == 0.0


def test_encoders_see_both_sides(make, tokens):
    assert float(attention_at(make("bert"), tokens, torch.tensor([[3, 20]]))[0].min()) > 0.0


def test_layers_and_heads_are_counted(network, family):
    facts = attach(network)
    assert facts.layers == 3
    assert facts.heads == (4, 4, 4)
    assert facts.d_heads == (8, 8, 8)
    assert len(set(facts.paths)) == 3


def test_the_networks_own_attention_is_put_back(network, tokens):
    network.set_attn_implementation("eager")
    with pytest.raises(RuntimeError, match="on purpose"), intercept(network):
        raise RuntimeError("on purpose")
    assert network.config._attn_implementation == "eager"


def test_an_edited_z_goes_on(make, tokens):
    network = make("llama")
    with torch.no_grad(), intercept(network, lambda call: torch.zeros_like(call.z)):
        silenced = network(tokens, use_cache=False).logits
    with torch.no_grad():
        plain = network(tokens, use_cache=False).logits
    assert relative(silenced, plain) > 0.1


def test_lower_precision_stays_close(make, tokens):
    network = make("llama", dtype=torch.bfloat16)
    expected = eager(network, tokens).attentions[0].float()
    found = attention_at(network, tokens, all_pairs(32))[0].reshape(expected.shape)
    assert float((found - expected).abs().max()) < 0.02


def test_blockwise_and_fused_agree_on_long_prompts():
    """More than one block of query rows, grouped key heads, a float mask."""
    from survey_tools.heads.arithmetic import AttentionInputs, _blockwise, _fused

    generator = torch.Generator().manual_seed(0)
    q = torch.randn(1, 4, 600, 16, generator=generator)
    k, v = (torch.randn(1, 2, 600, 16, generator=generator) for _ in range(2))
    window = torch.arange(600)[None, :] > torch.arange(600)[:, None] - 50
    mask = (torch.ones(600, 600).tril().bool() & window)[None, None]
    for inputs in (
        AttentionInputs(q, k, v, None, causal=True, scaling=0.25),
        AttentionInputs(q, k, v, mask, causal=False, scaling=0.25),
    ):
        for slow, fast in zip(_blockwise(inputs), _fused(inputs), strict=True):
            assert float((slow - fast).abs().max()) < TOLERANCE


# ---------------------------------------------------------------- refusals


def test_a_family_that_bypasses_the_interface_is_refused():
    from transformers import BloomConfig, BloomForCausalLM

    network = BloomForCausalLM(BloomConfig(vocab_size=100, hidden_size=32, n_layer=2, n_head=4)).eval()
    with pytest.raises(ArchitectureRefused, match="bloom computes attention without the interface"):
        attach(network)


def test_nan_in_the_weights_is_refused():
    network = GPT2LMHeadModel(GPT2Config(vocab_size=50, n_positions=32, n_embd=16, n_layer=1, n_head=2)).eval()
    network.transformer.h[0].attn.c_attn.weight.data[0, 0] = float("nan")
    with pytest.raises(ArchitectureRefused, match=r"c_attn\.weight of this gpt2 holds NaN"):
        attach(network)


def test_an_encoder_decoder_is_refused():
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(vocab_size=50, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    with pytest.raises(ArchitectureRefused, match="encoder-decoder"):
        attach(T5ForConditionalGeneration(config).eval())


def test_an_unknown_argument_is_refused(make, tokens):
    """A keyword that could change the scores must not be ignored."""
    from survey_tools.heads.interception import _attention

    q = torch.zeros(1, 2, 4, 8)
    with pytest.raises(ArchitectureRefused, match="position_bias"):
        _attention(torch.nn.Identity(), q, q, q, None, position_bias=torch.zeros(1))


def test_wrong_numbers_are_refused(make, monkeypatch):
    """The self-check at attach time: an attention that is off by a little is not served."""
    from survey_tools.heads import interception

    right = interception.attend
    monkeypatch.setattr(interception, "attend", lambda *a, **k: (right(*a, **k)[0] * 1.01, right(*a, **k)[1]))
    with pytest.raises(ArchitectureRefused, match="differ from its own eager attention"):
        attach(make("llama"))


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen3"])
def test_a_lost_padding_mask_is_refused(make, monkeypatch, family):
    """Padding is on the left: on the right the causal flag alone would hide that the mask got lost."""
    from survey_tools.heads import interception

    right = interception._inputs

    def forgetful(module, query, key, value, mask, *rest):
        return right(module, query, key, value, None, *rest)

    monkeypatch.setattr(interception, "_inputs", forgetful)
    with pytest.raises(ArchitectureRefused, match="differ from its own eager attention"):
        attach(make(family))


def test_a_lost_causal_flag_is_refused(make, monkeypatch):
    """The road without any mask, which every detection takes, is compared too."""
    import dataclasses

    from survey_tools.heads import interception

    right = interception._inputs
    monkeypatch.setattr(interception, "_inputs", lambda *a: dataclasses.replace(right(*a), causal=False))
    with pytest.raises(ArchitectureRefused, match="differ from its own eager attention"):
        attach(make("llama"))


def test_a_lost_window_is_refused(make, monkeypatch):
    """The self-check is longer than the window of the model."""
    import dataclasses

    from survey_tools.heads import interception

    right = interception._inputs

    def wide(*arguments):
        inputs = right(*arguments)
        seen = torch.ones(inputs.q.shape[2], inputs.k.shape[2], dtype=torch.bool).tril()
        return inputs if inputs.mask is None else dataclasses.replace(inputs, mask=seen[None, None])

    network = make("mistral")
    monkeypatch.setattr(interception, "_inputs", wide)
    with pytest.raises(ArchitectureRefused, match="differ from its own eager attention"):
        attach(network)


def test_nan_scores_stay_nan(make, tokens):
    """A broken score must not pass for no attention."""
    from survey_tools.heads.arithmetic import AttentionInputs, attend, pair_attention

    q = torch.ones(1, 1, 4, 8)
    q[0, 0, 2] = float("nan")
    inputs = AttentionInputs(q, torch.ones(1, 1, 4, 8), torch.ones(1, 1, 4, 8), None, causal=True, scaling=1.0)
    lse = attend(inputs, want_lse=True)[1]
    read = pair_attention(inputs, lse, torch.tensor([[1, 0], [2, 0]]))[0, 0]
    assert float(read[0]) == pytest.approx(0.5)
    assert torch.isnan(read[1])


def test_pairs_outside_the_prompt_are_refused(make, tokens):
    from survey_tools.errors import DetectionError

    with pytest.raises(DetectionError, match="names position 32, but the prompts have 32 tokens"):
        attention_at(make("llama"), tokens, torch.tensor([[32, 0]]))
