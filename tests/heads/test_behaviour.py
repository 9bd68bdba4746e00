"""A behaviour's numbers by hand: prompts that belong together count once."""

from types import SimpleNamespace

import pytest
import torch

from survey_tools.errors import DetectionError
from survey_tools.heads.behaviour import Batch, Behaviour, BehaviourRun


def run(success, groups):
    values = torch.tensor(success)
    batch = Batch(torch.zeros(len(values), 3), 1, lambda logits: values, lambda logits: values, groups)
    behaviour = Behaviour("b", "loss", "nats", "higher", "share right", 0.5, 0.5, (batch,))
    return BehaviourRun(behaviour, [SimpleNamespace(clean=None)])


def test_four_of_five_frames_are_five_samples_not_twenty():
    right = [1.0] * 16 + [0.0] * 4
    value, low, high = run(right, torch.arange(5).repeat_interleave(4)).capability()
    assert value == pytest.approx(0.8)
    assert (low, high) == (pytest.approx(0.376, abs=1e-3), pytest.approx(0.964, abs=1e-3))
    assert run(right, None).capability()[1] == pytest.approx(0.584, abs=1e-3)


def test_batches_with_and_without_groups_do_not_mix():
    with_groups, without = run([1.0, 0.0], torch.tensor([0, 1])), run([1.0, 0.0], None)
    both = Behaviour(
        "b", "l", "u", "higher", "c", 0.0, 0.5, (*with_groups.behaviour.batches, *without.behaviour.batches)
    )
    with pytest.raises(DetectionError, match="some batches of b have groups and some have none"):
        BehaviourRun(both, with_groups.reruns * 2).capability()
