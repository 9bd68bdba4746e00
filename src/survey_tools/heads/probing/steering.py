"""Steering: add a direction to z of chosen heads while the network runs, and see whether it does more than noise.

    z[head, pos] += alpha * sigma * direction

sigma is the standard deviation of z along the direction, so that alpha counts standard deviations, the same for all
heads (li-2023-iti: 48 heads, alpha 15, on a 7B model). Three things can stand behind a change of the metric: the
direction, the size of the push, and damage. So each curve comes with directions of the same size that mean nothing,
and the metric of damage (loss on other text) is to be measured with the same function.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.calibrate import mean_interval, rank_p
from survey_tools.heads.capture import Head, last_logits
from survey_tools.heads.interception import AttentionCall, Tap, attach, intercept
from survey_tools.heads.interventions.edits import require_editable
from survey_tools.heads.probing.linear_probes import HeadOutputs, HeadProbes

At = Literal["all", "last"] | Tensor
"""Which positions are pushed.

`last`: the last of each forward pass; in generation with a cache that is the end of the prompt and then each new
token. `all`: every position. A tensor `[prompt]`: from that position of each prompt on, which is where a completion
begins that is scored as a whole; in later steps of a generation with a cache, every position.
"""


@dataclass(frozen=True)
class Push:
    """What is added to z of each head for alpha = 1."""

    heads: tuple[Head, ...]
    vectors: Float[Tensor, "head d_head"]

    def __post_init__(self) -> None:
        if len(self.heads) != len(self.vectors) or len(set(self.heads)) != len(self.heads):
            raise DetectionError(f"{len(self.vectors)} vectors for {len(self.heads)} heads; give one each, none twice.")


def push_along_probes(probes: HeadProbes, heads: Sequence[Head]) -> Push:
    """One standard deviation along each head's probe direction, towards label 1.

    Raises DetectionError for a head that was not probed.
    """
    at = [probes.index(head) for head in heads]
    return Push(tuple(heads), probes.sigma[at, None] * probes.direction[at])


def push_along_means(outputs: HeadOutputs, labels: Int[Tensor, " example"], heads: Sequence[Head]) -> Push:
    """One standard deviation along the difference of the class means (the `mass mean` of li-2023-iti).

    Raises DetectionError for a head whose z is not there, or labels that are not 0 and 1, both there.
    """
    if sorted(set(labels.tolist())) != [0, 1]:
        raise DetectionError("labels must be 0 and 1, both there, for their means to differ.")
    vectors = []
    for head in heads:
        z = outputs.of(head)
        direction = torch.nn.functional.normalize(z[labels == 1].mean(0) - z[labels == 0].mean(0), dim=0)
        vectors.append((z @ direction).std() * direction)
    return Push(tuple(heads), torch.stack(vectors))


def random_pushes(push: Push, draws: int, seed: int = 0) -> tuple[Push, ...]:
    """Pushes of the same heads and, head by head, the same length, in directions uniform over the sphere.

    Isotropic directions mostly leave what z does anyway; `linear_probes.shuffled_directions` with
    `pushes_of_length` are the harder control.
    """
    generator = torch.Generator().manual_seed(seed)
    return pushes_of_length(push, torch.randn(draws, *push.vectors.shape, generator=generator))


def pushes_of_length(push: Push, directions: Float[Tensor, "draw head d_head"]) -> tuple[Push, ...]:
    """Pushes along `directions` (one for each head of `push`), each as long as that head's in `push`."""
    length = push.vectors.norm(dim=1, keepdim=True)
    unit = torch.nn.functional.normalize(directions, dim=2)
    return tuple(Push(push.heads, length * drawn) for drawn in unit)


def steering(network: PreTrainedModel, push: Push, alpha: float, at: At = "last") -> Tap:
    """The tap that adds alpha * push; alpha 0 changes nothing, a negative one steers towards label 0.

    Example: `with intercept(network, steering(network, push, 15.0)): network.generate(tokens)`.
    Raises DetectionError for a head that does not exist, ArchitectureRefused for one whose z can only be read; when
    it runs, DetectionError for positions that do not fit the prompts.
    """
    require_editable(network, push.heads)
    facts = attach(network)
    by_layer: dict[int, list[tuple[int, Tensor]]] = defaultdict(list)
    for (layer, head), vector in zip(push.heads, push.vectors, strict=True):
        by_layer[layer].append((head, alpha * vector[: facts.d_heads[layer]]))

    def add(call: AttentionCall) -> Tensor | None:
        if call.layer not in by_layer or alpha == 0:
            return None
        z = call.z.clone()
        pushed = _pushed(call, at).to(z)[..., None]
        for head, vector in by_layer[call.layer]:
            z[:, :, head] += pushed * vector.to(z)
        return z

    return add


def _pushed(call: AttentionCall, at: At) -> Float[Tensor, "batch query_pos"]:
    """1 where z is pushed."""
    batch, length = call.z.shape[:2]
    if isinstance(at, Tensor):
        keys = length if call.inputs is None else call.inputs.k.shape[2]
        if keys > length:  # a later step of a generation: the prompts lie in the cache
            return torch.ones(batch, length)
        if len(at) != batch or int(at.min()) < 0 or int(at.max()) >= length:
            raise DetectionError(
                f"steering begins at positions {at.tolist()[:5]}, but there are {batch} prompts of {length} tokens."
            )
        return (torch.arange(length) >= at.cpu()[:, None]).float()
    if at == "all":
        return torch.ones(batch, length)
    return (torch.arange(length) == length - 1).float().expand(batch, length)


Measure = Callable[[Tap], Float[Tensor, " prompt"]]
"""Runs the network under a tap and gives one number a prompt, such as a logit difference or a judged answer."""


@dataclass(frozen=True)
class SteeringCurve:
    """A metric over alphas, under the push and under pushes that mean nothing; on the CPU."""

    alphas: tuple[float, ...]
    unsteered: Float[Tensor, " prompt"]
    values: Float[Tensor, "alpha prompt"]
    low: Float[Tensor, " alpha"]
    high: Float[Tensor, " alpha"]
    """95 % interval over prompts of the change from unsteered."""
    random: Float[Tensor, "draw alpha"]
    """Mean change under each random push."""

    @property
    def change(self) -> Float[Tensor, " alpha"]:
        """Mean change from unsteered."""
        return (self.values - self.unsteered).mean(1)

    @property
    def p_values(self) -> Float[Tensor, " alpha"]:
        """Rank of the change among the random pushes, one-sided in the direction of the sign of alpha."""
        sign = self.change.new_tensor(self.alphas).sign()
        as_large = (self.random * sign >= self.change * sign - 1e-12).sum(0)
        return rank_p(as_large, len(self.random)).float()

    @property
    def monotone(self) -> bool:
        """Whether more push always gives more of the metric, over alphas in their order, 0 among them."""
        pairs = sorted([*zip(self.alphas, self.change.tolist(), strict=True), (0.0, 0.0)])
        return all(first[1] < second[1] for first, second in pairwise(pairs))


def steering_curve(
    network: PreTrainedModel,
    push: Push,
    measure: Measure,
    alphas: Sequence[float],
    random: Sequence[Push] = (),
    at: At = "last",
) -> SteeringCurve:
    """`measure` without steering, under `push` and under each of `random`, for every alpha.

    One call of `measure` for each: 1 + alphas * (1 + draws). 19 random pushes are the fewest for a rank of 5 %.
    Alphas chosen by their result need other prompts for the number that is reported.

    Example: `steering_curve(network, push, logit_difference(network, tokens, right, wrong), (-10, 10),
    random_pushes(push, 19))`.
    Raises DetectionError for alpha 0 or the same alpha twice.
    """
    if 0 in alphas or len(set(alphas)) != len(alphas) or not alphas:
        raise DetectionError(f"alphas {list(alphas)}: give different numbers other than 0, which is measured anyway.")

    def under(which: Push, alpha: float) -> Tensor:
        return measure(steering(network, which, alpha, at)).cpu()

    unsteered = under(push, 0.0)
    values = torch.stack([under(push, alpha) for alpha in alphas])
    by_chance = [torch.stack([(under(drawn, alpha) - unsteered).mean() for alpha in alphas]) for drawn in random]
    low, high = mean_interval((values - unsteered).T)
    return SteeringCurve(
        alphas=tuple(alphas),
        unsteered=unsteered,
        values=values,
        low=low,
        high=high,
        random=torch.stack(by_chance) if by_chance else torch.zeros(0, len(alphas)),
    )


def logit_difference(
    network: PreTrainedModel,
    tokens: Int[Tensor, "prompt pos"],
    right: Int[Tensor, " prompt"],
    wrong: Int[Tensor, " prompt"],
) -> Measure:
    """A measure: the logit of `right` minus that of `wrong` at the last position of prompts of one length."""
    rows = torch.arange(len(tokens))

    def measure(tap: Tap) -> Tensor:
        with torch.no_grad(), intercept(network, tap):
            last = last_logits(network, tokens, 1)[:, -1].float()
        return last[rows, right] - last[rows, wrong]

    return measure
