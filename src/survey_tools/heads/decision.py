"""From scores to heads found, and from heads found to one verdict; the order of DETECTION, nothing else.

A head is found when it beats its paired control (Benjamini-Hochberg, 1 %), the chance null, the minimum
effect (of score minus control), and writes what the definition says. The verdict then asks for the behaviour and
the cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from survey_tools.heads.behaviour import Behaviour
from survey_tools.heads.calibrate import benjamini_hochberg
from survey_tools.heads.capture import Head, name_of
from survey_tools.heads.detector import Detector
from survey_tools.heads.evidence import Capability, CauseResult, Criterion, Judged, Scores, Writes

NEAR = 10
"""Near misses that a record keeps."""


def candidates(scores: Scores, minimum_effect: float) -> list[Head]:
    """Heads that pass control, null and minimum effect: those whose write is worth measuring."""
    return [judged.head for judged in judge(scores, minimum_effect, None, 0.0) if not judged.failed]


def judge(scores: Scores, minimum_effect: float, writes: Writes | None, at_chance: float) -> list[Judged]:
    """Every head with the criteria it missed, strongest score first. `writes=None`: the type claims no write,
    or it is not measured yet."""
    beats_control = benjamini_hochberg(scores.p_values)
    judged = []
    for index in scores.score.argsort(descending=True, stable=True).tolist():
        head = scores.heads[index]
        failed: list[Criterion] = []
        if not beats_control[index]:
            failed.append("control")
        if not scores.score[index] > scores.null.threshold:
            failed.append("null")
        if not scores.score[index] - scores.control[index] >= minimum_effect:
            failed.append("minimum effect")
        if not failed and writes is not None and not writes.interval[head][0] > at_chance:
            failed.append("write")
        judged.append(Judged(head, index, tuple(failed)))
    return judged


@dataclass(frozen=True)
class Verdict:
    """One of the words of the survey, and why in one sentence."""

    word: str
    reason: str


def verdict(
    detector: Detector,
    capability: Capability | None,
    behaviour: Behaviour | None,
    found: list[Head],
    cause: CauseResult,
    failed_controls: Sequence[str],
) -> Verdict:
    """`reproduced`, `partly`, `not reproduced` or `not testable here`.

    `capability=None`: the behaviour could not be measured here, for the reason that `cause` gives; `behaviour` is
    what the cause was tested on.
    `failed_controls`: the sentences of the detector's own controls that it failed.
    """
    names = _listed(found)
    if failed_controls:
        which = "a control" if len(failed_controls) == 1 else f"{len(failed_controls)} controls"
        sentences = f"The detector failed {which} of its own, so nothing it says here counts.", *failed_controls
        return Verdict("not testable here", " ".join(sentences))
    if detector.needs_behaviour and capability is None:
        return Verdict("not testable here", f"The behaviour could not be measured: {cause.reason}.")
    if detector.needs_behaviour and capability is not None and not capability.present:
        return Verdict(
            "not testable here",
            f"The model lacks the behaviour: {capability.name} {capability.value:.2f} "
            f"[{capability.low:.2f}, {capability.high:.2f}], and its lower end must be above "
            f"{capability.needed:.3g}.",
        )
    if not found:
        return Verdict("not reproduced", "No head passes score, control, null, minimum effect and write together.")
    if not cause.tested or behaviour is None:
        return Verdict("partly", f"{names} found; the causal check could not be made: {cause.reason}.")
    numbers = (
        f"{behaviour.name} {cause.clean:.2f} to {cause.ablated:.2f} {behaviour.unit} without them, "
        f"{sum(cause.random) / len(cause.random):.2f} without random heads of the same layers (p = {cause.p_value:.3f})"
    )
    if not cause.decidable:
        few = f"these layers have only {len(cause.random)} such sets, too few for a rank of 5 %"
        return Verdict("partly", f"{names} found; whether removing them hurts more is undecided: {numbers}; {few}.")
    if cause.holds:
        return Verdict("reproduced", f"{names} found, and removing them hurts: {numbers}.")
    return Verdict("partly", f"{names} found, but removing them does not hurt more than chance: {numbers}.")


def _listed(heads: list[Head]) -> str:
    if len(heads) <= 4:
        return ", ".join(name_of(head) for head in heads)
    return f"{', '.join(name_of(head) for head in heads[:3])} and {len(heads) - 3} more heads"
