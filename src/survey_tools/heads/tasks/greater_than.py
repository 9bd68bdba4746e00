"""Greater-than: `The war lasted from the year 1732 to the year 17` -> a year after 1732.

One answer has a higher decade than the start, one a lower, so that tokenizers that write digits and those that write
whole numbers are asked the same. The digits of `CHAINS` balance the answers: neighbours of a chain are the wrong and
the right decade of one question, so every digit from 2 to 7 is as often right as wrong. What cannot be balanced: the
right answer is the larger one, and 0, 1 are never right, 8, 9 never wrong. The twin, which begins in year 01 so that
both answers are later, tells how much of a score is a mere taste for larger numbers. Source: hanna-2023-greater-than.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.years import CENTURIES, LASTING

CHAINS = (
    (0, 2, 4, 6, 8), (1, 3, 5, 7, 9), (0, 3, 6, 9), (0, 2, 5, 8), (1, 4, 7, 9), (0, 4, 8), (1, 5, 9), (1, 3, 6, 8),
    (0, 5, 7, 9), (1, 4, 6, 8),
)  # fmt: skip
FRAMES = (
    "The {event} lasted from the year {century}{start} to the year {century2}",
    "The {event} began in the year {century}{start} and ended in the year {century2}",
    "Begun in the year {century}{start}, the {event} was over in the year {century2}",
    "The {event} started in {century}{start} and went on until {century2}",
    "It is known that the {event} ran from {century}{start} to {century2}",
)
TIMES = 16
"""Questions made of each pair of decades."""


def _items() -> list[Item]:
    random = Random("greater-than")
    pairs = [pair for chain in CHAINS for pair in pairwise(chain)] * TIMES
    items: dict[str, Item] = {}
    for number, (below, above) in enumerate(pairs):
        while (item := _item(number, below, above, random)).prompt.text in items:
            pass
        items[item.prompt.text] = item
    return list(items.values())


def _item(number: int, below: int, above: int, random: Random) -> Item:
    event, century = random.choice(LASTING), CENTURIES[number % len(CENTURIES)]
    start = f"{random.randrange(below + 1, above)}{random.randrange(10)}"
    last = random.randrange(2, 10)  # after year 01, where the twin begins
    index = random.randrange(len(FRAMES))

    def prompt(year: str) -> Text:
        return Text.of(FRAMES[index], event=event, century=century, start=year, century2=century)

    return Item(
        key=f"{event} {century}{start}",
        prompt=prompt(start),
        right=(f"{above}{last}",),
        wrong=(f"{below}{last}",),
        frame=index,
        twin=prompt("01"),
    )


TASK = TextTask(
    id="greater-than",
    name="greater-than",
    description="Something begins in a year: the year in which it ends comes later.",
    source="hanna-2023-greater-than",
    make=_items,
    roles={
        "event": "what lasted",
        "century": "the first two digits of the year in which it began",
        "start": "the last two digits of the year in which it began",
        "century2": "the first two digits of the year in which it ended",
    },
    frames=len(FRAMES),
)
