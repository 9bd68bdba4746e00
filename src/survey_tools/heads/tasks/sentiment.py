"""Sentiment of a review in one sentence: `I thought this movie was superb, I loved it. In short, it was` -> great.

The adjective and the verb carry the sentiment; the thing's name, a comma and a period come after them and are where it
may be summed up. The twin has an adjective and a verb of the other sentiment, and the offered words are in no review.
Source: tigges-2023-sentiment; frames and words are ours.
"""

from __future__ import annotations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.reviews import BAD_ADJECTIVES, BAD_VERBS, GOOD_ADJECTIVES, GOOD_VERBS, REVIEWED

ITEMS = 40
"""Prompts of a causal check."""
FRAMES = (
    ("I thought this {thing} was {adjective}{comma:,} I {verb} it{period:.}", "In short, the {thing_again} was"),
    ("We all {verb} the {thing}{comma:,} which was really {adjective}{period:.}", "Overall, the {thing_again} was"),
    ("The {thing} was so {adjective} that everyone {verb} it{period:.}", "To sum up, the {thing_again} was"),
    ("My friends {verb} this {thing}{comma:,} as it was {adjective}{period:.}", "I agree that the {thing_again} is"),
    ("What a {adjective} {thing}{comma:,} my whole family {verb} it{period:.}", "In a word, this {thing_again} is"),
)
"""A review, and the sentence after it that asks for its sentiment."""
IN_FRAMES = 3
"""Of the five, how many each pair of adjectives is put into."""
GOOD, BAD = (" great", " good"), (" terrible", " bad")


def _items() -> list[Item]:
    items = []
    for number, (good, bad) in enumerate(zip(GOOD_ADJECTIVES, BAD_ADJECTIVES, strict=True)):
        for turn in range(IN_FRAMES):
            frame, place = (number + turn) % len(FRAMES), number * IN_FRAMES + turn
            thing, verb = REVIEWED[place % len(REVIEWED)], place // len(REVIEWED) % len(GOOD_VERBS)
            praise = _review(frame, thing, good, GOOD_VERBS[verb])
            blame = _review(frame, thing, bad, BAD_VERBS[verb])
            for text, twin, right, wrong, label in (
                (praise, blame, GOOD, BAD, "positive"),
                (blame, praise, BAD, GOOD, "negative"),
            ):
                items.append(Item(f"{good} / {bad}", text, right, wrong, frame, twin, twin_right=wrong, label=label))
    return items


def _review(frame: int, thing: str, adjective: str, verb: str) -> Text:
    said, asked = FRAMES[frame]
    if "a {adjective}" in said and adjective[0] in "aeiou":
        said = said.replace("a {adjective}", "an {adjective}")
    statement = Text.of(said, thing=thing, adjective=adjective, verb=verb)
    return Text.of("{statement}", statement=statement) + " " + Text.of(asked, thing_again=thing)


TASK = TextTask(
    id="sentiment",
    name="sentiment of a review",
    description="Someone liked or disliked a thing: which word fits it, a good one or a bad one?",
    source="tigges-2023-sentiment",
    make=_items,
    roles={
        "statement": "the review",
        "adjective": "the adjective that carries the sentiment",
        "verb": "the verb that carries it",
        "thing": "what is reviewed",
        "comma": "the comma inside the review; one frame has none",
        "period": "the period at the review's end",
        "thing_again": "what is reviewed, named again after the review",
    },
    frames=len(FRAMES),
    labels=("positive", "negative"),
    labelled_role="statement",
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
