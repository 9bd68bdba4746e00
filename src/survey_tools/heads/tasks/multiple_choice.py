"""Multiple choice with letters: an easy question, options A to D, and the answer is a letter.

Every question comes in four rotations, so that each letter is right once and each option stands once at each letter.
The twin has the same options two places on: another letter is right, and the words are the same. Sources:
lieberum-2023-chinchilla-mcqa, wiegreffe-2024-answer-assemble-ace; the questions are ours.
"""

from __future__ import annotations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.questions import MULTIPLE_CHOICE

ITEMS = 40
"""Prompts of a causal check."""
SYMBOLS = ("A", "B", "C", "D")
LAYOUTS = (
    ("{question}\n{choices}\nAnswer with one letter.\n{cue:Answer:}", "{symbol}. {option}"),
    ("Question: {question}\n{choices}\nWhich letter is right?\n{cue:Answer:}", "{symbol}) {option}"),
    ("{question} Choose a letter.\n{choices}\n{cue:Answer:}", "{symbol}: {option}"),
    ("Answer with A, B, C or D.\n{question}\n{choices}\n{cue:Answer:}", "{symbol}. {option}"),
    ("{question}\n{choices}\nThe letter of the right option?\n{cue:Answer:}", "({symbol}) {option}"),
)
"""How the whole is laid out, and one line of it."""


def _items() -> list[Item]:
    items = []
    for number, (question, *options) in enumerate(MULTIPLE_CHOICE):
        frame = number % len(LAYOUTS)
        for place, symbol in enumerate(SYMBOLS):
            other = (place + 2) % len(SYMBOLS)
            items.append(
                Item(
                    key=question,
                    prompt=_asked(frame, question, options, place),
                    right=(f" {symbol}",),
                    wrong=tuple(f" {wrong}" for wrong in SYMBOLS if wrong != symbol),
                    frame=frame,
                    twin=_asked(frame, question, options, other),
                    twin_right=(f" {SYMBOLS[other]}",),
                )
            )
    return items


def _asked(frame: int, question: str, options: list[str], place: int) -> Text:
    """The question with its first option, the right one, at `place`, and the others after it in their order."""
    layout, line = LAYOUTS[frame]
    lines = Text("")
    for index, symbol in enumerate(SYMBOLS):
        option = options[index - place]
        letter, words = (
            (Text.of("{right_letter}", right_letter=symbol), Text.of("{right_option}", right_option=option))
            if index == place
            else (Text(symbol), Text(option))
        )
        lines += Text.of(line, symbol=letter, option=words) + ("\n" if index < len(SYMBOLS) - 1 else "")
    return Text.of(layout, question=question, choices=lines)


TASK = TextTask(
    id="multiple-choice",
    name="multiple choice with letters",
    description="An easy question with four options: which letter has the right one?",
    source="lieberum-2023-chinchilla-mcqa",
    make=_items,
    roles={
        "question": "the question",
        "choices": "the four lines of options",
        "symbol": "the letters A to D in order",
        "option": "the words of the options, in the order of their letters",
        "right_letter": "the letter of the right option",
        "right_option": "the words of the right option",
        "cue": "the word after which the letter is said",
    },
    frames=len(LAYOUTS),
    form="request",
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
