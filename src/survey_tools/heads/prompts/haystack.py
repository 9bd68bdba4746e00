"""Haystacks with several needles of one kind, each of them asked once: being in the context makes no answer right."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from survey_tools.heads.prompts.task import Item
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.haystacks import FILLERS, NEEDLES, PLACES, Needle

HAYSTACKS = 40
"""Haystacks of each kind of needle."""
STATED = 4
"""Needles in a haystack; one is asked, the answers of the others are wrong."""
FILLED = 3
ROLES = {
    "needle": "the sentence with the answer",
    "needle_place": "the place that it is about",
    "answer": "the answer in it",
    "other_needle": "a sentence of the same kind about another place",
    "other_answer": "the answer in that",
    "question": "what is asked, up to where the answer follows",
    "place": "the place in the question",
}


def haystack_items(seed: str, statement: Callable[[Needle], str], question: Callable[[Needle], str]) -> list[Item]:
    """Items over all kinds of needles; `statement` and `question` say which wording of a kind is used.

    Needles and fillers stand in any order, so that the answer is at any depth. In the twin the answer has changed
    places with another, which is right there. Items of one haystack share a key.
    """
    draw = random.Random(seed)
    items = []
    for index, kind in enumerate(NEEDLES):
        for number in range(HAYSTACKS):
            places, answers = draw.sample(PLACES, STATED), _draw_answers(kind, draw)
            order: list[int | str] = [*range(STATED), *draw.sample(FILLERS, FILLED)]
            draw.shuffle(order)
            for asked in range(STATED):
                other = (asked + draw.randrange(1, STATED)) % STATED
                exchanged = list(answers)
                exchanged[asked], exchanged[other] = answers[other], answers[asked]
                ending = Text.of("{question}", question=Text.of(question(kind), place=places[asked]))
                items.append(
                    Item(
                        key=f"{index} {number}",
                        prompt=_haystack(statement(kind), places, answers, order, asked) + ending,
                        right=(f" {answers[asked]}",),
                        wrong=tuple(f" {answer}" for answer in answers if answer != answers[asked]),
                        frame=index,
                        twin=_haystack(statement(kind), places, exchanged, order, asked) + ending,
                        twin_right=(f" {answers[other]}",),
                    )
                )
    return items


def _haystack(
    statement: str, places: Sequence[str], answers: Sequence[str], order: Sequence[int | str], asked: int
) -> Text:
    """The sentences in their order: a number stands for a needle, a string for itself."""
    text = Text("")
    for part in order:
        gap = " " if text.text else ""
        if isinstance(part, str):
            text += f"{gap}{part}"
            continue
        place, answer, needle = (
            ("needle_place", "answer", "needle") if part == asked else ("_", "other_answer", "other_needle")
        )
        marked = statement.replace("{place}", f"{{{place}}}").replace("{answer}", f"{{{answer}}}")
        sentence = Text.of(marked, **{place: places[part], answer: answers[part]})
        text += Text.of(f"{gap}{{{needle}}}", **{needle: sentence})
    return text


def _draw_answers(kind: Needle, draw: random.Random) -> list[str]:
    """Answers that begin differently, so that every tokenizer separates them."""
    by_letter = {answer[0]: answer for answer in draw.sample(kind.answers, len(kind.answers))}
    return draw.sample(list(by_letter.values()), STATED)
