"""Indirect object identification: `When Mary and John went to the store, John gave a drink to` -> Mary.

The metric is the logit of the indirect object minus that of the subject at the last token; half the prompts
name the subject first, half second. Source: wang-2022-ioi; frames and names are ours.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.settings import Settings
from survey_tools.heads.tasks.behaviour import Batch, Behaviour
from survey_tools.heads.tasks.words import INDIRECT_OBJECT_FRAMES, NAMES, encode, single_token

PAIRS_PER_FRAME = 4


def behaviour(model: LoadedModel, settings: Settings) -> Behaviour:
    """Logit difference of indirect object and subject.

    Raises DetectionError when the model has no tokenizer, or it splits all but a few of the names.
    """
    if model.tokenizer is None:
        raise DetectionError(f"{model.id} has no tokenizer, so no sentence can be put to it.")
    ids = {name: single_token(model.tokenizer, name) for name in NAMES}
    names = [name for name in NAMES if ids[name] is not None]
    if len(names) < 4:
        raise DetectionError(f"the tokenizer of {model.id} splits all but {len(names)} names; this task needs four.")
    draw = random.Random(settings.seed)
    by_length: dict[int, list[_Prompt]] = {}
    for number, frame in enumerate(INDIRECT_OBJECT_FRAMES):
        for pair in range(PAIRS_PER_FRAME):
            first, second = draw.sample(names, 2)
            subject, other = (first, second) if pair % 2 else (second, first)
            text = frame.format(A=first, B=second, S=subject)
            tokens = encode(model.tokenizer, text, model.prepend_bos)
            by_length.setdefault(len(tokens), []).append(_Prompt(tokens, ids[other], ids[subject], number))
    return Behaviour(
        id="indirect-object",
        name="logit difference of indirect object and subject",
        unit="logits",
        harm="lower",
        capability_name="share of sentences with the indirect object above the subject",
        chance=0.5,
        needed=0.5,
        batches=tuple(_batch(model, prompts) for _, prompts in sorted(by_length.items())),
        dropped=len(NAMES) - len(names),
    )


@dataclass(frozen=True)
class _Prompt:
    tokens: list[int]
    right: int | None
    wrong: int | None
    frame: int


def _batch(model: LoadedModel, prompts: list[_Prompt]) -> Batch:
    device = model.network.get_input_embeddings().weight.device
    answers = torch.tensor([[p.right for p in prompts], [p.wrong for p in prompts]], device=device)

    def difference(logits: Float[Tensor, "prompt keep d_vocab"]) -> Float[Tensor, " prompt"]:
        last = logits[:, -1].float()
        rows = torch.arange(len(last))
        return last[rows, answers[0]] - last[rows, answers[1]]

    return Batch(
        tokens=torch.tensor([p.tokens for p in prompts], device=device),
        keep=1,
        score=difference,
        groups=torch.tensor([p.frame for p in prompts]),
        success=lambda logits: (difference(logits) > 0).float(),
    )
