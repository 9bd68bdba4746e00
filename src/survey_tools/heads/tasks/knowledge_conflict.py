"""Knowledge conflict: `The capital of France is Rome. The capital of France is` -> Rome, as the context says.

Right is what the context states, wrong what is true. Every attribute is stated as often as it is true, so that liking
one of them wins nothing. Half of the prompts ask in the words of the statement, where repeating is enough, half in
other words. The twin states the truth. Source: ortu-2024-competition (the question in other words as in jin-2024-ph3);
facts and frames are ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.options import others
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.facts import PLACES, Relation

FRAMES = (
    "{statement}. {question}",
    "Redefine: {statement}. {question}",
    "Imagine a story. {statement}. {question}",
    "This is new: {statement}. {question}",
    "Take this as given. {statement}. {question}",
)


def _items() -> list[Item]:
    return [item for relation in PLACES for item in _of_relation(relation)]


def _of_relation(relation: Relation) -> list[Item]:
    attributes = [attribute for _, attribute in relation.facts]
    words = [len(attribute.split()) for attribute in attributes]
    stated = others(
        attributes,
        seed=f"conflict {relation.name}",
        count=1,
        letters=relation.letters,
        alike=lambda i, j: words[i] == words[j],
    )
    items = []
    for i, (subject, true) in enumerate(relation.facts):
        false = attributes[stated[i][0]]
        for index, frame in enumerate(FRAMES):
            wording = relation.frames[(i + index) % len(relation.frames)]
            asked = relation.frames[(i + index + (i + index) // len(relation.frames) % 2) % len(relation.frames)]
            items.append(
                Item(
                    key=f"{relation.name}: {subject}",
                    prompt=_text(frame, wording, asked, subject, false),
                    right=(f" {false}",),
                    wrong=(f" {true}",),
                    frame=index,
                    twin=_text(frame, wording, asked, subject, true),
                    twin_right=(f" {true}",),
                )
            )
    return items


def _text(frame: str, wording: str, asked: str, subject: str, attribute: str) -> Text:
    stated = wording.replace("{subject}", "{stated_subject}").replace("{relation:", "{stated_relation:")
    return Text.of(
        frame,
        statement=Text.of(f"{stated} {{context_answer}}", stated_subject=subject, context_answer=attribute),
        question=Text.of(asked, subject=subject),
    )


TASK = TextTask(
    id="knowledge-conflict",
    name="following the context against known facts",
    description="A sentence states something false about a place and then asks for it: does the context win?",
    source="ortu-2024-competition",
    make=_items,
    roles={
        "statement": "the false sentence",
        "stated_subject": "what it is about",
        "stated_relation": "the words that say what it states of it",
        "context_answer": "the attribute that it gives",
        "question": "the sentence to be continued",
        "subject": "what that is about: the same again",
        "relation": "the words that say what is asked of it",
    },
    frames=len(FRAMES),
)
