"""Wrong options that can't be told by how often they are offered: every answer is right once and wrong `count` times.

A model that only knows which answers are frequent, or prefers one of them, stays at chance.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

WRONG = 3
TRIES = 50
"""Draws before giving up: an early choice can leave nothing for a later one."""


def others(
    answers: Sequence[str],
    *,
    seed: str,
    count: int = WRONG,
    letters: int = 1,
    alike: Callable[[int, int], bool] = lambda _i, _j: True,
) -> list[tuple[int, ...]]:
    """For every answer the indices of `count` others, so that each index is used `count` times in all.

    The answers of one question differ in their first `letters` letters, so that most tokenizers separate them at their
    first token. `alike(i, j)` must hold for the first one, which serves as the twin. Raises ValueError where no such
    choice is found.

    Example: `others(["Paris", "Rome", "Oslo"], seed="capitals", count=2)` -> each with the two others.
    """
    starts = [answer.strip()[:letters].casefold() for answer in answers]
    draw = random.Random(seed)
    for _ in range(TRIES):
        if chosen := _choose(starts, count, alike, draw):
            return chosen
    raise ValueError(f"no {count} others that all begin differently for each of {list(answers)}; add kinds of answers.")


def _choose(
    starts: Sequence[str], count: int, alike: Callable[[int, int], bool], draw: random.Random
) -> list[tuple[int, ...]] | None:
    """One answer after the other is chosen for all; None where that comes to a dead end."""
    taken = [{start} for start in starts]
    chosen: list[tuple[int, ...]] = [() for _ in starts]
    for turn in range(count):
        allowed = [
            [j for j, start in enumerate(starts) if start not in taken[i] and (turn or alike(i, j))]
            for i in range(len(starts))
        ]
        found = _one_each(allowed, draw)
        if found is None:
            return None
        for i, j in enumerate(found):
            chosen[i] += (j,)
            taken[i].add(starts[j])
    return chosen


def _one_each(allowed: Sequence[list[int]], draw: random.Random) -> list[int] | None:
    """A one-to-one choice from the allowed indices, where there is one: bipartite matching by augmenting paths."""
    for candidates in allowed:
        draw.shuffle(candidates)
    owner: dict[int, int] = {}

    def place(i: int, seen: set[int]) -> bool:
        for j in allowed[i]:
            if j not in seen:
                seen.add(j)
                if j not in owner or place(owner[j], seen):
                    owner[j] = i
                    return True
        return False

    if not all(place(i, set()) for i in range(len(allowed))):
        return None
    return [j for _, j in sorted((i, j) for j, i in owner.items())]
