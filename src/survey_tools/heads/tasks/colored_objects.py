"""Colored objects: `On the table there are a red pencil, a blue cup and a green ring. What color is the cup?` -> blue.

The first, the second and the third object are asked about equally often; the wrong answers are the colors of the
other two. The twin asks about another object of the same list, as the detection of content gatherers wants it.
Source: merullo-2023-circuit-reuse, which puts one solved example in front; ours has none, so that prompts stay short.
"""

from __future__ import annotations

from itertools import combinations, cycle
from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.colors import COLORS
from survey_tools.heads.words.objects import OBJECTS

FRAMES = (
    "On the table there are {_list}. What color is the {asked}? The {asked2} is",
    "Question: A box holds {_list}. What is the color of the {asked}?\nAnswer: The {asked2} is",
    "She bought {_list}. The color of the {asked} is",
    "There are {_list} on the shelf. We look for the {asked}. The color of the {asked2} is",
    "I packed {_list}. Of these, the {asked} is",
)
ITEMS = 450


def _items() -> list[Item]:
    random = Random("colored-objects")
    triples = random.sample(list(combinations(OBJECTS, 3)), ITEMS)
    # which is asked, and whom the twin asks, take turns
    turns = cycle((asked, other) for asked in range(3) for other in range(3) if other != asked)
    items = []
    for number, (triple, (asked, other)) in enumerate(zip(triples, turns, strict=False)):
        objects, colors = random.sample(triple, 3), random.sample(COLORS, 3)
        frame = number // 6 % len(FRAMES)
        items.append(
            Item(
                key=" ".join(sorted(triple)),
                prompt=_prompt(FRAMES[frame], objects, colors, listed=asked, asked=asked),
                right=(f" {colors[asked]}",),
                wrong=tuple(f" {color}" for color in colors if color != colors[asked]),
                frame=frame,
                twin=_prompt(FRAMES[frame], objects, colors, listed=asked, asked=other),
                twin_right=(f" {colors[other]}",),
            )
        )
    return items


def _prompt(frame: str, objects: list[str], colors: list[str], *, listed: int, asked: int) -> Text:
    """The roles of the list are those of the item, in its twin too, so that positions can be compared."""
    phrases = [
        Text.of("a {color} {object}", color=color, object=thing)
        if index == listed
        else Text.of("a {other_color} {other_object}", other_color=color, other_object=thing)
        for index, (color, thing) in enumerate(zip(colors, objects, strict=True))
    ]
    listing = phrases[0] + ", " + phrases[1] + " and " + phrases[2]
    again = {"asked2": objects[asked]} if "{asked2}" in frame else {}
    return Text.of(frame, _list=listing, asked=objects[asked], **again)


TASK = TextTask(
    id="colored-objects",
    name="colored objects",
    description="Three objects, each of a color: which color has the one that is asked about?",
    source="merullo-2023-circuit-reuse",
    make=_items,
    roles={
        "object": "the object that is asked about, in the list",
        "color": "its color",
        "other_object": "each of the other two objects",
        "other_color": "the color of each of them",
        "asked": "the object that is asked about, in the question",
        "asked2": "the same, where the answer begins",
    },
    frames=len(FRAMES),
)
