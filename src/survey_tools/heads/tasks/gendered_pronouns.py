"""Gendered pronouns: `So Mary is such a good friend, isn't` -> she.

The person is a name, or a word such as `aunt`, whose gender English settles; what is said of them does not. Every
woman is paired with a man, every frame says the same of both, and the twin names the other one. Half of the answers
are `she`. Source: vig-2020-gender-bias, who patch the gender of a sentence's subject; frames and names are ours.
"""

from __future__ import annotations

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.people import FEMALE_NAMES, GENDERED_NOUNS, MALE_NAMES

FEMALE, MALE = "female", "male"
PRONOUNS = {FEMALE: " she", MALE: " he"}
FRAMES = (
    ("So {name} is such a good friend", ", isn't"),
    ("I know that {name} was tired", ", because"),
    ("This morning {name} missed the bus", ", so"),
    ("Last week {name} bought a new bike", ", and now"),
    ("Everyone could see that {name} sang well", ", didn't"),
    ("In the end {name} came home late", ", but"),
)
"""What is said, and how the prompt goes on after it."""
FRAMES_PER_PAIR = 3


def _items() -> list[Item]:
    pairs = [*zip(FEMALE_NAMES, MALE_NAMES, strict=True), *((f"my {her}", f"my {his}") for her, his in GENDERED_NOUNS)]
    items = []
    for number, (her, his) in enumerate(pairs):
        for index in range(number, number + FRAMES_PER_PAIR):
            frame = index % len(FRAMES)
            items += [_item(frame, her, his, FEMALE), _item(frame, his, her, MALE)]
    return items


def _item(frame: int, name: str, other: str, gender: str) -> Item:
    right = PRONOUNS[gender]
    (wrong,) = set(PRONOUNS.values()) - {right}
    return Item(
        key=" ".join(sorted((name, other))),
        prompt=_prompt(frame, name),
        right=(right,),
        wrong=(wrong,),
        frame=frame,
        twin=_prompt(frame, other),
        twin_right=(wrong,),
        label=gender,
    )


def _prompt(frame: int, name: str) -> Text:
    said, rest = FRAMES[frame]
    return Text.of("{statement}" + rest, statement=Text.of(said, name=name))


TASK = TextTask(
    id="gendered-pronouns",
    name="gendered pronouns",
    description="A sentence names a woman or a man: which pronoun takes the name up?",
    source="vig-2020-gender-bias",
    make=_items,
    roles={"name": "the name or noun that has a gender", "statement": "what is said of them"},
    frames=len(FRAMES),
    labels=(FEMALE, MALE),
    labelled_role="statement",
)
