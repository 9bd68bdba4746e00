"""Which heads carry a label: one linear probe a head, and what it takes to believe it.

    outputs = z_at(network, prompts)
    probes = probe_heads(outputs, labels, groups, controls=surface_features(network, prompts))
    probes.found                        # heads that beat shuffled labels, chance, the minimum and the surface

The truthfulness, accuracy, consistency, coherence, faithfulness, style, question answering and safety heads of the
literature are found in this way, each with its own labels. A probe says that a label can be read from a head, not
that the head computes it or that the model uses it: that is for steering and ablation to show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from survey_tools.errors import DetectionError
from survey_tools.heads.calibrate import (
    NULL_DRAWS,
    ChanceNull,
    benjamini_hochberg,
    chance_null,
    mean_interval,
    rank_p,
)
from survey_tools.heads.capture import Head, name_of
from survey_tools.heads.probing.linear_probes.folds import FOLDS, group_folds, shuffled_labels
from survey_tools.heads.probing.linear_probes.outputs import HeadOutputs
from survey_tools.heads.probing.linear_probes.ranking import (
    area_under_curve,
    auc_interval,
    group_influence,
    interval_half,
)
from survey_tools.heads.probing.linear_probes.ridge import STRENGTHS, FactoredRidge, held_out_scores, same_geometry

MINIMUM_AUC = 0.7
"""Our own minimum effect, not a source's: below it significance alone would find heads of no use."""
_NUMBERS_AT_ONCE = 2**23
"""Held-out scores at once (64 MB each copy): heads are taken in parts that stay below."""


@dataclass(frozen=True)
class SurfaceControl:
    """The same probe on features that need no attention."""

    name: str
    auc: float
    low: float
    high: float


@dataclass(frozen=True)
class HeadProbes:
    """One probe a head, all numbers from examples whose group the probe has not seen; `heads[i] = (layer, head)`."""

    heads: tuple[Head, ...]
    auc: Float[Tensor, " head"]
    """Area under the ROC curve of held-out scores, 0 to 1; chance is 0.5.

    Well below 0.5 is chance, too: what the training folds have by luck, the held-out one lacks."""
    low: Float[Tensor, " head"]
    high: Float[Tensor, " head"]
    accuracy: Float[Tensor, " head"]
    """Share of held-out examples on the right side of 0, the mean over groups."""
    accuracy_low: Float[Tensor, " head"]
    accuracy_high: Float[Tensor, " head"]
    p_values: Float[Tensor, " head"]
    """Share of AUCs with shuffled labels, over all heads and draws, that are as high."""
    null: ChanceNull
    """Largest AUC over heads for each shuffle."""
    controls: tuple[SurfaceControl, ...]
    over_surface: Float[Tensor, " head"] | None
    """Lower end of the 95 % interval of the AUC minus that of the best control; None without controls."""
    minimum_effect: float
    direction: Float[Tensor, "head d_head"]
    """Unit vector towards label 1 in z, fitted on all examples; zeros where z never changes."""
    sigma: Float[Tensor, " head"]
    """Standard deviation of z along `direction` over all examples: the unit of steering."""
    strength: Float[Tensor, " head"]
    """Regularisation of `direction`, as a share of the variance of z."""
    held_out: Float[Tensor, "head example"]
    """Score of each example: the training means of labels 1 and 0 are 1 and -1."""

    @property
    def found(self) -> tuple[Head, ...]:
        """Heads that miss no criterion, highest AUC first."""
        order = self.auc.argsort(descending=True, stable=True).tolist()
        return tuple(self.heads[index] for index in order if not self.missed(self.heads[index]))

    def missed(self, head: Head) -> tuple[str, ...]:
        """Criteria that a head misses, of: shuffled labels (Benjamini-Hochberg over heads), largest by chance,
        minimum effect, surface features."""
        index = self.index(head)
        auc = float(self.auc[index])
        passed = {
            "shuffled labels": bool(benjamini_hochberg(self.p_values)[index]),
            "largest by chance": auc > self.null.threshold,
            "minimum effect": auc >= self.minimum_effect,
            "surface features": self.over_surface is None or float(self.over_surface[index]) > 0,
        }
        return tuple(name for name, holds in passed.items() if not holds)

    def index(self, head: Head) -> int:
        """Where a head stands in every field. Raises DetectionError for a head that was not probed."""
        if head not in self.heads:
            raise DetectionError(f"{name_of(head)} is not among the {len(self.heads)} heads that were probed.")
        return self.heads.index(head)

    def transfer(self, outputs: HeadOutputs, labels: Int[Tensor, " example"]) -> Float[Tensor, " head"]:
        """AUC of these directions on other examples: another data set, another topic, another language.

        Raises DetectionError when the heads are not the same, or labels are not 0 and 1, both there.
        """
        if outputs.heads != self.heads:
            raise DetectionError("these outputs are of other heads than the probes; capture both on one network.")
        along = torch.einsum("nhd,hd->hn", outputs.z.double(), self.direction.double())
        return area_under_curve(along, _checked_labels(labels, len(outputs.z))).float()


def probe_heads(
    outputs: HeadOutputs,
    labels: Int[Tensor, " example"],
    groups: Int[Tensor, " _example"],
    *,
    controls: Mapping[str, Float[Tensor, "_example _feature"]] | None = None,
    folds: int = FOLDS,
    draws: int = NULL_DRAWS,
    minimum_effect: float = MINIMUM_AUC,
    seed: int = 0,
) -> HeadProbes:
    """A cross-validated ridge probe of each head (`ridge`), its chance null, and the surface features to beat.

    `labels` are 0 or 1. Examples with the same number in `groups` never stand in different folds; where a group
    holds both labels (a statement and its negation), chance is their shuffle within groups. A head is found when
    its AUC beats shuffled labels (p over all heads and draws, Benjamini-Hochberg at 1 %), exceeds what the largest AUC
    over heads stays below in 99 % of shuffles, reaches `minimum_effect`, and lies above the best of `controls` by
    more than the 95 % interval of the difference. Each shuffle goes through the whole procedure, choice of strength
    included.

    Sources: li-2023-iti (probes on z of single heads at the last token); grouping, nulls and controls are ours.
    Raises DetectionError when shapes differ, labels are not 0 and 1, both there, z is not finite, or groups are too
    few for the folds or the null.

    Example: `probe_heads(z_at(network, prompts), labels, groups=template_of_prompt).found`.
    """
    wanted = _checked_labels(labels, len(outputs.z))
    _require_finite(outputs)
    if len(groups) != len(wanted):
        raise DetectionError(f"{len(groups)} groups were given for {len(wanted)} examples; give one an example.")
    fold = group_folds(groups, wanted, folds, seed)
    shuffled = shuffled_labels(wanted, groups, fold, draws, torch.Generator().manual_seed(seed))
    scores, strengths, by_chance = _probed(outputs.z, wanted, shuffled, fold)
    auc, influence = group_influence(scores, wanted, groups)
    low, high = auc_interval(auc, influence)
    accuracy = _by_group(((scores > 0) == wanted).double(), groups)
    accuracy_low, accuracy_high = mean_interval(accuracy)
    surface, over_surface = _against_controls(controls or {}, wanted, groups, fold, auc, influence)
    direction = _directions(outputs.z, wanted, strengths)
    return HeadProbes(
        heads=outputs.heads,
        auc=auc.float(),
        low=low.float(),
        high=high.float(),
        accuracy=accuracy.mean(0).float(),
        accuracy_low=accuracy_low,
        accuracy_high=accuracy_high,
        p_values=_pooled_p(auc, by_chance),
        null=chance_null(by_chance.max(1).values.float()),
        controls=surface,
        over_surface=over_surface,
        minimum_effect=minimum_effect,
        direction=direction,
        sigma=torch.einsum("nhd,hd->nh", outputs.z.float(), direction).std(0),
        strength=strengths.float(),
        held_out=scores.float(),
    )


def _checked_labels(labels: Tensor, examples: int) -> Bool[Tensor, " example"]:
    if len(labels) != examples:
        raise DetectionError(f"{len(labels)} labels were given for {examples} examples; give one an example.")
    values = sorted(set(labels.tolist()))
    if values != [0, 1]:
        raise DetectionError(f"labels are {values[:5]}, but a probe tells 1 from 0 and needs examples of both.")
    return labels.bool()


def _require_finite(outputs: HeadOutputs) -> None:
    broken = (~outputs.z.isfinite().all(2)).any(0).nonzero()
    if len(broken):
        head = name_of(outputs.heads[int(broken[0])])
        raise DetectionError(f"z of {head} holds NaN or infinity (overflow in this precision?); load it in float32.")


def _probed(
    z: Float[Tensor, "example head d_head"], labels: Tensor, shuffled: Tensor, folds: Tensor
) -> tuple[Float[Tensor, "head example"], Float[Tensor, " head"], Float[Tensor, "draw head"]]:
    """Held-out scores and strength of every head, and its AUC under each of the shuffled labels."""
    labellings = torch.cat([labels[None], shuffled])
    at_once = max(1, _NUMBERS_AT_ONCE // (len(STRENGTHS) * labellings.numel()))
    scores, strengths, by_chance = [], [], []
    for part in torch.split(z, at_once, 1):
        held = held_out_scores(part, labellings, folds)
        by_chance.append(area_under_curve(held.scores[1:], shuffled[:, None]))
        scores.append(held.scores[0])
        strengths.append(held.strength[0])
    return torch.cat(scores), torch.cat(strengths), torch.cat(by_chance, 1)


def _by_group(values: Float[Tensor, "head example"], groups: Tensor) -> Float[Tensor, "group head"]:
    return torch.stack([values[:, groups == group].mean(1) for group in torch.unique(groups).tolist()])


def _pooled_p(auc: Float[Tensor, " head"], by_chance: Float[Tensor, "draw head"]) -> Float[Tensor, " head"]:
    """Over all heads and draws: a hundred draws of one head alone could never pass Benjamini-Hochberg at 1 %."""
    pool = by_chance.reshape(-1).sort().values
    as_high = len(pool) - torch.searchsorted(pool, auc - 1e-9)
    return rank_p(as_high, len(pool)).float()


def _against_controls(
    controls: Mapping[str, Tensor], labels: Tensor, groups: Tensor, folds: Tensor, auc: Tensor, influence: Tensor
) -> tuple[tuple[SurfaceControl, ...], Tensor | None]:
    """Each control's own AUC, and by how much each head surely exceeds the best of them."""
    surface, over = [], []
    for name, features in controls.items():
        if len(features) != len(labels):
            raise DetectionError(f"control {name!r} has {len(features)} rows for {len(labels)} examples.")
        scores = held_out_scores(same_geometry(features)[:, None], labels[None], folds).scores[0]
        own, own_influence = group_influence(scores, labels, groups)
        low, high = auc_interval(own, own_influence)
        surface.append(SurfaceControl(name, float(own), float(low), float(high)))
        over.append(auc - own - interval_half(influence - own_influence))
    return tuple(surface), torch.stack(over).min(0).values.float() if over else None


def _directions(
    z: Float[Tensor, "example head d_head"], labels: Tensor, strengths: Float[Tensor, " head"]
) -> Float[Tensor, "head d_head"]:
    directions = torch.zeros(z.shape[1:], dtype=torch.float64)
    for strength in torch.unique(strengths).tolist():
        same = (strengths == strength).nonzero()[:, 0]
        ridge = FactoredRidge(z[:, same].double().transpose(0, 1))
        directions[same] = ridge.direction(labels[None], strength)[..., 0]
    length = directions.norm(dim=1, keepdim=True)
    return torch.where(length > 0, directions / length.clamp_min(1e-30), directions).float()
