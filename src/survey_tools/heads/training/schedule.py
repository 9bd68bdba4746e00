"""When the learning rate is what, and which steps are kept as checkpoints."""

from __future__ import annotations

import math


def learning_rate(step: int, *, steps: int, warmup: int, highest: float, lowest: float) -> float:
    """A line up to `highest` over the first `warmup` steps, then half a cosine down to `lowest` at `steps`.

    Example: with `warmup=10` it is `highest / 10` at step 0 and `highest` at step 10.
    """
    if step < warmup:
        return highest * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return lowest + (highest - lowest) * (1 + math.cos(math.pi * done)) / 2


def checkpoint_steps(steps: int, count: int) -> tuple[int, ...]:
    """Step 0, and from 1 to `steps` equal ratios, rounded: `count` different steps in all, or all that there are.

    Example: `checkpoint_steps(64, 5)` is `(0, 1, 4, 16, 64)`.
    """
    if steps + 1 <= count:
        return tuple(range(steps + 1))
    if count == 2:
        return (0, steps)
    points = count - 1
    while len(chosen := _ratios(steps, points)) < count:
        points += 1  # early steps that round to the same number count once
    return tuple(sorted(chosen))


def _ratios(steps: int, points: int) -> set[int]:
    return {0, steps, *(round(steps ** (place / max(1, points - 1))) for place in range(points))}
