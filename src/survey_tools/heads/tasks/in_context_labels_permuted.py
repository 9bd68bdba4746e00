"""Few-shot classification with the right labels exchanged: `a lovely film: negative`, and so on.

Right is the label that the demonstrations give, wrong the one that the words mean. The twin has the true labels. Both
classes are asked in every setting, so that neither label is right more often. Sources: halawi-2023-overthinking,
cho-2024-icl-inference-circuit; the phrases are ours.
"""

from __future__ import annotations

from survey_tools.heads.behaviour import text_behaviour
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.tasks.in_context_labels import LAYOUTS, ROLES, episodes

ITEMS = 40
"""Prompts of a causal check."""
TIMES = 2
"""Sets of demonstrations for each pair of phrases."""


def _items() -> list[Item]:
    items = []
    for episode in episodes("in-context-labels-permuted", TIMES):
        for query, name in enumerate(episode.classes):
            permuted = episode.classes[1 - query]
            items.append(
                Item(
                    key=" / ".join(episode.queries),
                    prompt=episode.put(query, (episode.classes[1], episode.classes[0])),
                    right=(f" {permuted}",),
                    wrong=(f" {name}",),
                    frame=episode.layout,
                    twin=episode.put(query, episode.classes),
                    twin_right=(f" {name}",),
                )
            )
    return items


TASK = TextTask(
    id="in-context-labels-permuted",
    name="in-context classification with permuted labels",
    description="Four phrases with each other's labels, and a fifth: is the label the shown one or the true one?",
    source="halawi-2023-overthinking",
    make=_items,
    roles=ROLES,
    frames=len(LAYOUTS),
)
behaviour = text_behaviour(TASK, ITEMS, together=lambda item: item.key)
