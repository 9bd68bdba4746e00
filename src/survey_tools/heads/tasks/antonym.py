"""Opposites, few-shot: `hot -> cold`, `big -> small`, `wet -> dry`, `early ->` late.

Every pair is the query once in each of five formats. Wrong are three outputs of other pairs, one of them shown, and the
query itself. In the twin the demonstrations' outputs are shuffled. Source: todd-2023-function-vectors; the words are
ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.few_shot import BLIND, FORMATS, ROLES, few_shot_items
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.words.opposites import OPPOSITES


def _items() -> list[Item]:
    return few_shot_items(OPPOSITES, seed="antonym")


TASK = TextTask(
    id="antonym",
    name="giving the opposite",
    description="Three words with their opposites are shown: what is the opposite of a fourth?",
    source="todd-2023-function-vectors",
    make=_items,
    roles=ROLES,
    frames=len(FORMATS),
    needed=BLIND,
)
