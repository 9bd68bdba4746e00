"""Translation to Spanish or French, few-shot: `dog -> perro`, `red -> rojo`, `sun -> sol`, `house ->` casa.

Every pair is the query once in each of five formats. Wrong are three outputs of other pairs, one of them shown, and the
query itself. In the twin the demonstrations' outputs are shuffled. Source: todd-2023-function-vectors; the words are
ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.few_shot import BLIND, FORMATS, ROLES, few_shot_items
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.words.translations import FRENCH, SPANISH


def _items() -> list[Item]:
    return few_shot_items(SPANISH, seed="Spanish") + few_shot_items(FRENCH, seed="French")


TASK = TextTask(
    id="translation",
    name="translating a word",
    description="Three English words are shown in Spanish or in French: what is a fourth in that language?",
    source="todd-2023-function-vectors",
    make=_items,
    roles=ROLES,
    frames=len(FORMATS),
    needed=BLIND,
)
