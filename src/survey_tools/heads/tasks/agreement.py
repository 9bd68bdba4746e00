"""Subject-verb agreement past an attractor: `The keys to the cabinet` -> are.

Another noun stands between the subject and its verb, and nothing but the subject may decide the verb's number. Singular
and plural subjects, and attractors of the same and of the other number, are equally frequent, so that the noun read
last is right half of the time. The twin puts the subject into the other number. The question for heads is that of
gidi-2026-agreement-languages; frames and words are ours.
"""

from __future__ import annotations

from itertools import product

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.nouns import PLACED_THINGS, plural

SINGULAR, PLURAL = NUMBERS = ("singular", "plural")
VERBS = {SINGULAR: (" is", " was", " has"), PLURAL: (" are", " were", " have")}
FRAMES = (
    "The {subject} {preposition} the {attractor}",
    "They say that the {subject} {preposition} the {attractor}",
    "As we all know, the {subject} {preposition} the {attractor}",
    "It is true that the {subject} {preposition} the {attractor}",
    "After all these years, the old {subject} {preposition} the {attractor}",
    "My sister told me that the {subject} {preposition} the new {attractor}",
)
FRAMES_PER_THING = 2


def _items() -> list[Item]:
    return [
        _item((number + turn) % len(FRAMES), thing, subject, attractor)
        for number, thing in enumerate(PLACED_THINGS)
        for turn in range(FRAMES_PER_THING)
        for subject, attractor in product(NUMBERS, repeat=2)
    ]


def _item(frame: int, thing: tuple[str, str, str], subject: str, attractor: str) -> Item:
    other = PLURAL if subject == SINGULAR else SINGULAR
    return Item(
        key=" ".join(thing),
        prompt=_prompt(frame, thing, subject, attractor),
        right=VERBS[subject],
        wrong=VERBS[other],
        frame=frame,
        twin=_prompt(frame, thing, other, attractor),
        twin_right=VERBS[other],
        label=subject,
    )


def _prompt(frame: int, thing: tuple[str, str, str], subject: str, attractor: str) -> Text:
    head, preposition, place = thing
    return Text.of(
        "{statement}",
        statement=Text.of(
            FRAMES[frame],
            subject=plural(head) if subject == PLURAL else head,
            preposition=preposition,
            attractor=plural(place) if attractor == PLURAL else place,
        ),
    )


TASK = TextTask(
    id="agreement",
    name="subject-verb agreement",
    description="A singular or plural subject, then another noun: which number does the verb have?",
    source="gidi-2026-agreement-languages",
    make=_items,
    roles={
        "subject": "the noun that the verb agrees with",
        "preposition": "what stands between the two nouns",
        "attractor": "the noun in between, which the verb must not agree with",
        "statement": "the whole beginning of the sentence",
    },
    frames=len(FRAMES),
    labels=NUMBERS,
    labelled_role="statement",
)
