"""Few-shot classification with labels that mean nothing: which of two words goes with the last phrase?

Four phrases, two of each class, and a fifth to be labelled. Every prompt comes with both classes asked and with the two
labels exchanged, so that neither word, nor the label shown last, says anything. In the twin the demonstrations' labels
are exchanged. Sources: cho-2024-icl-inference-circuit, yu-2024-in-context-heads; phrases and labels are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text
from survey_tools.heads.words.reviews import CLAUSES, PRAISE_AND_BLAME, SUBJECTS_OF_TALK

ITEMS = 40
"""Prompts of a causal check."""
ARRANGEMENTS = ((0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0), (1, 0, 0, 1), (1, 0, 1, 0), (1, 1, 0, 0))
"""Classes of the demonstrations in order."""
LABELS = (("foo", "bar"), ("X", "Y"), ("alpha", "beta"), ("left", "right"), ("red", "blue"))
LAYOUTS = (
    "{phrase}{forerunner::}",
    "{phrase} {forerunner:->}",
    "{phrase} {forerunner:=}",
    "Input: {phrase} Output{forerunner::}",
    "Text: {phrase}\nLabel{forerunner::}",
)
"""One demonstration without its label."""
CLASSES: Mapping[tuple[str, str], Sequence[tuple[str, str]]] = {
    ("positive", "negative"): PRAISE_AND_BLAME,
    **{(one, other): tuple(zip(CLAUSES[one], CLAUSES[other], strict=True)) for one, other in SUBJECTS_OF_TALK},
}
"""Names of two classes, and pairs of phrases, one of each class."""
ROLES = {
    "demonstration": "each of the four lines shown, with its label",
    "phrase": "the words to be labelled: four shown, then the one asked about",
    "forerunner": "the token before the label, in every line that is shown",
    "label": "the labels shown, in order",
    "same_label": "labels shown with phrases of the class that is asked about",
    "other_label": "labels shown with phrases of the other class",
    "query": "the last line, without a label",
    "cue": "its last token, where the label is to be said",
}


@dataclass(frozen=True)
class Episode:
    """Four demonstrations, and a pair of phrases of which either can be asked about."""

    classes: tuple[str, str]
    shown: tuple[tuple[str, int], ...]
    """Phrases and the class of each, 0 or 1."""
    queries: tuple[str, str]
    layout: int

    def put(self, query: int, labels: tuple[str, str]) -> Text:
        """The prompt that asks about `queries[query]`, with `labels` for class 0 and 1."""
        line = LAYOUTS[self.layout]
        text = Text("")
        for phrase, kind in self.shown:
            role = "same_label" if kind == query else "other_label"
            label = Text.of(f"{{{role}}}", **{role: labels[kind]})
            text += Text.of("{demonstration}", demonstration=Text.of(f"{line} {{label}}", phrase=phrase, label=label))
            text += "\n"
        return text + Text.of("{query}", query=Text.of(line.replace("forerunner", "cue"), phrase=self.queries[query]))


def episodes(seed: str, times: int) -> list[Episode]:
    """Every pair of phrases `times` times as what is asked, with others of the same classes as demonstrations."""
    draw = Random(seed)
    found: list[Episode] = []
    for classes, pairs in CLASSES.items():
        for queries in pairs:
            others = [pair for pair in pairs if pair != queries]
            for _ in range(times):
                first, second, third, fourth = draw.sample(others, 4)
                unused = {0: [first[0], second[0]], 1: [third[1], fourth[1]]}
                order = ARRANGEMENTS[len(found) % len(ARRANGEMENTS)]
                shown = tuple((unused[kind].pop(), kind) for kind in order)
                found.append(Episode(classes, shown, queries, len(found) % len(LAYOUTS)))
    return found


def _items() -> list[Item]:
    items = []
    for number, episode in enumerate(episodes("in-context-labels", 1)):
        one, other = LABELS[number // len(LAYOUTS) % len(LABELS)]
        for query in (0, 1):
            for labels in ((one, other), (other, one)):
                items.append(
                    Item(
                        key=" / ".join(episode.queries),
                        prompt=episode.put(query, labels),
                        right=(f" {labels[query]}",),
                        wrong=(f" {labels[1 - query]}",),
                        frame=episode.layout,
                        twin=episode.put(query, (labels[1], labels[0])),
                        twin_right=(f" {labels[1 - query]}",),
                    )
                )
    return items


TASK = TextTask(
    id="in-context-labels",
    name="in-context classification with abstract labels",
    description="Four phrases of two classes with meaningless labels, and a fifth: which label has it?",
    source="cho-2024-icl-inference-circuit",
    make=_items,
    roles=ROLES,
    frames=len(LAYOUTS),
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
