"""Yes or no, with both words named in the instruction, in both orders: `Is fire hot? Answer yes or no.` -> Yes.

Each question has a yes and a no form that differ in one word and are each other's twins; each comes with `yes or no`
and with `no or yes`, so that neither the answers nor their order say anything. Source: yu-2024-negative-bias; the
questions are ours.
"""

from __future__ import annotations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.questions import YES_NO

ITEMS = 40
"""Prompts of a causal check."""
FRAMES = (
    "{question} Answer {options}.\n{cue:Answer:}",
    "Answer {options}. {question}\n{cue:Answer:}",
    "Question: {question}\nReply with {options}.\n{cue:Answer:}",
    "Please say {options}: {question}\n{cue:Answer:}",
    "{question} Is it {options}?\n{cue:Answer:}",
)
ORDERS = ("{yes:yes} or {no:no}", "{no:no} or {yes:yes}")
YES, NO = (" Yes", " yes"), (" No", " no")


def _items() -> list[Item]:
    items = []
    for number, (question, yes, no) in enumerate(YES_NO):
        frame = number % len(FRAMES)
        for order in ORDERS:
            for word, other, right, wrong in ((yes, no, YES, NO), (no, yes, NO, YES)):
                items.append(
                    Item(
                        key=question,
                        prompt=_asked(frame, order, question, word),
                        right=right,
                        wrong=wrong,
                        frame=frame,
                        twin=_asked(frame, order, question, other),
                        twin_right=wrong,
                    )
                )
    return items


def _asked(frame: int, order: str, question: str, word: str) -> Text:
    filled = Text.of(question.replace("{}", "{topic}"), topic=word)
    return Text.of(FRAMES[frame], question=filled, options=Text.of(order))


TASK = TextTask(
    id="yes-no",
    name="yes or no",
    description="A question of common knowledge, to be answered with yes or no, both named in either order.",
    source="yu-2024-negative-bias",
    make=_items,
    roles={
        "question": "the question",
        "topic": "the word in it that decides the answer",
        "options": "the two words of the instruction",
        "yes": "the word yes in the instruction",
        "no": "the word no in the instruction",
        "cue": "the word after which the answer is said",
    },
    frames=len(FRAMES),
    form="request",
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
