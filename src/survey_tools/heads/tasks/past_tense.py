"""Past tense, few-shot: `go -> went`, `walk -> walked`, `see -> saw`, `take ->` took.

Every pair is the query once in each of five formats. Wrong are three outputs of other pairs, one of them shown, and the
query itself. In the twin the demonstrations' outputs are shuffled. Source: todd-2023-function-vectors; the words are
ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.few_shot import BLIND, FORMATS, ROLES, few_shot_items
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.words.grammar_forms import PAST_TENSE


def _items() -> list[Item]:
    return few_shot_items(PAST_TENSE, seed="past-tense")


TASK = TextTask(
    id="past-tense",
    name="giving the past tense",
    description="Three verbs with their past tense are shown: what is the past tense of a fourth?",
    source="todd-2023-function-vectors",
    make=_items,
    roles=ROLES,
    frames=len(FORMATS),
    needed=BLIND,
)
