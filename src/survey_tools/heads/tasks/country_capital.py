"""Capitals, few-shot: `France: Paris`, `Kenya: Nairobi`, `Peru: Lima`, `Japan:` -> Tokyo.

Every pair is the query once in each of five formats. Wrong are three outputs of other pairs, one of them shown, and the
query itself. In the twin the demonstrations' outputs are shuffled. Source: todd-2023-function-vectors; the words are
ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.few_shot import BLIND, FORMATS, ROLES, few_shot_items
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.words.geography import CAPITALS


def _items() -> list[Item]:
    return few_shot_items(CAPITALS, seed="country-capital")


TASK = TextTask(
    id="country-capital",
    name="giving the capital of a country",
    description="Three countries with their capitals are shown: what is the capital of a fourth?",
    source="todd-2023-function-vectors",
    make=_items,
    roles=ROLES,
    frames=len(FORMATS),
    needed=BLIND,
)
