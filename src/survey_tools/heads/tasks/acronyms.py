"""Acronyms of three words: `The Global Energy Council (GE` -> C.

The wrong answers are the two letters already written and a letter that is none of the three. All letters come
equally often as first, second, third and other, so no letter is a good guess; who only avoids what is written is right
half of the time, and that is what a model must exceed. The twin has another third word: the letter that was the other
is right. Source: garcia-carrasco-2024-acronyms; the words and frames are ours.

A tokenizer with one token for letters on both sides of the prompt's end can't be asked in the paper's form, `(GE`: such
items are dropped as merged, and most of them are, so other frames spell the letters out: `G, E,`.
"""

from __future__ import annotations

from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.acronym_words import FIRST, LAST, MIDDLE

FRAMES = (
    "The {w1} {w2} {w3} ({l1}{l2}",
    "She works for the {w1} {w2} {w3} ({l1}{l2}",
    "A letter came from the {w1} {w2} {w3} ({l1}{l2}",
    "The {w1} {w2} {w3} is known by its initials: {l1}, {l2},",
    "She works for the {w1} {w2} {w3}, or {l1} {l2}",
    "The letters on the door of the {w1} {w2} {w3} were {l1}, {l2},",
    "First letters of {w1} {w2} {w3}: {l1}, {l2},",
)
"""The first `AS_PUBLISHED` are the paper's form; the others spell the letters out, which every tokenizer can."""
AS_PUBLISHED = 3
LETTERS = sorted({word[0] for word in LAST})
"""Each begins words of all three places."""
ROUNDS = 60
"""Items of each third letter."""
BLIND = 1 / 2
"""Reached by any letter that is not yet written."""


def _items() -> list[Item]:
    random = Random("acronyms")
    items: dict[str, Item] = {}
    for _ in range(ROUNDS):
        # one order of the letters, moved against itself: each comes once a round in each place
        shifts = (0, *random.sample(range(1, len(LETTERS)), 3))
        for start in range(len(LETTERS)):
            first, second, third, other = (LETTERS[(start + shift) % len(LETTERS)] for shift in shifts)
            item = _item(random.randrange(len(FRAMES)), first, second, third, other, random)
            items.setdefault(item.prompt.text, item)
    return list(items.values())


def _item(index: int, first: str, second: str, third: str, other: str, random: Random) -> Item:
    w1, w2, w3, w4 = (
        random.choice([word for word in words if word[0] == letter])
        for words, letter in ((FIRST, first), (MIDDLE, second), (LAST, third), (LAST, other))
    )
    space = "" if index < AS_PUBLISHED else " "
    return Item(
        key=first + second + third,
        prompt=Text.of(FRAMES[index], w1=w1, w2=w2, w3=w3, l1=first, l2=second),
        right=(space + third,),
        wrong=(space + first, space + second, space + other),
        frame=index,
        twin=Text.of(FRAMES[index], w1=w1, w2=w2, w3=w4, l1=first, l2=second),
        twin_right=(space + other,),
    )


TASK = TextTask(
    id="acronyms",
    name="acronyms of three words",
    description="Three capitalised words and the first two letters of their acronym: which is the third?",
    source="garcia-carrasco-2024-acronyms",
    make=_items,
    roles={
        "w1": "the first word",
        "w2": "the second word",
        "w3": "the third word, whose letter is asked for",
        "l1": "the first letter of the acronym",
        "l2": "its second letter, the last thing read",
    },
    frames=len(FRAMES),
    needed=BLIND,
)
