"""Results listed step by step: `Numbers: 3 1 2. Running sum: 3 4` -> 6.

The next result depends on the item to be read and on the last result. Three rules: copy the list, add up, keep the
largest. All items and results are digits. The wrong answers are three other digits, drawn so that the right one is
equally often the smallest, second, third and largest of the four, and taken from the list first where its digits are
results; where the largest is kept, half of the items change it. Even so, guesses fitted to each rule reach `BLIND`, and
that is what a model must exceed. The twin has another item to be read, and one of the wrong answers is right. Lengths
and steps vary, so that no fixed distance leads to the item. Source: cabannes-2024-iteration-head, whose networks are
trained on copying, parity and polynomials; sum and largest are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.tasks.running_parity import chain

Rule = Callable[[int, int], int]
"""From the last result and the item to the next result."""
FRAMES: tuple[tuple[str, Rule], ...] = (
    ("Numbers:{_items}. The same numbers again{end::}{_steps}", lambda _state, item: item),
    ("Read:{_items}\nWrite{end::}{_steps}", lambda _state, item: item),
    ("Numbers:{_items}. Running sum{end::}{_steps}", lambda state, item: state + item),
    ("Add up{_items} one by one. The sums so far are{end::}{_steps}", lambda state, item: state + item),
    ("Numbers:{_items}. Running maximum{end::}{_steps}", max),
    ("The values are{_items}. The largest so far, after each value{end::}{_steps}", max),
)
LENGTHS = (4, 5, 6, 7)
RANKS = tuple((rank, False) for rank in range(4))
RANKS_OF_LARGEST = (
    *((rank, False) for rank in (0, 1, 2, 0, 1, 2)),
    *((rank, True) for rank in (0, 1, 2, 3, 3, 3)),
)
"""Rank of the right answer, and whether the item changes the largest: one that does not can't be followed by more."""
ROUNDS = 96
"""Items of each frame."""
BLIND = 0.6
"""Reached at most, for any rule, by a digit of the list not yet written or by the nearest one not below the last."""


def _items() -> list[Item]:
    random = Random("list-results")
    items: dict[str, Item] = {}
    for turn in range(ROUNDS):
        for frame, (_, rule) in enumerate(FRAMES):
            ranks = RANKS_OF_LARGEST if rule is max else RANKS
            rank, changes = ranks[turn % len(ranks)]
            length = LENGTHS[turn // 12 % len(LENGTHS)]
            while (item := _item(frame, rank, length, changes, random)) is None or item.prompt.text in items:
                pass
            items[item.prompt.text] = item
    return list(items.values())


def _item(frame: int, rank: int, length: int, changes: bool, random: Random) -> Item | None:
    """An item whose right answer has this rank among the four, or None where what was drawn does not allow it."""
    words, rule = FRAMES[frame]
    numbers = [random.randrange(10 if rule(1, 1) == 1 else 4) for _ in range(length)]
    read = random.randrange(1, length)
    results = [numbers[0]]
    for number in numbers[1 : read + 1]:
        results.append(rule(results[-1], number))
    right, state = results[-1], results[-2]
    if right > 9 or (rule is max and changes != (right > state)):
        return None
    # what the step gives with other items to read
    others = {number: rule(state, number) for number in range(10)}
    others = {number: result for number, result in others.items() if result != right and result <= 9}
    if not others:
        return None
    # those of the list, where results are such, or copying any digit would be a good guess; sums are mostly larger
    familiar = set(numbers) if rule(1, 1) == 1 else set()
    other = random.choice(sorted(familiar & set(others) or others))
    twin_right = others[other]
    below = [digit for digit in range(right) if digit != twin_right]
    above = [digit for digit in range(right + 1, 10) if digit != twin_right]
    from_below, from_above = rank - (twin_right < right), 3 - rank - (twin_right > right)
    if not (0 <= from_below <= len(below) and 0 <= from_above <= len(above)):
        return None
    wrong = [twin_right, *_draw(below, from_below, familiar, random), *_draw(above, from_above, familiar, random)]
    twin = [*numbers[:read], other, *numbers[read + 1 :]]
    return Item(
        key=f"{frame} {' '.join(map(str, numbers))}",
        prompt=chain(words, numbers, results[:-1]),
        right=(f" {right}",),
        wrong=tuple(f" {digit}" for digit in wrong),
        frame=frame,
        twin=chain(words, twin, results[:-1]),
        twin_right=(f" {twin_right}",),
    )


def _draw(digits: list[int], count: int, first: set[int], random: Random) -> list[int]:
    """So many of the digits, those of `first` before all others."""
    return sorted(random.sample(digits, len(digits)), key=lambda digit: digit not in first)[:count]


TASK = TextTask(
    id="list-results",
    name="results listed step by step",
    description="A list, and what copying, adding or taking the largest gave after each item: what comes next?",
    source="cabannes-2024-iteration-head",
    make=_items,
    roles={
        "item": "each number of the list, in order",
        "read": "the number that the next step reads",
        "end": "what marks the end of the input",
        "step": "each result written so far, in order",
        "state": "the last of them: the end of the prompt",
    },
    frames=len(FRAMES),
    needed=BLIND,
)
