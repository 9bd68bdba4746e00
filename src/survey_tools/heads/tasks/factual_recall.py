"""Factual recall: `The capital of France is` -> Paris, against three attributes of other subjects of the relation.

Every attribute is right once and wrong three times for each fact it belongs to, so that no attribute is worth guessing.
The twin asks about another subject with as many words, whose attribute is one of the wrong ones. Subject heads read
`subject`, relation heads `relation`. Source: chughtai-2024-additive-factual-recall; facts and frames are ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.options import others
from survey_tools.heads.prompts.task import FRAMES, Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.facts import RELATIONS, Relation


def _items() -> list[Item]:
    return [item for relation in RELATIONS for item in _of_relation(relation)]


def _of_relation(relation: Relation) -> list[Item]:
    subjects, attributes = zip(*relation.facts, strict=True)
    words = [len(subject.split()) for subject in subjects]
    wrong = others(attributes, seed=relation.name, letters=relation.letters, alike=lambda i, j: words[i] == words[j])
    return [
        Item(
            key=f"{relation.name}: {subjects[i]}",
            prompt=Text.of(frame, subject=subjects[i]),
            right=(f" {attributes[i]}",),
            wrong=tuple(f" {attributes[j]}" for j in wrong[i]),
            frame=index,
            twin=Text.of(frame, subject=subjects[wrong[i][0]]),
            twin_right=(f" {attributes[wrong[i][0]]}",),
        )
        for i in range(len(subjects))
        for index, frame in enumerate(relation.frames)
    ]


TASK = TextTask(
    id="factual-recall",
    name="factual recall",
    description="A subject and a relation are named: which attribute does the subject have?",
    source="chughtai-2024-additive-factual-recall",
    make=_items,
    roles={"subject": "what the fact is about", "relation": "the words that say what is asked of it"},
    frames=FRAMES,
)
