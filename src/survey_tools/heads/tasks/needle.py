"""A needle in a haystack, literally: `... At the mill maple is the password. ... At the mill` -> maple.

The haystack has three more needles of the same kind, and every one of them is asked once, so that a model that copies
any of the four answers is right in a quarter of the cases. The place, the one word that decides, stands next to the
answer, so that induction finds it. The needle stands at any depth. In the twin two answers have changed places. Source:
wu-2024-retrieval-head, at a length that small models read; all sentences are ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.haystack import ROLES, haystack_items
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.words.haystacks import NEEDLES


def _items() -> list[Item]:
    return haystack_items("needle", lambda kind: kind.statement, lambda kind: kind.literal)


TASK = TextTask(
    id="needle",
    name="finding a needle in the words of the question",
    description="One of seven sentences holds the answer, and the question repeats it up to there.",
    source="wu-2024-retrieval-head",
    make=_items,
    roles=ROLES,
    frames=len(NEEDLES),
)
