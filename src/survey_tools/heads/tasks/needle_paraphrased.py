"""A needle in a haystack, asked in other words: the answer follows no word of the question, so induction can't find it.

`At the mill the guard waits for maple to be whispered. ... What is the password of the mill?` -> maple. Only the place
is named in both, several words before the answer. Otherwise as the literal task: three more needles of the same kind,
each asked once, any depth, two answers exchanged in the twin. Source: wu-2024-retrieval-head; all sentences are ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.haystack import ROLES, haystack_items
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.words.haystacks import NEEDLES


def _items() -> list[Item]:
    return haystack_items("needle-paraphrased", lambda kind: kind.paraphrase, lambda kind: kind.question)


TASK = TextTask(
    id="needle-paraphrased",
    name="finding a needle asked in other words",
    description="One of seven sentences holds the answer to a question that is asked in other words.",
    source="wu-2024-retrieval-head",
    make=_items,
    roles=ROLES,
    frames=len(NEEDLES),
)
