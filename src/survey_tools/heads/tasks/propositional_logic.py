"""Propositional logic: two rules, three facts, and the fact that proves what is asked.

`Rules: C or U implies Z. V implies R. Facts: V is true. U is false. C is true. Question: why is R true? Answer:
because` -> V. The proof of Z starts from C, that of R from V. Both are asked of every problem: each is the other's
twin, which differs in the queried letter alone, so that attention must follow the query. The order of rules, of facts
and of the two causes in `or` is drawn for each problem, letters too. A reader of the facts who skips the rules can
leave out the false fact and is then right half of the time, so that is what a model must exceed. Source:
hong-2024-propositional-logic, who ask for the first letter of the proof after four solved problems; the wordings are
ours, and no problem is solved beforehand.
"""

from __future__ import annotations

from random import Random

from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Span, Text

LETTERS = "BCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that are words, or look like digits."""
PROBLEMS = 200
BLIND = 0.5
IMPLIES, IF = "{_causes} implies {_conclusion}", "If {_causes}, then {_conclusion}"
FRAMES = (
    (IMPLIES, " Question: why is {query} true? Answer: because"),
    (IF, " Question: why is {query} true? Answer: because"),
    (IMPLIES, " Question: which letter makes {query} true? Answer:"),
    (IF, " So {query} is true, because we know that"),
    (IMPLIES, " Proof of {query}: it is known that"),
    (IF, " Question: from which letter does {query} follow? Answer: from"),
)
"""How a rule is put, and what is asked."""


def _items() -> list[Item]:
    draw = Random("propositional-logic")
    items = []
    for number in range(PROBLEMS):
        letters = draw.sample(LETTERS, 5)
        problem = _Problem(number % len(FRAMES), letters, draw)
        items += [_item(problem, 0), _item(problem, 1)]
    return items


class _Problem:
    """Two chains, `true or false implies conclusion` and `true implies conclusion`, and all orders drawn."""

    def __init__(self, frame: int, letters: list[str], draw: Random) -> None:
        one, wrong, first_end, two, second_end = letters
        self.frame = frame
        self.letters = letters
        self.starts, self.ends, self.false = (one, two), (first_end, second_end), wrong
        self.causes = (draw.sample((one, wrong), 2), [two])
        self.rules = draw.sample((0, 1), 2)
        self.facts = draw.sample((one, wrong, two), 3)

    def text(self, asked: int) -> Text:
        """The problem with a question about the conclusion of one chain."""
        form, question = FRAMES[self.frame]
        text = Text("Rules:")
        for chain in self.rules:
            text = text + " " + self._rule(form, chain, chain == asked) + "."
        text += " Facts:"
        for letter in self.facts:
            text = text + " " + self._fact(letter, letter == self.starts[asked]) + "."
        return text + Text.of("{question}", question=Text.of(question, query=self.ends[asked]))

    def _rule(self, form: str, chain: int, asked: bool) -> Text:
        causes = Text("")
        for letter in self.causes[chain]:
            answer = asked and letter == self.starts[chain]
            causes = causes + (" or " if causes.text else "") + _marked(letter, "answer in rule" if answer else "")
        conclusion = _marked(self.ends[chain], "conclusion" if asked else "")
        return _marked(Text.of(form, _causes=causes, _conclusion=conclusion), "rule" if asked else "other rule")

    def _fact(self, letter: str, asked: bool) -> Text:
        said = _marked(letter, "answer in fact" if asked else "")
        return _marked(said + f" is {str(letter != self.false).lower()}", "fact" if asked else "other fact")


def _marked(words: str | Text, role: str) -> Text:
    text = words if isinstance(words, Text) else Text(words)
    return Text(text.text, (*text.spans, Span(0, len(text.text), role))) if role else text


def _item(problem: _Problem, asked: int) -> Item:
    right, other = problem.starts[asked], problem.starts[1 - asked]
    return Item(
        key=" ".join(problem.letters),
        prompt=problem.text(asked),
        right=(f" {right}",),
        wrong=(f" {other}", f" {problem.false}"),
        frame=problem.frame,
        twin=problem.text(1 - asked),
        twin_right=(f" {other}",),
    )


TASK = TextTask(
    id="propositional-logic",
    name="propositional logic",
    description="Two rules and three facts: from which fact does the queried letter follow?",
    source="hong-2024-propositional-logic",
    make=_items,
    roles={
        "rule": "the rule whose conclusion is asked about",
        "other rule": "the rule that does not matter",
        "fact": "the fact from which the answer follows",
        "other fact": "the facts that do not matter: one true, one false",
        "conclusion": "the queried letter in its rule",
        "query": "the queried letter in the question",
        "question": "the question and the beginning of its answer",
        "answer in rule": "the letter of the answer in the rule",
        "answer in fact": "the letter of the answer in its fact",
    },
    frames=len(FRAMES),
    needed=BLIND,
)
