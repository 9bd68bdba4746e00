"""Words of several pieces: a long, rare word is said and asked for again: `The password is kerfuffle. I repeat:`.

Only words that the tokenizer splits are used; the wrong answers are three other words of the list, and every word is
equally often right and wrong. The twin says one of those. The words are what heads that merge the pieces of a word are
measured on; that the model can say the word again shows that it took it in. The task is ours.
"""

from __future__ import annotations

from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.long_words import LONG_WORDS

FRAMES = (
    "The password is {word}. I repeat, the password is",
    "Please write the word {word} once more. The word is",
    "On the first page stood only {word}, and on the second page, again,",
    "He said {word}, and she also said",
    "My favorite word is {word}. Yes, my favorite word is",
)
EACH = 3
"""Frames that each word is put into."""


def _items() -> list[Item]:
    random = Random("multi-piece-words")
    items = []
    for turn in range(EACH):
        # three other words by moving one order of all against itself: each is as often wrong as any other
        words = random.sample(LONG_WORDS, len(LONG_WORDS))
        shifts = random.sample(range(1, len(words)), 3)
        for index, word in enumerate(words):
            frame = (LONG_WORDS.index(word) + turn) % len(FRAMES)
            others = [words[(index + shift) % len(words)] for shift in shifts]
            # the one whose length is nearest: it most likely has as many tokens
            twin = min(others, key=lambda other: abs(len(other) - len(word)))
            items.append(
                Item(
                    key=word,
                    prompt=Text.of(FRAMES[frame], word=word),
                    right=(f" {word}",),
                    wrong=tuple(f" {other}" for other in others),
                    frame=frame,
                    twin=Text.of(FRAMES[frame], word=twin),
                    twin_right=(f" {twin}",),
                )
            )
    return items


TASK = TextTask(
    id="multi-piece-words",
    name="words of several pieces",
    description="A long word that the tokenizer splits is said, and asked for again.",
    source=None,
    make=_items,
    roles={"word": "the long word"},
    frames=len(FRAMES),
    several_tokens=("word",),
)
