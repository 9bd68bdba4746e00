"""Indirect object identification: `When Mary and John went to the store, John gave a drink to` -> Mary.

Half of the prompts name the indirect object first (ABBA), half the subject (BABA). The twin says the other name again,
so that its answer is the other one. Source: wang-2022-ioi; frames and names are ours.
"""

from __future__ import annotations

from itertools import combinations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.frames import INDIRECT_OBJECT_FRAMES
from survey_tools.heads.words.people import NAMES

ITEMS = 20
"""Prompts of a causal check."""


def _items() -> list[Item]:
    items = []
    for number, (one, other) in enumerate(combinations(NAMES, 2)):
        for index, frame in enumerate(INDIRECT_OBJECT_FRAMES):
            # each pair of names in every frame; who is the subject and who stands first take turns
            subject, io = (one, other) if (number + index) % 2 else (other, one)
            subject_first = (number + index) // 2 % 2 == 1
            items.append(_item(frame, index, io, subject, subject_first))
    return items


def _item(frame: str, index: int, io: str, subject: str, subject_first: bool) -> Item:
    first, second = ("{s1}", "{io}") if subject_first else ("{io}", "{s1}")
    marked = frame.replace("{A}", first).replace("{B}", second).replace("{S}", "{s2}")
    return Item(
        key=" ".join(sorted((io, subject))),
        prompt=Text.of(marked, io=io, s1=subject, s2=subject),
        right=(f" {io}",),
        wrong=(f" {subject}",),
        frame=index,
        twin=Text.of(marked, io=io, s1=subject, s2=io),
        twin_right=(f" {subject}",),
    )


TASK = TextTask(
    id="indirect-object",
    name="indirect object identification",
    description="Two people are named, one of them acts: the other is the one who receives.",
    source="wang-2022-ioi",
    make=_items,
    roles={"io": "the indirect object", "s1": "the subject", "s2": "the subject, named again"},
    frames=len(INDIRECT_OBJECT_FRAMES),
)
behaviour = text_behaviour(TASK, ITEMS)
