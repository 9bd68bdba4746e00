"""Texts drawn anew for every step, where the dev items of a task are too few to learn it from.

A drawn text is never an item of the task's test split: indirect objects get at most one first name (items have two),
what lasts for years is a plain word, and the order of words is told in lists that no frame of the task uses. What is
held out of an ordered class is its question, not its order: that June follows May has to be read somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import TypeAlias

from survey_tools.heads.tasks.greater_than import FRAMES as GREATER_THAN_FRAMES
from survey_tools.heads.tasks.succession import CLASSES
from survey_tools.heads.training.fillers import FILLERS
from survey_tools.heads.words.frames import INDIRECT_OBJECT_FRAMES
from survey_tools.heads.words.people import NAMES
from survey_tools.heads.words.years import CENTURIES

Draw: TypeAlias = Callable[[Random], str]
SEPARATORS = (" ;", " :", " then", " before", " and")
"""Between the members of a list; the task's own frames have commas. In half of the lists, any words stand there."""
LONGEST = 8


def indirect_object(random: Random) -> str:
    """A sentence of the task about a name and a plain word, or two plain words, in either order."""
    one, other = random.choice((*NAMES, *FILLERS)), random.choice(FILLERS)
    while one == other:
        other = random.choice(FILLERS)
    first, second = random.sample((one, other), 2)
    subject, io = random.sample((one, other), 2)
    frame = random.choice(INDIRECT_OBJECT_FRAMES)
    return f"{frame.format(A=first, B=second, S=subject)} {io}"


def succession(random: Random) -> str:
    """Some neighbours of an ordered class, with a sign or a word between each two."""
    words = random.choice(tuple(CLASSES.values()))
    length = random.randint(2, min(LONGEST, len(words)))
    start = random.randrange(len(words) - length + 1)
    shown = words[start : start + length]
    if random.random() < 0.5:
        return f"{random.choice(SEPARATORS)} ".join(shown)
    return " ".join(f"{word} {random.choice(FILLERS)}" for word in shown[:-1]) + f" {shown[-1]}"


def greater_than(random: Random) -> str:
    """A sentence of the task about a plain word, which is no event of the task's."""
    century = random.choice(CENTURIES)
    start = random.randrange(10, 90)
    end = random.randrange(start // 10 * 10 + 10, 100)  # a later decade, as the task has it
    frame = random.choice(GREATER_THAN_FRAMES)
    prompt = frame.format(event=random.choice(FILLERS), century=century, start=f"{start:02}", century2=century)
    return f"{prompt}{end}"


FRESH: Mapping[str, Draw] = {"greater-than": greater_than, "indirect-object": indirect_object, "succession": succession}
"""By the task's id; a task that is not here is learnt from its dev items alone."""
