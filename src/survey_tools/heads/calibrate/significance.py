"""Exact tests over prompts, and how many finds of many heads may be false."""

from __future__ import annotations

import math
from math import comb

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from survey_tools.errors import DetectionError

FALSE_DISCOVERY_RATE = 0.01
MOST_PROMPTS = 20
"""Sign flips are enumerated: 2 ** 20 of them take a second."""


def sign_flip(differences: Float[Tensor, "prompt item"]) -> Float[Tensor, " item"]:
    """One-sided exact p that the mean difference of each item is above 0, over all 2 ** prompts sign flips.

    Raises DetectionError with more than `MOST_PROMPTS` prompts.
    """
    prompts, items = differences.shape
    if prompts > MOST_PROMPTS:
        raise DetectionError(f"{prompts} prompts: sign flips are enumerated for {MOST_PROMPTS} at most.")
    values = differences.double()
    observed = values.sum(0)
    # flipping a set of prompts lowers the sum by twice the sum over the set, so count the sets of sum <= 0
    half = prompts // 2
    first, second = _subset_sums(values[:half]), _subset_sums(values[half:])
    slack = 1e-12 + 1e-9 * values.abs().sum(0)
    count = torch.zeros(items, dtype=torch.float64)
    for item in range(items):
        ordered = second[:, item].sort().values
        count[item] = torch.searchsorted(ordered, slack[item] - first[:, item], right=True).sum()
    p = count / 2.0**prompts
    return torch.where(observed == 0, torch.ones_like(p), p).float()


def _subset_sums(values: Float[Tensor, "prompt item"]) -> Float[Tensor, "subset item"]:
    sums = torch.zeros(1, values.shape[1], dtype=values.dtype)
    for row in values:
        sums = torch.cat([sums, sums + row])
    return sums


def sign_test(differences: Int[Tensor, "sample item"]) -> Float[Tensor, " item"]:
    """One-sided exact sign test of differences in {-1, 0, 1}; zeros do not count."""
    up, down = (differences > 0).sum(0).tolist(), (differences < 0).sum(0).tolist()
    return torch.tensor([_binomial_tail(u, u + d) for u, d in zip(up, down, strict=True)])


def _binomial_tail(successes: int, trials: int) -> float:
    return float(sum(comb(trials, k) for k in range(successes, trials + 1)) / 2**trials)


def rank_p(as_good: Int[Tensor, " *item"] | int, draws: int) -> Float[Tensor, " *item"]:
    """(1 + draws at least as good) / (1 + draws): the one-sided rank among draws of chance, never 0.

    Example: `rank_p(0, 99)` is 0.01.
    """
    return (1 + torch.as_tensor(as_good)).double() / (1 + draws)


def benjamini_hochberg(p_values: Float[Tensor, " item"], rate: float = FALSE_DISCOVERY_RATE) -> Bool[Tensor, " item"]:
    """Which items are found when a share `rate` of finds may be false (Benjamini and Hochberg's step-up rule)."""
    count = len(p_values)
    order = p_values.argsort()
    below = p_values[order] <= rate * torch.arange(1, count + 1) / count
    passed = torch.zeros(count, dtype=torch.bool)
    if below.any():
        passed[order[: int(below.nonzero().max()) + 1]] = True
    return passed


def require_decidable(samples: int, items: int, what: str) -> None:
    """Raises DetectionError when not even a perfect item could pass, alone among `items`, with so few samples.

    The smallest p of a sign test or sign flip is 2^-samples; a lone item needs `FALSE_DISCOVERY_RATE` / items.
    """
    needed = math.ceil(math.log2(items / FALSE_DISCOVERY_RATE))
    if samples < needed:
        raise DetectionError(
            f"{samples} {what} can't tell one head of {items} from chance, whatever it does; take {needed} or more."
        )


def hardest_control(controls: Float[Tensor, "control sample item"]) -> Float[Tensor, "sample item"]:
    """For every item the one control that is hardest to beat: the largest on average over samples."""
    best = controls.float().mean(1).argmax(0)
    return controls.gather(0, best[None, None].expand(1, controls.shape[1], -1))[0]
