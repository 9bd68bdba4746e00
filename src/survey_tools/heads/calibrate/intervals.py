"""95 % intervals from the few prompts of a detection: Student's and Wilson's, no bootstrap."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError

# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom; from 30 on the normal approximation below
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045,
)  # fmt: skip
_NORMAL = 1.959964


def student_quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t; past the table, two terms of its expansion around the normal one."""
    if degrees < 1:
        return float("inf")
    if degrees <= len(_STUDENT):
        return _STUDENT[degrees - 1]
    z = _NORMAL
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def share_interval(share: Float[Tensor, " item"], trials: int) -> tuple[Float[Tensor, " item"], Float[Tensor, " item"]]:
    """Wilson's 95 % interval of shares in so many trials, within [0, 1]; it does not collapse when all agree.

    For means of `trials` numbers in [0, 1] that are no mere 0 or 1, it is never too narrow: none vary more.
    """
    middle = (share + _NORMAL**2 / (2 * trials)) / (1 + _NORMAL**2 / trials)
    spread = (share * (1 - share) / trials + _NORMAL**2 / (4 * trials**2)).clamp_min(0).sqrt()
    spread = spread * _NORMAL / (1 + _NORMAL**2 / trials)
    return (middle - spread).clamp_min(0), (middle + spread).clamp_max(1)


def mean_interval(values: Float[Tensor, "sample item"]) -> tuple[Float[Tensor, " item"], Float[Tensor, " item"]]:
    """95 % interval of the mean of each item over independent samples.

    Student's interval; for items whose values are all 0 or 1, Wilson's, which does not collapse when all agree. With
    the few prompts of a detection, a percentile bootstrap would be far too narrow. Raises DetectionError for fewer than
    two samples.
    """
    count = len(values)
    if count < 2:
        raise DetectionError(f"{count} sample gives no interval; take two or more.")
    values = values.float()
    mean = values.mean(0)
    half = student_quantile(count - 1) * values.std(0) / count**0.5
    low, high = share_interval(mean, count)
    binary = ((values == 0) | (values == 1)).all(0)
    return torch.where(binary, low, mean - half), torch.where(binary, high, mean + half)


def effect_interval(found: Float[Tensor, " unit"], random: Float[Tensor, "draw unit"]) -> tuple[float, float]:
    """95 % interval of mean(found) - mean(random) over units (prompts, or groups of prompts that belong together).

    Student's interval over units, widened by the spread of the random sets.
    """
    differences = found - random.mean(0)
    units, draws = len(differences), len(random)
    variance = differences.var(correction=1) / units if units > 1 else torch.tensor(float("inf"))
    if draws > 1:
        variance = variance + random.mean(1).var(correction=1) / draws
    half = student_quantile(units - 1) * float(variance) ** 0.5
    mean = float(differences.mean())
    return mean - half, mean + half
