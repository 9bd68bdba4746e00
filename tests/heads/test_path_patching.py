"""Path patching: identities, the planted path, and a slow reference written with plain hooks."""

import pytest
import torch
from test_patching import INDUCTION, PREVIOUS_TOKEN, circuit, differing

from survey_tools.errors import ArchitectureRefused, DetectionError
from survey_tools.heads.capture import all_heads, last_logits
from survey_tools.heads.interception import intercept
from survey_tools.heads.interventions.edits import Patch, edit_tap, record_z
from survey_tools.heads.interventions.path_patching import PathPatching, Receiver, path_patching_effects

__all__ = ["circuit"]


def test_the_planted_path_leads_into_the_keys_alone(circuit):
    """Previous-token to induction: all of it through K, nothing through Q and V."""
    network, tokens, twins, difference = circuit
    paths = PathPatching(network, tokens, twins)
    effect = {
        name: float(
            (difference(paths.to_heads([PREVIOUS_TOKEN], [Receiver(INDUCTION, name)])) - difference(paths.clean)).mean()
        )
        for name in ("q", "k", "v")
    }
    assert effect["k"] == pytest.approx(-24, abs=0.05)
    assert effect["q"] == pytest.approx(0, abs=1e-4)
    assert effect["v"] == pytest.approx(0, abs=1e-4)


def test_only_the_induction_head_writes_to_the_logits(circuit):
    network, tokens, twins, difference = circuit
    found = path_patching_effects(network, tokens, twins, difference)
    by_head = dict(zip(found.heads, found.effect.mean(1).tolist(), strict=True))
    assert by_head.pop(INDUCTION) == pytest.approx(-24, abs=0.05)
    assert max(abs(effect) for effect in by_head.values()) < 0.01


def test_all_senders_below_a_receiver_are_tried(circuit):
    network, tokens, twins, difference = circuit
    found = path_patching_effects(network, tokens, twins, difference, [Receiver(INDUCTION, "k")])
    assert found.heads == tuple((0, head) for head in range(6))
    assert found.effect.mean(1).argmin() == PREVIOUS_TOKEN[1]


def test_a_metric_that_gives_no_number_a_prompt_is_refused(circuit):
    network, tokens, twins, _ = circuit
    with pytest.raises(DetectionError, match="expected one number a prompt"):
        path_patching_effects(network, tokens, twins, lambda logits: logits.mean())


@pytest.mark.parametrize("freeze_mlps", [False, True])
@pytest.mark.parametrize("family", ["llama", "gemma2", "gpt_oss", "gpt2"])
def test_patching_from_the_same_run_changes_nothing(make, family, freeze_mlps):
    network = make(family)
    tokens, _, _ = differing(network)
    paths = PathPatching(network, tokens, tokens, freeze_mlps=freeze_mlps)
    receivers = [Receiver((2, 1), "q"), Receiver((2, 0), "k"), Receiver((1, 3), "v")]
    assert torch.allclose(paths.to_heads([(0, 1)], receivers), paths.clean, atol=1e-5)
    assert torch.allclose(paths.to_logits([(0, 1), (1, 0)]), paths.clean, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "gemma2", "mistral", "gpt2", "gpt_neox"])
def test_all_inputs_of_all_heads_above_and_the_last_layer(make, family):
    """From the last layer nothing but the direct path leads on; into every input of every head of layer 1 goes all
    that heads of layer 0 do through heads of layer 1, so with its direct path frozen out nothing else is left."""
    network = make(family)
    tokens, other, _ = differing(network)
    paths = PathPatching(network, tokens, other)
    with torch.no_grad(), intercept(network, edit_tap(network, Patch(record_z(network, other), heads=[(2, 3)]))):
        total = last_logits(network, tokens, 1)
    assert torch.allclose(paths.to_logits([(2, 3)]), total, atol=1e-5)
    everything = [Receiver((1, head), name) for head in range(4) for name in ("q", "k", "v")]
    through = paths.to_heads([(0, 2)], everything)
    z = _z_of_layer_1(network, tokens, other)
    with torch.no_grad(), intercept(network, edit_tap(network, Patch(z, heads=[(1, head) for head in range(4)]))):
        assert torch.allclose(through, last_logits(network, tokens, 1), atol=1e-4)


def _z_of_layer_1(network, tokens, other):
    """z of layer 1 when L0H2 is patched: layer 1 sees layer 0 by direct paths alone."""
    seen = []
    tap = edit_tap(network, Patch(record_z(network, other), heads=[(0, 2)]))
    with torch.no_grad(), intercept(network, tap, lambda call: seen.append(call.z.clone())):
        network(tokens, use_cache=False)
    return seen


@pytest.mark.parametrize("name", ["q", "k", "v"])
def test_a_path_is_what_plain_hooks_make_of_it(make, name):
    """Slow reference for Llama without shared keys: projections' slices are swapped, o_proj's inputs frozen."""
    network = make("gpt2")  # one key head for each query head
    tokens, other, _ = differing(network)
    blocks, width = network.transformer.h, 8
    clean, swapped = record_z(network, tokens), record_z(network, other)

    def frozen(layer):
        def hook(_module, _arguments):
            z = clean[layer].clone()
            if layer == 0:
                z[:, :, 1] = swapped[0][:, :, 1]
            return (z.flatten(2),)

        return blocks[layer].attn.c_proj.register_forward_pre_hook(hook)

    seen = []
    hooks = [frozen(0), frozen(1), blocks[2].attn.c_attn.register_forward_hook(lambda _m, _i, out: seen.append(out))]
    with torch.no_grad():
        network(tokens, use_cache=False)
    for hook in hooks:
        hook.remove()
    start = "qkv".index(name) * 32 + 3 * width

    def put(_module, _arguments, output):
        output = output.clone()
        output[..., start : start + width] = seen[0][..., start : start + width]
        return output

    hook = blocks[2].attn.c_attn.register_forward_hook(put)
    with torch.no_grad():
        expected = last_logits(network, tokens, 1)
    hook.remove()
    found = PathPatching(network, tokens, other).to_heads([(0, 1)], [Receiver((2, 3), name)])
    assert torch.allclose(found, expected, atol=1e-5)
    assert (found - last_logits(network, tokens, 1)).abs().max() > 1e-3


def test_partners_of_the_key_group_are_left_alone(make):
    """Two query heads share a key head; only the one that was named gets the changed keys."""
    network = make("llama")
    tokens, other, _ = differing(network)
    paths, seen = PathPatching(network, tokens, other), []
    clean = record_z(network, tokens)
    run = paths._run
    paths._run = lambda *taps: run(*taps, lambda call: seen.append((call.layer, call.z)))
    paths.to_heads([(0, 0)], [Receiver((2, 1), "k")])
    z = [z for layer, z in seen if layer == 2][-1]
    assert (z - clean[2]).abs().amax((0, 1, 3))[1] > 1e-3
    assert torch.equal(z[:, :, [0, 2, 3]], clean[2][:, :, [0, 2, 3]])


def test_frozen_mlps_leave_the_residual_stream(make):
    """Without MLPs and heads between, a write of the first layer reaches the last norm as it is."""
    network = make("llama")
    tokens, other, _ = differing(network)
    free, frozen = (PathPatching(network, tokens, other, freeze_mlps=freeze) for freeze in (False, True))
    assert (free.to_logits([(0, 1)]) - frozen.to_logits([(0, 1)])).abs().max() > 1e-2
    write = (record_z(network, other)[0] - record_z(network, tokens)[0])[:, :, 1] @ (
        network.model.layers[0].self_attn.o_proj.weight[:, 8:16].T
    )
    caught = []
    hook = network.model.norm.register_forward_pre_hook(lambda _m, x: caught.append(x[0]))
    with torch.no_grad():
        network(tokens, use_cache=False)
        hook.remove()
        expected = network.lm_head(network.model.norm(caught[0] + write))[:, -1:]
    assert torch.allclose(frozen.to_logits([(0, 1)]), expected, atol=1e-4)


def test_paths_that_do_not_exist_are_refused(make, monkeypatch):
    network = make("llama")
    tokens, other, _ = differing(network)
    paths = PathPatching(network, tokens, other)
    with pytest.raises(DetectionError, match="no path leads from layer 1 to L1H2"):
        paths.to_heads([(1, 0)], [Receiver((1, 2), "q")])
    with pytest.raises(DetectionError, match="L3H0 does not exist"):
        paths.to_logits([(3, 0)])
    assert paths.to_heads([(0, 0)], []) is paths.clean
    monkeypatch.setattr("survey_tools.heads.interventions.path_patching.mlp_of", lambda block: None)
    with pytest.raises(ArchitectureRefused, match=r"MLP of .* was not found"):
        PathPatching(network, tokens, other, freeze_mlps=True)


def test_senders_of_every_layer_have_a_direct_path(make):
    network = make("gpt2")
    tokens, other, metric = differing(network)
    found = path_patching_effects(network, tokens, other, metric, positions=-1)
    assert list(found.heads) == list(all_heads(network))
    assert found.effect.abs().amax(1).min() > 1e-3
