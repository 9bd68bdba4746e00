"""Running parity, one step of a chain of thought: `bits 1 0 1 1: parity so far 1 1 0` -> 1.

The next parity is the last one, turned over where the bit to be read is 1. Last parity and bit come in all four
combinations equally often, so neither of them, nor 0 or 1, is a good guess. Lengths vary from 5 to 8 bits, and so does
how many steps are written, so that no fixed distance leads to the bit to be read. The twin has that bit turned over,
and so the other answer. Source: cabannes-2024-iteration-head, whose networks are trained for it; a pretrained model
may well be at chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, product
from operator import xor
from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text

FRAMES = (
    "bits{_items}{end:: parity so far}{_steps}",
    "Input:{_items}\nRunning parity{end::}{_steps}",
    "Is the number of ones so far odd (1) or even (0)?{_items}{end: ->}{_steps}",
    "sequence{_items}; running xor{end::}{_steps}",
    "The bits are{_items}. Their parities, one after the other, are{end::}{_steps}",
)
LENGTHS = (5, 6, 7, 8)
EACH = 100
"""Items of each combination of the last parity and the bit to be read."""


def _items() -> list[Item]:
    random = Random("running-parity")
    sequences = [bits for length in LENGTHS for bits in product((0, 1), repeat=length)]
    random.shuffle(sequences)
    made = {(old, bit): 0 for old in (0, 1) for bit in (0, 1)}
    items = []
    for bits in sequences:
        parities = list(accumulate(bits, xor))
        read = random.randrange(1, len(bits))
        combination = parities[read - 1], bits[read]
        if made[combination] < EACH:
            frame = made[combination] % len(FRAMES)
            made[combination] += 1
            items.append(_item(frame, bits, parities, read))
    return items


def _item(frame: int, bits: tuple[int, ...], parities: list[int], read: int) -> Item:
    right, turned = parities[read], 1 - parities[read]
    twin = (*bits[:read], 1 - bits[read], *bits[read + 1 :])
    return Item(
        key="".join(map(str, bits)),
        prompt=chain(FRAMES[frame], bits, parities[:read]),
        right=(f" {right}",),
        wrong=(f" {turned}",),
        frame=frame,
        twin=chain(FRAMES[frame], twin, parities[:read]),
        twin_right=(f" {turned}",),
    )


def chain(frame: str, numbers: Sequence[int], steps: Sequence[int]) -> Text:
    """The numbers read and the steps written so far, in a frame with `_items` and `_steps`; the next step is due."""
    read = len(steps)
    items, written = Text(""), Text("")
    for place, number in enumerate(numbers):
        filling: Text | str = Text.of("{read}", read=str(number)) if place == read else str(number)
        items = items + " " + Text.of("{item}", item=filling)
    for place, step in enumerate(steps):
        filling = Text.of("{state}", state=str(step)) if place == read - 1 else str(step)
        written = written + " " + Text.of("{step}", step=filling)
    return Text.of(frame, _items=items, _steps=written)


TASK = TextTask(
    id="running-parity",
    name="running parity",
    description="Bits, and the parity after each of the first few: what is the next one?",
    source="cabannes-2024-iteration-head",
    make=_items,
    roles={
        "item": "each bit, in order",
        "read": "the bit that the next step reads",
        "end": "what marks the end of the input",
        "step": "each parity written so far, in order",
        "state": "the last of them: the end of the prompt",
    },
    frames=len(FRAMES),
)
