"""Where the heads of a network attend on given prompts, in numbers a head, from one forward pass.

Six of the numbers are those that HeadVis shows (self, previous token, entropy, distance, its variance, induction),
by its formulas, over real tokens only: `mean` is over all of them in all prompts. No query x key matrix is made, so
long prompts cost little more than the pass itself.

Source: HeadVis (https://transformer-circuits.pub/2026/headvis/index.html), as computed for Neuronpedia by
neuronpedia_utils/headvis/compute-head-metrics.py (github.com/hijohnnylin/neuronpedia, commit 171aa95128ac).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.errors import DetectionError
from survey_tools.heads.arithmetic import Rows, mass_within, row_summary
from survey_tools.heads.capture import in_order, run
from survey_tools.heads.interception import AttentionCall

WINDOW = 32
"""Positions up to the query, itself included, that count as near."""
INDUCTION_THRESHOLD = 0.01
"""HeadVis leaves smaller weights out of its induction metric."""


@dataclass(frozen=True)
class HeadStatistics:
    """Numbers of every head, layer by layer (`[layer][head]`: layers may differ in their number of heads).

    A[i, j] is the attention of token i to token j; the mean is over the real tokens i of all prompts. Everything is in
    0..1 but entropy (nats), distance (positions) and its variance (positions squared).
    """

    self_attention: tuple[Float[Tensor, " head"], ...]
    """mean A[i, i]."""
    previous_token: tuple[Float[Tensor, " head"], ...]
    """mean A[i, i - 1], over tokens that have one before them."""
    first_token: tuple[Float[Tensor, " head"], ...]
    """mean A[i, first real token of the prompt], the first token itself included."""
    within_window: tuple[Float[Tensor, " head"], ...]
    """mean of the sum of A[i, j] over 0 <= i - j < window."""
    entropy: tuple[Float[Tensor, " head"], ...]
    """mean of -sum_j A[i, j] ln A[i, j]."""
    distance: tuple[Float[Tensor, " head"], ...]
    """mean of sum_j A[i, j] |i - j|."""
    distance_variance: tuple[Float[Tensor, " head"], ...]
    """mean of sum_j A[i, j] (i - j)^2, less the square of `distance`: over all rows together."""
    induction: tuple[Float[Tensor, " head"], ...]
    """Sum of A[i, p + 1] over all earlier places p of token i's id, weights below 0.01 left out, as a mean over the
    tokens whose id came before; NaN where none did. A token right after its own like counts A[i, i], as in HeadVis."""
    token_classes: Mapping[str, tuple[Float[Tensor, " head"], ...]]
    """For each class the mean of the sum of A[i, j] over tokens j of the class."""
    window: int
    tokens: int
    """Real tokens i that the means are over."""


def head_statistics(
    network: PreTrainedModel,
    tokens: Int[Tensor, "batch pos"],
    attention_mask: Int[Tensor, "batch pos"] | None = None,
    window: int = WINDOW,
    token_classes: Mapping[str, Bool[Tensor, "batch pos"]] | None = None,
) -> HeadStatistics:
    """Statistics of all heads on these prompts, from one forward pass.

    `attention_mask` is 0 at padding, on either side; prompts of fewer than two real tokens are left out, as HeadVis
    does. `token_classes` names sets of tokens by place, such as `{"comma": tokens == comma_id}`.

    Example: `head_statistics(network, tokens).previous_token[4][11]` is head L4H11.
    Raises DetectionError when shapes do not fit, the window is empty, no prompt has two tokens, padding stands on a
    side where this network reads a padded prompt otherwise than alone, or the pass goes round a layer.
    """
    if window < 1:
        raise DetectionError(f"a window of {window} positions holds no token; 1 is the token itself.")
    prompts = _Prompts.of(tokens, attention_mask, token_classes or {})
    layers: dict[int, dict[str, Tensor]] = {}

    def read(call: AttentionCall) -> None:
        layers[call.layer] = prompts.read(call.rows, window)

    run(network, tokens, read, lse=True, attention_mask=attention_mask)
    return prompts.named(in_order(network, layers), window)


@dataclass(frozen=True)
class _Prompts:
    """What the statistics need to know of the prompts, found once for all layers."""

    real: Bool[Tensor, "batch pos"]
    """Tokens i that count; none of a prompt that is too short."""
    has_previous: Bool[Tensor, "batch pos"]
    first: Int[Tensor, " batch"]
    class_names: tuple[str, ...]
    classes: Float[Tensor, "batch pos token_class"]
    """1 for the real tokens of each class."""
    last_copy: Int[Tensor, "batch pos"]
    """The place before i where the id of token i came last; -1 where it did not."""

    @classmethod
    def of(cls, tokens: Tensor, attention_mask: Tensor | None, classes: Mapping[str, Tensor]) -> _Prompts:
        for name, members in {"attention_mask": attention_mask, **classes}.items():
            if members is not None and members.shape != tokens.shape:
                raise DetectionError(
                    f"{name} has shape {tuple(members.shape)}, but the tokens have {tuple(tokens.shape)}; give one "
                    "number a token."
                )
        real = torch.ones_like(tokens, dtype=torch.bool) if attention_mask is None else attention_mask.bool()
        real = real.to(tokens.device) & (real.sum(1, keepdim=True) >= 2)
        if not real.any():
            raise DetectionError("no prompt has two real tokens, so there is no attention to describe.")
        none = real.new_zeros(*real.shape, 0)
        has_previous = real.clone()
        has_previous[:, 0] = False
        has_previous[:, 1:] &= real[:, :-1]
        return cls(
            real=real,
            has_previous=has_previous,
            first=real.byte().argmax(1),
            class_names=tuple(classes),
            classes=torch.cat(
                [none, *(members.to(real.device)[:, :, None] & real[:, :, None] for members in classes.values())], 2
            ).float(),
            last_copy=torch.stack([_last_copy(row, keep) for row, keep in zip(tokens, real, strict=True)]),
        )

    def read(self, rows: Rows, window: int) -> dict[str, Float[Tensor, "*token_class head"]]:
        """All statistics of one layer, under the names of `HeadStatistics`."""
        batch, n = self.real.shape
        position = torch.arange(n, device=self.real.device)
        here = torch.stack([position, position], 1)
        before = torch.stack([position, (position - 1).clamp(min=0)], 1)
        first = torch.stack([position.expand(batch, -1), self.first[:, None].expand(-1, n)], 2)
        summary = row_summary(rows, self.classes[:, None])
        distance = self._mean(summary.distance)
        return {
            "self_attention": self._mean(rows.at(here)),
            "previous_token": _mean_over(self.has_previous, rows.at(before)),
            "first_token": self._mean(rows.at(first)),
            "within_window": self._mean(mass_within(rows, window)),
            "entropy": self._mean(summary.entropy),
            "distance": distance,
            "distance_variance": self._mean(summary.squared_distance) - distance.square(),
            "induction": self._induction(rows),
            "token_classes": torch.stack([self._mean(mass) for mass in summary.weighed.unbind(3)])
            if self.class_names
            else distance.new_zeros(0, len(distance)),
        }

    def _mean(self, values: Float[Tensor, "batch head query_pos"]) -> Float[Tensor, " head"]:
        return _mean_over(self.real, values)

    def _induction(self, rows: Rows) -> Float[Tensor, " head"]:
        """Goes from copy to earlier copy, all tokens at once, so that only one pair a token is held."""
        total = torch.zeros(rows.shape[1], dtype=torch.float64)
        queries, places = _filled_first(
            torch.arange(self.real.shape[1], device=self.real.device).expand_as(self.real), self.last_copy
        )
        repeated = int((places >= 0).sum())
        while places.shape[1]:
            found = rows.at(torch.stack([queries, places + 1], 2)).double()
            ignored = (places < 0)[:, None].to(found.device) | (found < INDUCTION_THRESHOLD)
            total += found.masked_fill(ignored, 0.0).sum((0, 2)).cpu()
            earlier = self.last_copy.gather(1, places.clamp(min=0)).masked_fill(places < 0, -1)
            queries, places = _filled_first(queries, earlier)
        return total / repeated if repeated else torch.full_like(total, float("nan"))

    def named(self, layers: list[dict[str, Tensor]], window: int) -> HeadStatistics:
        """The statistics of all layers under their names."""

        def of(name: str) -> tuple[Tensor, ...]:
            return tuple(layer[name].float() for layer in layers)

        classes = of("token_classes")
        return HeadStatistics(
            self_attention=of("self_attention"),
            previous_token=of("previous_token"),
            first_token=of("first_token"),
            within_window=of("within_window"),
            entropy=of("entropy"),
            distance=of("distance"),
            distance_variance=of("distance_variance"),
            induction=of("induction"),
            token_classes={name: tuple(layer[n] for layer in classes) for n, name in enumerate(self.class_names)},
            window=window,
            tokens=int(self.real.sum()),
        )


def _mean_over(rows: Bool[Tensor, "batch pos"], values: Float[Tensor, "batch head pos"]) -> Float[Tensor, " head"]:
    # in float64: distances of long prompts squared and summed need more than seven digits
    kept = values.double().masked_fill(~rows.to(values.device)[:, None], 0.0)
    # on the CPU, since layers may be on other devices than each other and the tokens
    return kept.sum((0, 2)).cpu() / rows.sum().cpu()


def _last_copy(tokens: Int[Tensor, " pos"], real: Bool[Tensor, " pos"]) -> Int[Tensor, " pos"]:
    places = real.nonzero()[:, 0]
    places = places[torch.argsort(tokens[places], stable=True)]  # equal ids beside each other, each group in order
    same = tokens[places].diff() == 0
    last = torch.full_like(tokens, -1)
    last[places[1:][same]] = places[:-1][same]
    return last


def _filled_first(
    queries: Int[Tensor, "batch pair"], places: Int[Tensor, "batch pair"]
) -> tuple[Int[Tensor, "batch kept"], Int[Tensor, "batch kept"]]:
    """Both without the columns that are -1 in every prompt, once each prompt's own -1 are moved to the end."""
    order = torch.argsort((places < 0).byte(), dim=1, stable=True)[:, : int((places >= 0).sum(1).max())]
    return queries.gather(1, order), places.gather(1, order)
