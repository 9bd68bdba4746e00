"""A behaviour: prompts, and one number a prompt that says how well the model does; the ground of every causal check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.calibrate import mean_interval
from survey_tools.heads.capability import chance_of, share_won
from survey_tools.heads.capture import Head
from survey_tools.heads.interception import Tap
from survey_tools.heads.interventions.rerun import Rerun
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.batches import batches
from survey_tools.heads.prompts.rendering import Question, questions
from survey_tools.heads.prompts.task import Item, TextTask
from survey_tools.heads.settings import Settings


@dataclass(frozen=True)
class Batch:
    """Prompts of one length and how their last `keep` logits are scored."""

    tokens: Int[Tensor, "prompt pos"]
    keep: int
    score: Callable[[Float[Tensor, "prompt keep d_vocab"]], Float[Tensor, " prompt"]]
    """The number that ablation should hurt."""
    success: Callable[[Float[Tensor, "prompt keep d_vocab"]], Float[Tensor, " prompt"]]
    """The number that says whether the behaviour is there at all."""
    groups: Int[Tensor, " prompt"] | None = None
    """Prompts that belong together (one sentence frame) share a number; None: every prompt stands for itself."""


@dataclass(frozen=True)
class Behaviour:
    """A task put to a model."""

    id: str
    name: str
    """Of the number that ablation should hurt."""
    unit: str
    harm: Literal["higher", "lower"]
    capability_name: str
    chance: float
    needed: float
    batches: tuple[Batch, ...]
    dropped: int = 0
    """Items left out because the tokenizer splits a word."""

    @property
    def items(self) -> int:
        """Prompts in all."""
        return sum(len(batch.tokens) for batch in self.batches)

    def prepare(self, network: PreTrainedModel) -> BehaviourRun:
        """The clean run, ready to be repeated under interventions."""
        return BehaviourRun(self, [Rerun(network, batch.tokens, batch.keep) for batch in self.batches])


@dataclass(frozen=True)
class BehaviourRun:
    """A behaviour on one network, clean prefixes kept."""

    behaviour: Behaviour
    reruns: Sequence[Rerun]

    def by_group(self, values: Float[Tensor, "*draw prompt"]) -> Float[Tensor, "*draw group"]:
        """Means over prompts that belong together: the independent units of an interval.

        Raises DetectionError when only some batches say what belongs together.
        """
        groups = [batch.groups for batch in self.behaviour.batches if batch.groups is not None]
        if not groups:
            return values
        if len(groups) < len(self.behaviour.batches):
            raise DetectionError(
                f"some batches of {self.behaviour.id} have groups and some have none; give all of them."
            )
        labels = torch.cat(groups)
        return torch.stack([values[..., labels == label].mean(-1) for label in sorted(set(labels.tolist()))], -1)

    def clean(self) -> Float[Tensor, " prompt"]:
        """The number of every prompt in the unchanged model."""
        return torch.cat([b.score(r.clean) for b, r in zip(self.behaviour.batches, self.reruns, strict=True)])

    def ablated(self, heads: Sequence[Head], tap: Tap) -> Float[Tensor, " prompt"]:
        """The number of every prompt with `heads` edited by `tap`."""
        pairs = zip(self.behaviour.batches, self.reruns, strict=True)
        return torch.cat([b.score(r.logits(heads, tap)) for b, r in pairs])

    def capability(self) -> tuple[float, float, float]:
        """Mean success and its 95 % interval over prompts, or groups of prompts that belong together."""
        values = torch.cat([b.success(r.clean) for b, r in zip(self.behaviour.batches, self.reruns, strict=True)])
        grouped = self.by_group(values)
        low, high = mean_interval(grouped[:, None])
        return float(grouped.mean()), float(low[0]), float(high[0])


BehaviourMaker: TypeAlias = Callable[[LoadedModel, Settings], Behaviour]


def text_behaviour(
    task: TextTask,
    items: int,
    only: Callable[[Item], bool] | None = None,
    together: Callable[[Item], object] = lambda item: item.frame,
) -> BehaviourMaker:
    """The first `items` of a task's test split as a behaviour; the number is the log odds of right against wrong.

    `only` chooses among the items; those for which `together` gives the same (their sentence frame, unless said
    otherwise) belong together. The maker raises DetectionError where the task can't be put to the
    model, as `questions` does.

    Example: `text_behaviour(load_task("indirect-object"), 20)(model, Settings()).prepare(model.network).capability()`.
    """

    def make(model: LoadedModel, settings: Settings) -> Behaviour:
        asked = questions(task, model, limit=items, only=only)
        chance = chance_of(asked, model)
        kinds = list(dict.fromkeys(together(q.item) for q in asked.questions))
        groups = [kinds.index(together(q.item)) for q in asked.questions]
        return Behaviour(
            id=task.id,
            name=f"log odds of a right answer in {task.name}",
            unit="nats",
            harm="lower",
            capability_name=f"share of {task.name} with a right answer likeliest",
            chance=chance,
            needed=chance if task.needed is None else task.needed,
            batches=tuple(
                _text_batch(model, [asked.questions[i] for i in same], [groups[i] for i in same])
                for same in batches([len(q.prompt.tokens) for q in asked.questions])
            ),
            dropped=sum(asked.dropped.values()),
        )

    return make


def _text_batch(model: LoadedModel, asked: Sequence[Question], groups: list[int]) -> Batch:
    device = model.network.get_input_embeddings().weight.device

    def odds(logits: Float[Tensor, "prompt keep d_vocab"]) -> Float[Tensor, " prompt"]:
        last = logits[:, -1].float()
        pairs = [
            (row[list(q.right)].logsumexp(0), row[list(q.wrong)].logsumexp(0))
            for row, q in zip(last, asked, strict=True)
        ]
        return torch.stack([right - wrong for right, wrong in pairs])

    def success(logits: Float[Tensor, "prompt keep d_vocab"]) -> Float[Tensor, " prompt"]:
        last = logits[:, -1].float()
        rows = zip(last, asked, strict=True)
        return torch.tensor([share_won(row[list(q.right)], row[list(q.wrong)]) for row, q in rows])

    return Batch(
        tokens=torch.tensor([q.prompt.tokens for q in asked], device=device),
        keep=1,
        score=odds,
        success=success,
        groups=torch.tensor(groups),
    )
