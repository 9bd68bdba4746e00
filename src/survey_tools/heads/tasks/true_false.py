"""True and false statements: `Paris is the capital of Italy. True or false? This is` -> false.

Two true statements of one form make two false ones by exchanging their subjects: every subject and every predicate is
in as many true statements as false ones. The twin has the other subject. Source: li-2023-iti (truth read from heads);
the statements are ours.
"""

from __future__ import annotations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.statements import FACTS

ITEMS = 40
"""Prompts of a causal check."""
FRAMES = (
    "{statement} True or false? {cue:This is}",
    "{statement} Is this true or false? It {cue:is}",
    "Statement: {statement}\nTrue or false?\n{cue:Answer:}",
    "{statement} True or false? This statement {cue:is}",
    'He said: "{statement}" True or false? What he said {cue:is}',
)
TRUE, FALSE = (" true", " True"), (" false", " False")


def _items() -> list[Item]:
    items = []
    for number, (one, of_one, other, of_other) in enumerate(FACTS):
        frame = number % len(FRAMES)
        for predicate, fitting, unfitting in ((of_one, one, other), (of_other, other, one)):
            fact, falsehood = _put(frame, fitting, predicate), _put(frame, unfitting, predicate)
            for text, twin, right, wrong, label in (
                (fact, falsehood, TRUE, FALSE, "true"),
                (falsehood, fact, FALSE, TRUE, "false"),
            ):
                items.append(Item(f"{one} / {other}", text, right, wrong, frame, twin, twin_right=wrong, label=label))
    return items


def _put(frame: int, subject: str, predicate: str) -> Text:
    statement = Text.of("{subject} {predicate}{end:.}", subject=subject, predicate=predicate)
    return Text.of(FRAMES[frame], statement=statement)


TASK = TextTask(
    id="true-false",
    name="true and false statements",
    description="A simple statement of common knowledge: is it true or false?",
    source="li-2023-iti",
    make=_items,
    roles={
        "statement": "the statement",
        "subject": "what it is about",
        "predicate": "what it says of it",
        "end": "its period",
        "cue": "the words after which the answer is said",
    },
    frames=len(FRAMES),
    labels=("true", "false"),
    labelled_role="statement",
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
