"""When is a score more than luck? Exact tests over prompts, false discovery rate, intervals, chance nulls.

The chance null turns at random what the method reads, a hundred times or more; a head must beat the 95 %
quantile of the *largest* score over heads. Thresholds of the literature play no part in it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from math import comb, prod
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.architectures import AttentionLayout, attention_layout
from survey_tools.heads.capture import Head
from survey_tools.heads.interception import AttentionCall, attach, intercept
from survey_tools.heads.intervene import answering

FALSE_DISCOVERY_RATE = 0.01
NULL_QUANTILE = 0.95
NULL_DRAWS = 100
MOST_PROMPTS = 20
"""Sign flips are enumerated: 2 ** 20 of them take a second."""


def sign_flip(differences: Float[Tensor, "prompt item"]) -> Float[Tensor, " item"]:
    """One-sided exact p that the mean difference of each item is above 0, over all 2 ** prompts sign flips.

    Raises DetectionError with more than `MOST_PROMPTS` prompts.
    """
    prompts, items = differences.shape
    if prompts > MOST_PROMPTS:
        raise DetectionError(f"{prompts} prompts: sign flips are enumerated for {MOST_PROMPTS} at most.")
    values = differences.double()
    observed = values.sum(0)
    # flipping a set of prompts lowers the sum by twice the sum over the set, so count the sets of sum <= 0
    half = prompts // 2
    first, second = _subset_sums(values[:half]), _subset_sums(values[half:])
    slack = 1e-12 + 1e-9 * values.abs().sum(0)
    count = torch.zeros(items, dtype=torch.float64)
    for item in range(items):
        ordered = second[:, item].sort().values
        count[item] = torch.searchsorted(ordered, slack[item] - first[:, item], right=True).sum()
    p = count / 2.0**prompts
    return torch.where(observed == 0, torch.ones_like(p), p).float()


def _subset_sums(values: Float[Tensor, "prompt item"]) -> Float[Tensor, "subset item"]:
    sums = torch.zeros(1, values.shape[1], dtype=values.dtype)
    for row in values:
        sums = torch.cat([sums, sums + row])
    return sums


def sign_test(differences: Int[Tensor, "sample item"]) -> Float[Tensor, " item"]:
    """One-sided exact sign test of differences in {-1, 0, 1}; zeros do not count."""
    up, down = (differences > 0).sum(0).tolist(), (differences < 0).sum(0).tolist()
    return torch.tensor([_binomial_tail(u, u + d) for u, d in zip(up, down, strict=True)])


def _binomial_tail(successes: int, trials: int) -> float:
    return float(sum(comb(trials, k) for k in range(successes, trials + 1)) / 2**trials)


def benjamini_hochberg(p_values: Float[Tensor, " item"], rate: float = FALSE_DISCOVERY_RATE) -> Bool[Tensor, " item"]:
    """Which items are found when a share `rate` of finds may be false (Benjamini and Hochberg's step-up rule)."""
    count = len(p_values)
    order = p_values.argsort()
    below = p_values[order] <= rate * torch.arange(1, count + 1) / count
    passed = torch.zeros(count, dtype=torch.bool)
    if below.any():
        passed[order[: int(below.nonzero().max()) + 1]] = True
    return passed


# 97.5 % quantiles of Student's t for 1, 2, ... degrees of freedom; from 30 on the normal approximation below
_STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045,
)  # fmt: skip
_NORMAL = 1.959964


def student_quantile(degrees: int) -> float:
    """97.5 % quantile of Student's t; past the table, two terms of its expansion around the normal one."""
    if degrees < 1:
        return float("inf")
    if degrees <= len(_STUDENT):
        return _STUDENT[degrees - 1]
    z = _NORMAL
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def mean_interval(values: Float[Tensor, "sample item"]) -> tuple[Float[Tensor, " item"], Float[Tensor, " item"]]:
    """95 % interval of the mean over independent samples.

    Student's interval; for values that are all 0 or 1, Wilson's, which does not collapse when all agree. With the
    few prompts of a detection, a percentile bootstrap would be far too narrow.
    """
    values = values.float()
    count, mean = len(values), values.mean(0)
    if bool(((values == 0) | (values == 1)).all()):
        middle = (mean + _NORMAL**2 / (2 * count)) / (1 + _NORMAL**2 / count)
        spread = (mean * (1 - mean) / count + _NORMAL**2 / (4 * count**2)).sqrt() * _NORMAL / (1 + _NORMAL**2 / count)
        return middle - spread, middle + spread
    half = student_quantile(count - 1) * values.std(0, correction=1 if count > 1 else 0) / count**0.5
    return mean - half, mean + half


@dataclass(frozen=True)
class ChanceNull:
    """The largest score over heads in each draw, and the quantile that a head must exceed."""

    largest: Float[Tensor, " draw"]
    threshold: float


def chance_null(largest: Float[Tensor, " draw"]) -> ChanceNull:
    """From the largest scores of the draws. Raises DetectionError for fewer than 100 draws."""
    if len(largest) < NULL_DRAWS:
        raise DetectionError(f"{len(largest)} draws are too few for a null; take {NULL_DRAWS} or more.")
    return ChanceNull(largest, float(largest.quantile(NULL_QUANTILE)))


def random_rotations(count: int, width: int, generator: torch.Generator) -> Float[Tensor, "count width width"]:
    """Random orthogonal matrices, uniform over the group (QR of a Gaussian with the signs put right)."""
    q, r = torch.linalg.qr(torch.randn(count, width, width, generator=generator))
    turned: Tensor = q * torch.sign(torch.diagonal(r, dim1=-2, dim2=-1))[:, None, :]
    return turned


class _Enough(Exception):
    """Ends a replayed attention module once its attention was read."""


class QueryRotation:
    """Replays every attention module on a frozen residual stream with its queries turned at random.

    The turn is a random orthogonal matrix a head on what the query projection gives, bias included, *before*
    q-norm and RoPE: after RoPE the null would be three to seven times too small. The modules' inputs are those
    of the unchanged model, so a draw costs no forward pass: keys and values answer from memory.
    """

    def __init__(self, network: PreTrainedModel, tokens: Int[Tensor, "batch pos"]) -> None:
        self._network = network
        facts = attach(network)
        modules = dict(network.named_modules())
        self._modules = [modules[path] for path in facts.paths]
        self._layouts = [attention_layout(network, layer) for layer in range(facts.layers)]
        self._widths = facts.d_heads
        self._calls: dict[int, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self._made: dict[int, Tensor] = {}
        self._record(tokens)

    def _record(self, tokens: Tensor) -> None:
        hooks = []
        for layer, module in enumerate(self._modules):
            hooks.append(
                module.register_forward_pre_hook(
                    lambda _m, args, kwargs, layer=layer: self._calls.__setitem__(layer, (args, kwargs)),
                    with_kwargs=True,
                )
            )
            for linear in self._layouts[layer].linears():
                hooks.append(
                    linear.register_forward_hook(lambda made, _i, output: self._made.__setitem__(id(made), output))
                )
        try:
            with torch.no_grad(), intercept(self._network):
                self._network.base_model(input_ids=tokens, use_cache=False)
        finally:
            for hook in hooks:
                hook.remove()

    def draw(self, read: Callable[[AttentionCall], Tensor], generator: torch.Generator | None) -> list[Tensor]:
        """What `read` gives in every layer under one random turn (None: no turn, the model as it is)."""
        results: dict[int, Tensor] = {}

        def tap(call: AttentionCall) -> Tensor | None:
            results[call.layer] = read(call)
            raise _Enough

        with torch.no_grad(), intercept(self._network, tap, lse=True):
            for layer, module in enumerate(self._modules):
                args, kwargs = self._calls[layer]
                with self._answers(layer, generator), suppress(_Enough):
                    module(*args, **kwargs)
        return [results[layer] for layer in range(len(self._modules))]

    @contextmanager
    def _answers(self, layer: int, generator: torch.Generator | None) -> Iterator[None]:
        layout = self._layouts[layer]
        with ExitStack() as stack:
            for linear in layout.linears():
                made = self._made[id(linear)]
                if linear is layout.query.module and generator is not None:
                    made = _turned(
                        made,
                        layout,
                        random_rotations(len(layout.query.columns), self._widths[layer], generator),
                    )
                stack.enter_context(answering(linear, made))
            yield


def _turned(made: Tensor, layout: AttentionLayout, rotations: Tensor) -> Tensor:
    columns = layout.query.columns
    turned = made.clone()
    heads = made[..., columns]  # [batch, pos, head, d_head]
    turned[..., columns] = torch.einsum("bphd,hde->bphe", heads, rotations.to(made.dtype).to(made.device))
    return turned


FEWEST_SETS = 19
"""With fewer random sets no rank can reach 5 %."""


@dataclass(frozen=True)
class RandomSets:
    """Sets of heads to compare found ones with."""

    sets: tuple[tuple[Head, ...], ...]
    exhausted: bool
    """These are all the sets there are, not a draw of them."""

    @property
    def can_decide(self) -> bool:
        """Enough of them for a rank of 5 %."""
        return len(self.sets) >= FEWEST_SETS


def random_head_sets(
    chosen: Sequence[Head], heads: Sequence[int], draws: int, generator: torch.Generator
) -> RandomSets:
    """As many random heads of the same layers, never one that was found; `heads[layer]` is the number of heads.

    At most `draws` sets; when no more exist, all of them; none where some layer has fewer heads left than were
    found in it. Heads of other layers would be no substitute: they may be parts of the same circuit.
    """
    by_layer: dict[int, list[int]] = {}
    for layer, head in chosen:
        by_layer.setdefault(layer, []).append(head)
    pools = [
        _Pool(tuple((layer, h) for h in range(heads[layer]) if h not in found), len(found))
        for layer, found in sorted(by_layer.items())
    ]
    return RandomSets(*_draw_sets(pools, draws, generator))


@dataclass(frozen=True)
class _Pool:
    heads: tuple[Head, ...]
    take: int


def _number_of_sets(pools: Sequence[_Pool]) -> int:
    return prod(comb(len(pool.heads), pool.take) for pool in pools)


def _draw_sets(
    pools: Sequence[_Pool], draws: int, generator: torch.Generator
) -> tuple[tuple[tuple[Head, ...], ...], bool]:
    total = _number_of_sets(pools)
    if total <= draws:
        choices = [itertools.combinations(pool.heads, pool.take) for pool in pools]
        return tuple(tuple(itertools.chain(*parts)) for parts in itertools.product(*choices)), True
    sets: dict[tuple[Head, ...], None] = {}
    while len(sets) < draws:
        drawn: list[Head] = []
        for pool in pools:
            order = torch.randperm(len(pool.heads), generator=generator)[: pool.take].tolist()
            drawn.extend(pool.heads[index] for index in sorted(order))
        sets[tuple(drawn)] = None
    return tuple(sets), False


def effect_interval(found: Float[Tensor, " unit"], random: Float[Tensor, "draw unit"]) -> tuple[float, float]:
    """95 % interval of mean(found) - mean(random) over units (prompts, or groups of prompts that belong together).

    Student's interval over units, widened by the spread of the random sets.
    """
    differences = found - random.mean(0)
    units, draws = len(differences), len(random)
    variance = differences.var(correction=1) / units if units > 1 else torch.tensor(float("inf"))
    if draws > 1:
        variance = variance + random.mean(1).var(correction=1) / draws
    half = student_quantile(units - 1) * float(variance) ** 0.5
    mean = float(differences.mean())
    return mean - half, mean + half
