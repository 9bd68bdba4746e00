"""Arithmetic: two operands and plus or minus, in signs and in words: `Question: What is 47 plus 35? Answer:` -> 82.

Operands and results have two digits. Each pair of numbers is asked once with plus and once with minus, in the same
words and with the same four answers: the sum, the difference, and two that are neither. So no answer can be picked
without the operator, and neither the larger nor the smaller ones win. All four differ in their first digit, so that
tokenizers that write digits are asked the same. The twin is the other question of the pair. Source:
stolfo-2023-arithmetic; the frames are ours.
"""

from __future__ import annotations

from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text

FRAMES = (
    ("{operand1} {operator} {operand2} {equals:=}", ("+", "-")),
    ("{operand1} {operator} {operand2} {equals:equals}", ("plus", "minus")),
    ("Question: What is {operand1} {operator} {operand2}? {equals:Answer:}", ("plus", "minus")),
    ("The result of {operand1} {operator} {operand2} {equals:is}", ("plus", "minus")),
    ("If x = {operand1} {operator} {operand2}, then x {equals:=}", ("+", "-")),
)
"""And the words for plus and minus."""
PAIRS = 300


def _items() -> list[Item]:
    random = Random("arithmetic")
    pairs = [(a, b) for a in range(20, 90) for b in range(10, 45) if a - b >= 10 and a + b <= 99]
    items = []
    for number, (a, b) in enumerate(random.sample(pairs, PAIRS)):
        frame, operators = FRAMES[number % len(FRAMES)]
        results = (a + b, a - b)
        free = sorted(set(range(1, 10)) - {result // 10 for result in results})
        neither = tuple(10 * tens + random.randrange(10) for tens in random.sample(free, 2))
        prompts = [Text.of(frame, operand1=str(a), operator=word, operand2=str(b)) for word in operators]
        for asked, other in ((0, 1), (1, 0)):
            items.append(
                Item(
                    key=f"{a} {b}",
                    prompt=prompts[asked],
                    right=(f" {results[asked]}",),
                    wrong=tuple(f" {result}" for result in (results[other], *neither)),
                    frame=number % len(FRAMES),
                    twin=prompts[other],
                    twin_right=(f" {results[other]}",),
                )
            )
    return items


TASK = TextTask(
    id="arithmetic",
    name="sums and differences of two numbers",
    description="Two numbers of two digits, added or subtracted: what is the result?",
    source="stolfo-2023-arithmetic",
    make=_items,
    roles={
        "operand1": "the first number",
        "operator": "plus or minus",
        "operand2": "the second number",
        "equals": "the sign or word after which the result is due: the end of the prompt",
    },
    frames=len(FRAMES),
)
