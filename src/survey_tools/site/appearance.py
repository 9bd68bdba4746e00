"""When does a kind of head appear in a training? Read off the series records, one training (seed) at a time.

At every checkpoint the best head is the one with the largest difference of score and control. The kind has appeared at
the first checkpoint from which on that difference stays at the type's minimum effect or above: at one checkpoint a
head may pass by luck, and be gone at the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from survey_tools.results.series import Checkpoint, SeriesRecord, TaskCurve
from survey_tools.site.elements import plural


@dataclass(frozen=True)
class HeadThere:
    """One head at the last checkpoint, with its score minus its control."""

    layer: int
    head: int
    difference: float


@dataclass(frozen=True)
class Appearance:
    """What one training says of one head type."""

    seed: int
    checkpoints: tuple[Checkpoint, ...]
    best: tuple[float | None, ...]
    """Largest difference of score and control over heads, at each checkpoint; None where no head was measured."""
    first: int | None
    """Index of the checkpoint from which on `best` stays at the minimum effect or above; None: it never does."""
    heads: tuple[HeadThere, ...]
    """Heads that reach the minimum effect at the last checkpoint, largest difference first."""

    @property
    def at(self) -> Checkpoint | None:
        """The checkpoint where the type has appeared."""
        return None if self.first is None else self.checkpoints[self.first]

    @property
    def before(self) -> Checkpoint | None:
        """The last checkpoint where it had not yet; None when it is there from the first on, or never."""
        return self.checkpoints[self.first - 1] if self.first else None


def appearance(record: SeriesRecord) -> Appearance:
    """When the heads of a series appear, and which are there at the end; without a minimum effect none are."""
    at_each = [_differences(record, index) for index in range(len(record.checkpoints))]
    best = tuple(max((there.difference for there in heads), default=None) for heads in at_each)
    needed = record.minimum_effect
    if needed is None:
        return Appearance(record.seed, tuple(record.checkpoints), best, None, ())
    strong = [there for there in at_each[-1] if there.difference >= needed] if at_each else []
    return Appearance(
        seed=record.seed,
        checkpoints=tuple(record.checkpoints),
        best=best,
        first=stays_from(best, needed),
        heads=tuple(sorted(strong, key=lambda there: (-there.difference, there.layer, there.head))),
    )


def _differences(record: SeriesRecord, index: int) -> list[HeadThere]:
    """Every measured head at one checkpoint."""
    return [
        HeadThere(layer, head, round(score - control, 4))
        for layer, rows in enumerate(zip(record.scores[index], record.controls[index], strict=True))
        for head, (score, control) in enumerate(zip(*rows, strict=True))
        if score is not None and control is not None
    ]


def stays_from(values: Sequence[float | None], needed: float) -> int | None:
    """First index from which on every value is `needed` or more; None when the last is not.

    Example: `stays_from([0.3, 0.1, 0.2, 0.5], 0.2)` is 2.
    """
    first = len(values)
    while first > 0 and (value := values[first - 1]) is not None and value >= needed:
        first -= 1
    return first if first < len(values) else None


def loss_at(curve: TaskCurve, checkpoints: Sequence[Checkpoint], there: Checkpoint | None) -> float | None:
    """The loss of a task at a checkpoint of the same training; None where it was not measured."""
    if there is None:
        return None
    return next((loss for known, loss in zip(checkpoints, curve.losses, strict=True) if known.step == there.step), None)


def universal(found: Sequence[Appearance]) -> str:
    """What all trainings have in common, in a sentence with their numbers.

    Example: `Appears in 3 of 3 seeds, between 0.6 and 0.9 million tokens; at the end the best head is in layers 1, 1
    and 2.`
    """
    there = [one for one in found if one.at is not None]
    seeds = plural(len(found), "seed")
    if not there:
        return f"Appears in none of {seeds}." if len(found) > 1 else "Does not appear in the only seed."
    how_many = f"in {len(there)} of {seeds}" if len(found) > 1 else "in the only seed"
    when = _when(sorted(one.at.tokens for one in there if one.at is not None))
    layers = [one.heads[0].layer for one in there]
    if len(layers) == 1:
        where = f"layer {layers[0]}"
    elif len(set(layers)) == 1:
        where = f"layer {layers[0]} in each of them"
    else:
        where = f"layers {', '.join(map(str, layers[:-1]))} and {layers[-1]}"
    return f"Appears {how_many}, {when}; at the end the best head is in {where}."


def _when(tokens: Sequence[int]) -> str:
    low, high = amount(tokens[0]), amount(tokens[-1])
    if low == high:
        return f"by {low} tokens"
    (first, _, unit), (_, _, other) = low.partition(" "), high.partition(" ")
    return f"between {first if unit == other else low} and {high} tokens"


def amount(count: int) -> str:
    """A number of tokens in words: `512`, `65 thousand`, `0.62 million`, `1.3 billion`."""
    for size, least, word in ((1e9, 1e8, "billion"), (1e6, 1e5, "million"), (1e3, 1e3, "thousand")):
        if count >= least:
            share = count / size
            return f"{share:,.0f} {word}" if share >= 9.95 else f"{share:.2g} {word}"
    return str(count)
