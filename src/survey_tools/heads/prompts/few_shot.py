"""Few-shot prompts: three pairs of words that show a function, and a word to apply it to.

`Q: hot\\nA: cold\\n\\nQ: big\\nA: small\\n\\nQ: wet\\nA: dry\\n\\nQ: early\\nA:` -> late.
Source: todd-2023-function-vectors.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeAlias

from survey_tools.heads.prompts.options import others
from survey_tools.heads.prompts.task import Item
from survey_tools.heads.prompts.text import Text

Pairs: TypeAlias = Sequence[tuple[str, str]]
SHOTS = 3
BLIND = 1 / 3
"""Reached by any output that the prompt does not show; a model must exceed it."""
FORMATS = (
    "Q: {input}\n{separator:A:} {output}\n\n",
    "{input}{separator::} {output}\n",
    "{input} {separator:->} {output}\n",
    "{input} {separator:=>} {output}\n",
    "{input} {separator:-} {output}\n",
)
"""The first is the paper's."""
ROLES = {
    "input": "the word that a demonstration starts from",
    "output": "what it gives",
    "separator": "what stands between the two; the last one is the query's, where the answer follows",
    "query": "the word that is asked",
}


def few_shot_items(pairs: Pairs, *, seed: str) -> list[Item]:
    """Every pair as the query of one prompt in each format, its demonstrations drawn from the other pairs.

    Wrong are the query itself and the outputs of three other pairs, each output as often as it is right times three;
    one of the three is shown in a demonstration, so that repeating what was shown is wrong, and avoiding it is right in
    a third of the cases (`BLIND`). In the twin the outputs stand with the wrong inputs, as in the paper: no
    demonstration shows the function, and no answer is right.
    """
    draw = random.Random(seed)
    wrong = others([output for _, output in pairs], seed=seed)
    items = []
    for i, (query, answer) in enumerate(pairs):
        options = (query, *(pairs[j][1] for j in wrong[i]))
        apart = [pair for pair in pairs if not {*pair} & {answer, *options}]
        for index, frame in enumerate(FORMATS):
            shown = [pairs[wrong[i][index % len(wrong[i])]], *draw.sample(apart, SHOTS - 1)]
            draw.shuffle(shown)
            turn = draw.randrange(1, SHOTS)
            shuffled = [(shown[n][0], shown[(n + turn) % SHOTS][1]) for n in range(SHOTS)]
            items.append(
                Item(
                    key=query,
                    prompt=_prompt(frame, shown, query),
                    right=(f" {answer}",),
                    wrong=tuple(f" {option}" for option in options),
                    frame=index,
                    twin=_prompt(frame, shuffled, query),
                )
            )
    return items


def _prompt(frame: str, shown: Pairs, query: str) -> Text:
    text = Text("")
    for word, output in shown:
        text += Text.of(frame, input=word, output=output)
    asked = frame[: frame.index(" {output}")].replace("{input}", "{query}")
    return text + Text.of(asked, query=query)
