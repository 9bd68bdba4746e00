"""The causal check: mean-ablate the heads that were found, and as many random ones of the same layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from survey_tools.heads.behaviour import Behaviour, BehaviourRun
from survey_tools.heads.calibrate import effect_interval, random_head_sets, rank_p
from survey_tools.heads.capture import Head, mean_z
from survey_tools.heads.evidence import Capability, CauseResult
from survey_tools.heads.interception import attach
from survey_tools.heads.interventions.rerun import ablation
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.settings import Settings

LEVEL = 0.05


def capability(run: BehaviourRun) -> Capability:
    """Does the unchanged model show the behaviour?"""
    behaviour = run.behaviour
    value, low, high = run.capability()
    return Capability(
        task=behaviour.id,
        name=behaviour.capability_name,
        value=value,
        low=low,
        high=high,
        chance=behaviour.chance,
        needed=behaviour.needed,
        items=behaviour.items,
    )


def cause(
    model: LoadedModel,
    run: BehaviourRun,
    found: Sequence[Head],
    settings: Settings,
    progress: Callable[[str], None],
) -> CauseResult:
    """Harm of ablating `found` against the harm of random sets.

    Holds when the interval of the difference is above 0 and the rank p is at most 5 %; undecided when so few sets
    exist that no rank could reach that.
    """
    behaviour: Behaviour = run.behaviour
    if not found:
        return CauseResult(False, "no head was found, so there is nothing to remove")
    means = _means(model, behaviour)
    generator = torch.Generator().manual_seed(settings.seed + 2)
    compared = random_head_sets(found, attach(model.network).heads, settings.cause_draws, generator)
    sets = compared.sets
    if not sets:
        return CauseResult(False, "more than half of the heads of a layer were found, so none are left to compare with")
    sign = 1.0 if behaviour.harm == "higher" else -1.0
    clean = run.clean()
    ablated = run.ablated(found, ablation(model.network, found, means))
    draws = []
    for number, heads in enumerate(sets, 1):
        draws.append(run.ablated(heads, ablation(model.network, heads, means)))
        if number % 10 == 0 or number == len(sets):
            progress(f"random sets of heads ablated: {number} of {len(sets)}")
    random = torch.stack(draws)
    harm, random_harm = sign * (ablated.mean() - clean.mean()), sign * (random.mean(1) - clean.mean())
    p_value = float(rank_p(int((random_harm >= harm).sum()), len(sets)))
    low, high = effect_interval(run.by_group(sign * ablated), run.by_group(sign * random))
    return CauseResult(
        tested=True,
        clean=float(clean.mean()),
        ablated=float(ablated.mean()),
        random=tuple(sorted(random.mean(1).tolist())),
        all_sets=compared.exhausted,
        decidable=compared.can_decide,
        effect=float(harm - random_harm.mean()),
        interval=(low, high),
        p_value=p_value,
        holds=p_value <= LEVEL and low > 0,
    )


def _means(model: LoadedModel, behaviour: Behaviour) -> list[torch.Tensor]:
    """Mean z over the behaviour's own prompts and positions."""
    weights = [len(batch.tokens) * batch.tokens.shape[1] for batch in behaviour.batches]
    per_batch = [mean_z(model.network, batch.tokens) for batch in behaviour.batches]
    layers = range(len(per_batch[0]))
    total = sum(weights)
    return [
        sum((w * means[layer] for w, means in zip(weights, per_batch, strict=True)), torch.zeros(())) / total
        for layer in layers
    ]
