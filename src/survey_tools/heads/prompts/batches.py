"""Which prompts can be run together."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

TOKENS_AT_ONCE = 1024


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Indices of prompts of one length, `TOKENS_AT_ONCE` tokens together at most; shorter prompts first.

    Example: `batches([3, 4, 3])` is `[[0, 2], [1]]`.
    """
    found = []
    for length, same in groupby(sorted(range(len(lengths)), key=lambda i: lengths[i]), key=lambda i: lengths[i]):
        members = list(same)
        size = max(1, TOKENS_AT_ONCE // length)
        found += [members[start : start + size] for start in range(0, len(members), size)]
    return found
