"""Extractive question answering: a short invented passage, a question, and an answer that is a span of the passage.

The passage has three spans of one type (cities, people, foods, ...), and each is asked once: a model that copies any
span of the right type is right in a third of the cases. The question uses other words than the passage in most cases.
In the twin two of the spans have changed places. Attribution heads attend to `answer` from the last token. Source:
basu-2025-extractive-qa-circuits; the passages are ours.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.passages import PASSAGES, PEOPLE, Passage

FILLED = 40
"""How often each passage is filled with other words."""
SPANS = 3


def _items() -> list[Item]:
    draw = random.Random("extractive-qa")
    items = []
    for index, passage in enumerate(PASSAGES):
        for number in range(FILLED):
            answers = _begin_differently(passage.answers, draw)
            people = draw.sample(PEOPLE, SPANS)
            for asked in range(SPANS):
                other = (asked + draw.randrange(1, SPANS)) % SPANS
                exchanged = list(answers)
                exchanged[asked], exchanged[other] = answers[other], answers[asked]
                items.append(
                    Item(
                        key=f"{index} {number}",
                        prompt=_text(passage, answers, people, asked),
                        right=(f" {answers[asked]}",),
                        wrong=tuple(f" {answer}" for answer in answers if answer != answers[asked]),
                        frame=index,
                        twin=_text(passage, exchanged, people, asked),
                        twin_right=(f" {answers[other]}",),
                    )
                )
    return items


def _text(passage: Passage, answers: Sequence[str], people: Sequence[str], asked: int) -> Text:
    marked = passage.text
    for place, letter in enumerate("xyz"):
        role = "answer" if place == asked else "other_answer"
        marked = marked.replace(f"{{{letter}}}", f"{{{role}:{answers[place]}}}")
    named = dict(zip("abc", people, strict=True))
    for letter, name in named.items():
        marked = marked.replace(f"{{{letter}}}", name)
    return Text.of(
        "{passage}\nQuestion: {question}\nAnswer: {lead}",
        passage=Text.of(marked),
        question=passage.questions[asked].format(**named),
        lead=passage.leads[asked].format(**named),
    )


def _begin_differently(words: Sequence[str], draw: random.Random) -> list[str]:
    """Some of the words, no two with the same first letter, so that every tokenizer separates them."""
    by_letter = {word[0]: word for word in draw.sample(words, len(words))}
    return draw.sample(list(by_letter.values()), SPANS)


TASK = TextTask(
    id="extractive-qa",
    name="extractive question answering",
    description="A passage has three spans of one type: which of them answers the question?",
    source="basu-2025-extractive-qa-circuits",
    make=_items,
    roles={
        "passage": "the sentences that the answer is found in",
        "answer": "the span that answers the question",
        "other_answer": "a span of the same type that does not",
        "question": "what is asked",
        "lead": "the beginning of the answer's sentence",
    },
    frames=len(PASSAGES),
)
