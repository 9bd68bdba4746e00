"""What an encoder can tell apart: it expects no next token, so a linear probe on its mean output answers for it.

Only tasks with labels can be put to it so. The probe is ridge regression, and each item is judged by one that has seen
no item of the same key (`held_out_scores`); an item counts as right when its own label scores highest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError, UnknownWord
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.probing.linear_probes.folds import group_folds
from survey_tools.heads.probing.linear_probes.ridge import held_out_scores, same_geometry
from survey_tools.heads.prompts.batches import batches
from survey_tools.heads.prompts.context import context_of
from survey_tools.heads.prompts.rendering import TOO_LONG, UNKNOWN, render
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text


@dataclass(frozen=True)
class Probed:
    """How a probe did on the items that the model could be given."""

    items: tuple[Item, ...]
    success: Float[Tensor, " item"]
    """1 where the item's own label scored highest."""
    chance: float
    """The share of the commonest label."""
    dropped: Mapping[str, int]


def probe(model: LoadedModel, task: TextTask, limit: int) -> Probed:
    """Probe an encoder on the first `limit` test items that it can read.

    Raises DetectionError when the task has no labels, the model no tokenizer, or too few items are left.
    """
    if not task.labels:
        raise DetectionError(
            f"{model.id} is an encoder: it expects no next token, and {task.id} has no labels that a probe could read."
        )
    if model.tokenizer is None:
        raise DetectionError(f"{model.id} has no tokenizer, so {task.id} can't be put to it.")
    context = context_of(model.network) or 1 << 30
    dropped: Counter[str] = Counter()
    items: list[Item] = []
    texts: list[tuple[int, ...]] = []
    for item in task.items("test"):
        if len(items) == limit:
            break
        try:
            text = render(Text(item.prompt.passages(task.labelled_role)[0]), model.tokenizer, special=True)
        except UnknownWord:
            dropped[UNKNOWN] += 1
            continue
        if len(text.tokens) > context:
            dropped[TOO_LONG] += 1
            continue
        items.append(item)
        texts.append(text.tokens)
    features = same_geometry(_mean_outputs(model, texts))[:, None]
    labels = torch.tensor([[item.label == label for item in items] for label in task.labels])
    keys = {key: number for number, key in enumerate(dict.fromkeys(item.key for item in items))}
    groups = torch.tensor([keys[item.key] for item in items])
    scores = held_out_scores(features, labels, group_folds(groups, labels[0])).scores[:, 0]
    right = labels[scores.argmax(0), torch.arange(len(items))]
    commonest = max(Counter(item.label for item in items).values()) / len(items)
    return Probed(tuple(items), right.float(), commonest, dict(dropped))


def _mean_outputs(model: LoadedModel, texts: Sequence[tuple[int, ...]]) -> Float[Tensor, "text d_model"]:
    """The last hidden states' mean over each text's tokens, its special ones included."""
    device = model.network.get_input_embeddings().weight.device
    found: list[Tensor] = [torch.empty(0)] * len(texts)
    for batch in batches([len(tokens) for tokens in texts]):
        tokens = torch.tensor([texts[i] for i in batch], device=device)
        output = model.network(input_ids=tokens, output_hidden_states=True)
        means = output.hidden_states[-1].float().mean(1).cpu()
        for i, mean in zip(batch, means, strict=True):
            found[i] = mean
    return torch.stack(found)
