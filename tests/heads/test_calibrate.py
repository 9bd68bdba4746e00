"""Exact tests, false discovery rate, intervals and nulls, with answers known by hand."""

import itertools
from math import comb

import pytest
import torch

from survey_tools.errors import DetectionError
from survey_tools.heads import calibrate
from survey_tools.heads.capture import attention_at
from survey_tools.heads.interception import attach


def test_sign_flip_of_all_positive_differences_is_the_smallest_possible():
    assert float(calibrate.sign_flip(torch.ones(10, 1))[0]) == pytest.approx(2**-10)


def test_sign_flip_equals_enumeration():
    values = torch.randn(9, 4, generator=torch.Generator().manual_seed(0)) + 0.3
    flips = torch.tensor(list(itertools.product([1.0, -1.0], repeat=9)))
    sums = flips.double() @ values.double()
    expected = (sums >= values.double().sum(0) - 1e-9).double().mean(0)
    assert torch.allclose(calibrate.sign_flip(values).double(), expected, atol=1e-7)


def test_sign_flip_of_nothing_is_one():
    assert float(calibrate.sign_flip(torch.zeros(8, 1))[0]) == 1.0


def test_sign_flip_refuses_what_it_cannot_enumerate():
    with pytest.raises(DetectionError, match="21 prompts"):
        calibrate.sign_flip(torch.ones(21, 1))


def test_sign_test_is_binomial():
    differences = torch.tensor([[1]] * 8 + [[-1]] * 2 + [[0]] * 5)
    expected = sum(comb(10, k) for k in (8, 9, 10)) / 2**10
    assert float(calibrate.sign_test(differences)[0]) == pytest.approx(expected)


def test_benjamini_hochberg_by_hand():
    """At 5 % over four: bounds are .0125, .025, .0375, .05; the third is under its bound, so three pass."""
    p = torch.tensor([0.30, 0.001, 0.036, 0.03])
    assert calibrate.benjamini_hochberg(p, 0.05).tolist() == [False, True, True, True]
    assert not calibrate.benjamini_hochberg(torch.tensor([0.04, 0.06]), 0.05).any()


def test_mean_interval_by_hand():
    """Mean 3, standard deviation 1, n = 4: half-width 3.182 / 2."""
    values = torch.tensor([[2.0], [3.0], [3.0], [4.0]])
    low, high = calibrate.mean_interval(values * 1.0)
    half = 3.182 * float(values.std()) / 2
    assert float(low) == pytest.approx(3 - half, abs=1e-4)
    assert float(high) == pytest.approx(3 + half, abs=1e-4)


def test_an_interval_of_successes_does_not_collapse():
    """Wilson's interval for 20 of 20: 0.839 to 1."""
    low, high = calibrate.mean_interval(torch.ones(20, 1))
    assert float(low) == pytest.approx(0.8389, abs=1e-3)
    assert float(high) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("units", [4, 5, 12])
def test_effect_intervals_keep_their_promise(units):
    """With no effect at all the lower end is above 0 in at most some 2.5 % of experiments, few units or not."""
    generator = torch.Generator().manual_seed(units)
    wrong = 0
    for _ in range(2000):
        shared = torch.randn(units, generator=generator)
        found = shared + torch.randn(units, generator=generator)
        random = shared + torch.randn(50, units, generator=generator)
        wrong += calibrate.effect_interval(found, random)[0] > 0
    assert wrong / 2000 < 0.035


def test_student_quantiles_are_continuous_where_the_table_ends():
    assert calibrate.student_quantile(29) == pytest.approx(2.045)
    assert calibrate.student_quantile(30) == pytest.approx(2.042, abs=2e-3)
    assert calibrate.student_quantile(1000) == pytest.approx(1.962, abs=1e-3)


def test_one_draw_in_a_hundred_exceeds_the_threshold():
    assert calibrate.chance_null(torch.arange(100.0)).threshold == 99.0, "of 100 draws the largest"
    assert calibrate.chance_null(torch.arange(199.0).flip(0)).threshold == 197.0, "of 199 the second largest"
    generator = torch.Generator().manual_seed(0)
    above = [
        float(calibrate.chance_null(draws[:-1]).threshold < draws[-1])
        for draws in torch.rand(2000, 101, generator=generator)
    ]
    assert sum(above) / len(above) < 0.016, "1/101 wanted, a standard error is 0.0022"
    with pytest.raises(DetectionError, match="99 draws are too few"):
        calibrate.chance_null(torch.arange(99.0))


def test_random_rotations_are_orthogonal_and_fair():
    turned = calibrate.random_rotations(400, 4, torch.Generator().manual_seed(0))
    assert torch.allclose(turned @ turned.transpose(1, 2), torch.eye(4).expand(400, 4, 4), atol=1e-5)
    assert float(turned.mean(0).abs().max()) < 0.1, "QR alone would leave signs that do not average out"


# ---------------------------------------------------------------- the null that turns queries

PAIRS = torch.tensor([(row, row - 1) for row in range(1, 32)])


def test_replay_without_a_turn_is_the_model_itself(network, tokens):
    replayed = calibrate.QueryRotation(network, tokens).draw(lambda call: call.attention_at(PAIRS), None)
    for fast, plain in zip(replayed, attention_at(network, tokens, PAIRS), strict=True):
        assert torch.equal(fast, plain)


def test_turned_queries_equal_turned_weights(make, tokens):
    """Slow reference: rotate W_Q of layer 0 itself and run the whole model; before RoPE, bias included."""
    network = make("llama")
    generator = torch.Generator().manual_seed(5)
    drawn = calibrate.QueryRotation(network, tokens).draw(lambda call: call.attention_at(PAIRS), generator)[0]
    turn = calibrate.random_rotations(4, 8, torch.Generator().manual_seed(5))
    projection = network.model.layers[0].self_attn.q_proj
    rows = projection.weight.data.reshape(4, 8, 32)
    projection.weight.data = torch.einsum("hdm,hde->hem", rows, turn).reshape(32, 32)
    assert torch.allclose(drawn, attention_at(network, tokens, PAIRS)[0], atol=1e-5)


def test_a_turn_leaves_the_residual_stream_and_the_model_alone(make, tokens):
    network = make("gpt2")
    before = attention_at(network, tokens, PAIRS)
    rotation = calibrate.QueryRotation(network, tokens)
    first = rotation.draw(lambda call: call.attention_at(PAIRS), torch.Generator().manual_seed(0))
    again = rotation.draw(lambda call: call.attention_at(PAIRS), torch.Generator().manual_seed(0))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(before, attention_at(network, tokens, PAIRS), strict=True))
    assert float((first[2] - before[2]).abs().max()) > 0.05


# ---------------------------------------------------------------- random sets of heads


def test_random_sets_match_the_layers_and_avoid_what_was_found():
    found = [(0, 1), (0, 2), (3, 0)]
    compared = calibrate.random_head_sets(found, [9] * 4, 50, torch.Generator().manual_seed(0))
    assert compared.can_decide
    assert not compared.exhausted
    assert len(set(compared.sets)) == 50
    for heads in compared.sets:
        assert sorted(layer for layer, _ in heads) == [0, 0, 3]
        assert not set(heads) & set(found)


def test_few_sets_are_enumerated_and_cannot_decide():
    compared = calibrate.random_head_sets([(0, 1)], [4, 30], 100, torch.Generator())
    assert compared.exhausted
    assert set(compared.sets) == {((0, 0),), ((0, 2),), ((0, 3),)}
    assert not compared.can_decide, "the best rank of four is one in four"


def test_nineteen_other_sets_can_decide():
    assert calibrate.random_head_sets([(0, 1)], [20], 100, torch.Generator()).can_decide


def test_never_fewer_heads_than_were_found():
    """Seven of nine found: two are left, and sets of two would be an unfair comparison."""
    found = [(0, h) for h in range(7)]
    assert calibrate.random_head_sets(found, [9, 30], 40, torch.Generator()).sets == ()


def test_effect_interval_of_constants():
    low, high = calibrate.effect_interval(torch.full((6,), 3.0), torch.ones(10, 6))
    assert (low, high) == (2.0, 2.0)


def test_attached_facts_are_kept(make):
    network = make("llama")
    assert attach(network) is attach(network)


def test_each_item_has_its_own_kind_of_interval():
    """A head that is right in every prompt keeps Wilson's interval, whatever stands beside it."""
    right = torch.ones(8, 1)
    between = torch.tensor([[0.4], [0.6]]).repeat(4, 1)
    alone, beside = calibrate.mean_interval(right), calibrate.mean_interval(torch.cat([right, between], 1))
    assert float(beside[0][0]) == pytest.approx(float(alone[0][0])) == pytest.approx(0.676, abs=1e-3)
    assert float(beside[0][1]) == pytest.approx(0.5 - 2.365 * 0.10690 / 8**0.5, abs=1e-3)
    with pytest.raises(DetectionError, match="gives no interval"):
        calibrate.mean_interval(right[:1])


def test_too_few_samples_to_decide_are_refused():
    calibrate.require_decidable(11, 18, "prompts")
    with pytest.raises(DetectionError, match=r"10 prompts can't tell one head of 18 .*take 11"):
        calibrate.require_decidable(10, 18, "prompts")
    p = torch.ones(18)
    p[0] = 2.0**-11
    assert calibrate.benjamini_hochberg(p)[0]
    p[0] = 2.0**-10
    assert not calibrate.benjamini_hochberg(p)[0]


def test_a_rank_among_draws_is_never_zero():
    assert float(calibrate.rank_p(0, 99)) == 0.01
    assert calibrate.rank_p(torch.tensor([0, 19, 99]), 99).tolist() == [0.01, 0.2, 1.0]
