"""Docstring arguments: the docstring describes a function's arguments in the order of its signature: which is next?

`def load(self, size, files, old, mode):` ... `:param size: what to use :param` -> files. Of four arguments, the second
or the third is asked for, after one or two were described: the name to copy is the one that follows the last described
name in the signature, and a name that is still to come is among the wrong answers, so that neither "the last one" nor
"one not yet described" is enough; the latter is right in 5 of 12 cases, and that is what a model must exceed. Wrong,
too, are two names that do not occur. The twin has the asked argument and the one after it exchanged in its signature,
so that the other is right. The task is that of the known docstring circuit of a four-layer attention-only network; the
functions are ours.
"""

from __future__ import annotations

from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.code import ARGUMENTS, FUNCTIONS, MEANINGS

FRAMES = (
    ("def {_function}(self, {_signature}):", ":param"),
    ("def {_function}({_signature}):", ":param"),
    ("async def {_function}(self, {_signature}):", "@param"),
    ("def {_function}_all({_signature}):", ":arg"),
    ("def try_{_function}(self, {_signature}):", "@arg"),
)
"""The head of the function, and the word that announces an argument."""
ITEMS = 420
BLIND = (1 / 3 + 1 / 2) / 2
"""Reached by any argument of the signature that is not yet described: three of them or two are left."""


def _items() -> list[Item]:
    random = Random("docstring-arguments")
    items = []
    for number in range(ITEMS):
        *names, absent, absent2 = random.sample(ARGUMENTS, 6)
        asked = 1 + number % 2
        frame = number // 2 % len(FRAMES)
        function = random.choice(FUNCTIONS)
        meanings = random.sample(MEANINGS, asked)
        swapped = names.copy()
        swapped[asked], swapped[asked + 1] = names[asked + 1], names[asked]
        right, twin_right = names[asked], names[asked + 1]
        others = [name for name in names if name != right]
        items.append(
            Item(
                key=" ".join(names),
                prompt=_prompt(frame, function, names, meanings),
                right=(f" {right}",),
                wrong=tuple(f" {name}" for name in (*others, absent, absent2)),
                frame=frame,
                twin=_prompt(frame, function, swapped, meanings),
                twin_right=(f" {twin_right}",),
            )
        )
    return items


def _prompt(frame: int, function: tuple[str, str], names: list[str], meanings: list[str]) -> Text:
    """A function up to where its docstring must name the argument that follows those described."""
    head, announcement = FRAMES[frame]
    described = len(meanings)
    listed = [
        Text.of("{argument}", argument=name) if index == described else Text.of("{other_argument}", other_argument=name)
        for index, name in enumerate(names)
    ]
    signature = listed[0]
    for argument in listed[1:]:
        signature = signature + ", " + argument
    text = Text.of(head, _function=function[0], _signature=signature) + f'\n    """{function[1].capitalize()}.\n\n    '
    for name, meaning in zip(names, meanings, strict=False):
        text += Text.of("{_word} {described}: {_meaning}\n    ", _word=announcement, described=name, _meaning=meaning)
    return text + Text.of("{announcement}", announcement=announcement)


TASK = TextTask(
    id="docstring-arguments",
    name="docstring arguments",
    description="A docstring describes a function's arguments in their order: which is named next?",
    source=None,
    make=_items,
    roles={
        "argument": "the argument that is asked for, in the signature",
        "other_argument": "each other argument there",
        "described": "each argument that the docstring has described, in the docstring",
        "announcement": "the word before the name that is asked for: the end of the prompt",
    },
    frames=len(FRAMES),
    needed=BLIND,
)
