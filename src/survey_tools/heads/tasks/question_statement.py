"""Questions and statements with the same words: `is the cat on the mat` -> `?`, `the cat is on the mat` -> `.`.

Only the place of the auxiliary tells them apart; the twin has the other order. The mark itself is the answer and not in
the prompt: what reads it (interrogation heads) puts `right[0]` after it. The task is ours.
"""

from __future__ import annotations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.clauses import PREDICATES, SUBJECTS

ITEMS = 40
"""Prompts of a causal check."""
FRAMES = (
    "{sentence}",
    "The next line of the play: {sentence}",
    "On the wall someone wrote: {sentence}",
    "Then we read the words: {sentence}",
    "Line one of the text: {sentence}",
)


def _items() -> list[Item]:
    items = []
    for row, subject in enumerate(SUBJECTS):
        for column, (auxiliary, rest) in enumerate(PREDICATES):
            frame = (row + column) % len(FRAMES)
            question = _put(frame, f"{{auxiliary:{auxiliary.capitalize()}}} {{subject}} {{rest}}", subject, rest)
            statement = _put(frame, f"{{subject}} {{auxiliary:{auxiliary}}} {{rest}}", subject.capitalize(), rest)
            for text, twin, right, wrong, label in (
                (question, statement, ("?",), (".",), "question"),
                (statement, question, (".",), ("?",), "statement"),
            ):
                key = f"{subject} {auxiliary} {rest}"
                items.append(Item(key, text, right, wrong, frame, twin, twin_right=wrong, label=label))
    return items


def _put(frame: int, order: str, subject: str, rest: str) -> Text:
    return Text.of(FRAMES[frame], sentence=Text.of(order, subject=subject, rest=rest))


TASK = TextTask(
    id="question-statement",
    name="question or statement",
    description="The words of a clause in the order of a question or of a statement: which mark ends it?",
    source=None,
    make=_items,
    roles={
        "sentence": "the clause without its mark",
        "auxiliary": "the verb that stands first in a question",
        "subject": "the subject",
        "rest": "what follows subject and auxiliary",
    },
    frames=len(FRAMES),
    labels=("question", "statement"),
    labelled_role="sentence",
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
