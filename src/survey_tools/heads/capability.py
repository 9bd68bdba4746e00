"""Can a model do a task? Right answers against chance with an interval, or the nats that a context saves.

For text: the share of items where the likeliest of all given answers is a right one; an encoder, which expects no next
token, is read through a probe. For drawn tokens: the loss on the corrupted twin minus the loss on the prompt. Chance is
the better of blind guessing and of always giving the answer that is right most often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.calibrate import mean_interval
from survey_tools.heads.capture import last_logits
from survey_tools.heads.encoder_capability import probe_success
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.prompts.batches import TOKENS_AT_ONCE, batches
from survey_tools.heads.prompts.rendering import Question, Questions, Rendered, questions
from survey_tools.heads.prompts.sequences import Sequences, SequenceTask, scored_loss, sequences
from survey_tools.heads.prompts.task import TextTask

ITEMS = 200
TWINS = 4
"""One item in so many is asked with its corrupted twin, too."""


@dataclass(frozen=True)
class TaskScore:
    """How well one model does one task."""

    task: str
    name: str
    """What `value` is."""
    unit: str
    value: float
    interval: tuple[float, float]
    """95 %; items about the same thing (one key) count as one, in the value as in the interval."""
    chance: float
    needed: float
    items: int
    independent: int
    """Items of different keys."""
    margin: float | None
    """Text: log odds of right against wrong answers, in nats. Tokens: the loss on the scored tokens."""
    on_twin: float | None
    """Text: how often what is right after the prompt wins after its corrupted twin. Tokens: the loss on the twin."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    probed: bool = False
    """Whether a probe answered in the place of the model's own next token."""

    @property
    def present(self) -> bool:
        """Whether the model has the behaviour: the whole interval lies above what is needed."""
        return self.interval[0] > self.needed


def score_task(
    model: LoadedModel,
    task: TextTask | SequenceTask,
    items: int = ITEMS,
    progress: Callable[[str], None] | None = None,
) -> TaskScore:
    """Put the first `items` of the task's test split to a model.

    Raises DetectionError when the task cannot be put to this model, with the reason.
    """
    if items < 2:
        raise DetectionError(f"{items} item gives no interval; ask for two or more.")
    report = progress or (lambda _sentence: None)
    with torch.no_grad():
        if not expects_next_token(model):
            return _score_probe(model, task, items, report)
        if isinstance(task, SequenceTask):
            return _score_sequences(model, task, items, report)
        return _score_text(model, task, items, report)


def expects_next_token(model: LoadedModel) -> bool:
    """False for an encoder: its positions see what comes next, or it gives no logits."""
    network = model.network
    looks_ahead = any(getattr(module, "is_causal", True) is False for module in network.modules())
    return network.get_output_embeddings() is not None and not looks_ahead


def _score_text(model: LoadedModel, task: TextTask, items: int, report: Callable[[str], None]) -> TaskScore:
    asked = questions(task, model, limit=items)
    report(f"{task.id}: {len(asked.questions)} items")
    odds, success = answer(model, asked.questions, [q.prompt for q in asked.questions])
    twins = [q for q in asked.questions if q.twin is not None][::TWINS]
    on_twin = None
    if twins:
        on_twin = float(answer(model, twins, [q.twin for q in twins if q.twin])[1].mean())
    keys = [q.item.key for q in asked.questions]
    value, low, high = mean_by_key(success, keys)
    chance = chance_of(asked)
    return TaskScore(
        task=task.id,
        name="share of items with a right answer likeliest",
        unit="share",
        value=value,
        interval=(low, high),
        chance=chance,
        needed=chance if task.needed is None else task.needed,
        items=len(success),
        independent=len(set(keys)),
        margin=float(odds.mean()),
        on_twin=on_twin,
        dropped=asked.dropped,
    )


def _score_sequences(model: LoadedModel, task: SequenceTask, items: int, report: Callable[[str], None]) -> TaskScore:
    drawn = sequences(task, model, items)
    report(f"{task.id}: {items} prompts of {drawn.tokens.shape[1]} tokens")
    loss, twin_loss = _losses(model, drawn, twin=False), _losses(model, drawn, twin=True)
    saved = twin_loss - loss
    low, high = mean_interval(saved[:, None])
    return TaskScore(
        task=task.id,
        name="nats that the context saves a token",
        unit="nats",
        value=float(saved.mean()),
        interval=(float(low[0]), float(high[0])),
        chance=0.0,
        needed=0.0 if task.needed is None else task.needed,
        items=items,
        independent=items,
        margin=float(loss.mean()),
        on_twin=float(twin_loss.mean()),
    )


def _score_probe(
    model: LoadedModel, task: TextTask | SequenceTask, items: int, report: Callable[[str], None]
) -> TaskScore:
    if isinstance(task, SequenceTask):
        raise DetectionError(
            f"{model.id} is an encoder: it expects no next token, and {task.id} asks for nothing else."
        )
    asked = task.items("test")[:items]
    report(f"{task.id}: {len(asked)} items, probed")
    success, chance = probe_success(model, task, asked)
    keys = [item.key for item in asked]
    value, low, high = mean_by_key(success, keys)
    return TaskScore(
        task=task.id,
        name="share of items that a linear probe labels rightly",
        unit="share",
        value=value,
        interval=(low, high),
        chance=chance,
        needed=chance,
        items=len(asked),
        independent=len(set(keys)),
        margin=None,
        on_twin=None,
        probed=True,
    )


def answer(
    model: LoadedModel, asked: Sequence[Question], prompts: Sequence[Rendered]
) -> tuple[Float[Tensor, " item"], Float[Tensor, " item"]]:
    """Log odds of right against wrong answers, in nats, and 1 where the likeliest of them all is right.

    `prompts` are read in the place of the questions' own, one for each: themselves, or their twins.
    """
    device = model.network.get_input_embeddings().weight.device
    odds, success = torch.zeros(len(asked)), torch.zeros(len(asked))
    for batch in batches([len(prompt.tokens) for prompt in prompts]):
        tokens = torch.tensor([prompts[i].tokens for i in batch], device=device)
        last = last_logits(model.network, tokens, 1)[:, -1].float().cpu()
        for i, logits in zip(batch, last, strict=True):
            right, wrong = logits[list(asked[i].right)], logits[list(asked[i].wrong)]
            odds[i] = right.logsumexp(0) - wrong.logsumexp(0)
            success[i] = float(right.max() > wrong.max())
    return odds, success


def chance_of(asked: Questions) -> float:
    """What a model reaches that does not read: guessing, or always the answer that is right most often."""
    guess = sum(len(q.right) / (len(q.right) + len(q.wrong)) for q in asked.questions) / len(asked.questions)
    right: Counter[int] = Counter()
    offered: Counter[int] = Counter()
    for question in asked.questions:
        right.update(question.right)
        offered.update((*question.right, *question.wrong))
    always = [token for token in right if offered[token] == len(asked.questions)]
    constant = max((right[token] / len(asked.questions) for token in always), default=0.0)
    return max(guess, constant)


def mean_by_key(values: Float[Tensor, " item"], keys: Sequence[str]) -> tuple[float, float, float]:
    """A share and its 95 % interval over keys, within [0, 1]: items about the same thing are no independent trials."""
    members: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        members.setdefault(key, []).append(index)
    means = torch.stack([values[indices].mean() for indices in members.values()])
    low, high = mean_interval(means[:, None])
    return float(means.mean()), max(0.0, float(low[0])), min(1.0, float(high[0]))


def _losses(model: LoadedModel, drawn: Sequences, *, twin: bool) -> Float[Tensor, " prompt"]:
    tokens = drawn.twin if twin else drawn.tokens
    found = []
    for start in range(0, len(tokens), size := max(1, TOKENS_AT_ONCE // tokens.shape[1])):
        part = slice(start, start + size)
        logits = last_logits(model.network, tokens[part], tokens.shape[1])
        found.append(scored_loss(logits, tokens[part], drawn.scored[part]).cpu())
    return torch.cat(found)
