"""Can a model do a task? Right answers against chance with an interval, or the nats that a context saves.

For text: the share of items where the likeliest of all given answers is a right one; an encoder, which expects no next
token, is read through a probe. For drawn tokens: the loss on the corrupted twin minus the loss on the prompt. Chance is
the better of blind guessing and of having favourites among the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.calibrate import mean_interval, share_interval
from survey_tools.heads.capture import last_logits
from survey_tools.heads.encoder_capability import probe
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
    chance = chance_of(asked, model)
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
    report(f"{task.id}: {items} items, probed")
    found = probe(model, task, items)
    keys = [item.key for item in found.items]
    value, low, high = mean_by_key(found.success, keys)
    return TaskScore(
        task=task.id,
        name="share of items that a linear probe labels rightly",
        unit="share",
        value=value,
        interval=(low, high),
        chance=found.chance,
        needed=found.chance,
        items=len(found.items),
        independent=len(set(keys)),
        margin=None,
        on_twin=None,
        dropped=found.dropped,
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
            success[i] = share_won(right, wrong)
    require_numbers(odds, model)
    return odds, success


def share_won(right: Float[Tensor, " right"], wrong: Float[Tensor, " wrong"]) -> float:
    """1 where the likeliest answer is right; of several equally likely ones (in half precision), the share."""
    most = torch.maximum(right.max(), wrong.max())
    hits, misses = int((right == most).sum()), int((wrong == most).sum())
    return hits / (hits + misses) if hits else 0.0


def require_numbers(values: Tensor, model: LoadedModel) -> None:
    """Raises DetectionError where a network computed NaN or infinity."""
    if not torch.isfinite(values).all():
        raise DetectionError(f"{model.id} gives logits that are no numbers; load it in float32.")


def chance_of(asked: Questions, model: LoadedModel) -> float:
    """What a model reaches that does not read the prompts; the best of three ways.

    Guessing; always the answer that is right most often, where one is offered everywhere; and having favourites: what
    is right most often, where it is offered, in the dev split. How far favourites get is measured on the whole test
    split, so that a task whose right answers tend to be the larger numbers, say, gives it away.
    """
    guess = sum(len(q.right) / (len(q.right) + len(q.wrong)) for q in asked.questions) / len(asked.questions)
    blind = max(guess, _constant(asked.questions))
    try:
        dev = questions(asked.task, model, split="dev").questions
    except DetectionError:  # no dev item can be put to this model
        return blind
    return max(blind, favourites(dev, questions(asked.task, model).questions))


def _constant(asked: Sequence[Question]) -> float:
    right = Counter(token for question in asked for token in question.right)
    offered = Counter(token for question in asked for token in (*question.right, *question.wrong))
    return max((right[token] / len(asked) for token in right if offered[token] == len(asked)), default=0.0)


def favourites(learnt: Sequence[Question], asked: Sequence[Question]) -> float:
    """Share of `asked` won by the answer that is right most often in `learnt`; equals share a win.

    Example: where a letter is right in each of `learnt` in which it is offered, and in all of `asked`, that is 1.
    """
    right: Counter[int] = Counter()
    offered: Counter[int] = Counter()
    for question in learnt:
        right.update(question.right)
        offered.update((*question.right, *question.wrong))
    won = 0.0
    for question in asked:
        options = (*question.right, *question.wrong)
        guess = len(question.right) / len(options)
        # as if offered once more and right as often as by guessing: what was seen once decides little
        liked = {option: (right[option] + guess) / (offered[option] + 1) for option in options}
        best = [option for option in options if liked[option] == max(liked.values())]
        won += sum(option in question.right for option in best) / len(best)
    return won / len(asked)


def mean_by_key(values: Float[Tensor, " item"], keys: Sequence[str]) -> tuple[float, float, float]:
    """A share and its 95 % interval over keys: items about the same thing are no independent trials.

    The mean over keys, and Wilson's interval with as many trials as keys. Raises DetectionError for a single key.
    """
    members: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        members.setdefault(key, []).append(index)
    if len(members) < 2:
        raise DetectionError(f"all {len(keys)} items are about the same thing ({keys[0]}), which gives no interval.")
    mean = torch.stack([values[indices].double().mean() for indices in members.values()]).mean()
    low, high = share_interval(mean, len(members))
    return float(mean), float(low), float(high)


def _losses(model: LoadedModel, drawn: Sequences, *, twin: bool) -> Float[Tensor, " prompt"]:
    tokens = drawn.twin if twin else drawn.tokens
    found = []
    for start in range(0, len(tokens), size := max(1, TOKENS_AT_ONCE // tokens.shape[1])):
        part = slice(start, start + size)
        logits = last_logits(model.network, tokens[part], tokens.shape[1])
        found.append(scored_loss(logits, tokens[part], drawn.scored[part]).cpu())
    losses = torch.cat(found)
    require_numbers(losses, model)
    return losses
