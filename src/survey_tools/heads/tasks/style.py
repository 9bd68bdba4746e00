"""Formal and informal sentences, and how the next one begins: `Moreover` or `Anyway`?

The two sentences of a pair say much the same in about as many words (the formal ones are longer), and neither has a
word that is offered; each is the other's twin. The frames around them are neutral. Source: ma-2025-dress (style read
from heads); sentences are ours.
"""

from __future__ import annotations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.registers import FORMAL_AND_INFORMAL

ITEMS = 40
"""Prompts of a causal check."""
FRAMES = (
    "{statement}",
    "The message was this: {statement}",
    "Here is what she told them: {statement}",
    "We found these words: {statement}",
    "He read aloud: {statement}",
)
IN_FRAMES = 2
"""Of the five, how many each sentence is put into."""
FORMAL = (" Furthermore", " Moreover", " Therefore", " Additionally")
INFORMAL = (" Anyway", " Plus", " So", " Yeah")


def _items() -> list[Item]:
    items = []
    for number, (formal, informal) in enumerate(FORMAL_AND_INFORMAL):
        for turn in range(IN_FRAMES):
            frame = (number + 2 * turn) % len(FRAMES)
            one, other = (Text.of(FRAMES[frame], statement=said) for said in (formal, informal))
            for text, twin, right, wrong, label in (
                (one, other, FORMAL, INFORMAL, "formal"),
                (other, one, INFORMAL, FORMAL, "informal"),
            ):
                items.append(Item(formal, text, right, wrong, frame, twin, twin_right=wrong, label=label))
    return items


TASK = TextTask(
    id="style",
    name="keeping to a style",
    description="A formal or an informal sentence: does the next one begin in the same style?",
    source="ma-2025-dress",
    make=_items,
    roles={"statement": "the sentence whose style is to be kept"},
    frames=len(FRAMES),
    labels=("formal", "informal"),
    labelled_role="statement",
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
