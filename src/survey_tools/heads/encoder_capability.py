"""What an encoder can tell apart: it expects no next token, so a linear probe on its mean output answers for it.

Only tasks with labels can be put to it so. The probe is ridge regression, and each item is judged by one that has seen
no item of the same key (`held_out_scores`); an item counts as right when its own label scores highest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.probing.linear_probes.folds import group_folds
from survey_tools.heads.probing.linear_probes.ridge import held_out_scores, same_geometry
from survey_tools.heads.prompts.batches import batches
from survey_tools.heads.prompts.rendering import render
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.prompts.text import Text


def probe_success(model: LoadedModel, task: TextTask, items: Sequence[Item]) -> tuple[Float[Tensor, " item"], float]:
    """1 for every item that a probe labels rightly, and the share of the commonest label (chance).

    Raises DetectionError when the task has no labels, the model no tokenizer, or the tokenizer lacks a word.
    """
    if not task.labels:
        raise DetectionError(
            f"{model.id} is an encoder: it expects no next token, and {task.id} has no labels that a probe could read."
        )
    if model.tokenizer is None:
        raise DetectionError(f"{model.id} has no tokenizer, so {task.id} can't be put to it.")
    statements = [item.prompt.passages(task.labelled_role)[0] for item in items]
    features = same_geometry(_mean_outputs(model, statements))[:, None]
    labels = torch.tensor([[item.label == label for item in items] for label in task.labels])
    keys = {key: number for number, key in enumerate(dict.fromkeys(item.key for item in items))}
    groups = torch.tensor([keys[item.key] for item in items])
    scores = held_out_scores(features, labels, group_folds(groups, labels[0])).scores[:, 0]
    right = labels[scores.argmax(0), torch.arange(len(items))]
    return right.float(), max(Counter(item.label for item in items).values()) / len(items)


def _mean_outputs(model: LoadedModel, texts: Sequence[str]) -> Float[Tensor, "text d_model"]:
    """The last hidden states' mean over each text's tokens, its special ones included."""
    device = model.network.get_input_embeddings().weight.device
    rendered = [render(Text(text), model.tokenizer, special=True).tokens for text in texts]
    found: list[Tensor] = [torch.empty(0)] * len(texts)
    for batch in batches([len(tokens) for tokens in rendered]):
        tokens = torch.tensor([rendered[i] for i in batch], device=device)
        output = model.network(input_ids=tokens, output_hidden_states=True)
        means = output.hidden_states[-1].float().mean(1).cpu()
        for i, mean in zip(batch, means, strict=True):
            found[i] = mean
    return torch.stack(found)
