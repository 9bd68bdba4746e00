"""Detect head types on a model: the whole decision, as plain data that follows the run record's schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from survey_tools.errors import DetectionError
from survey_tools.heads.capture import require_logits
from survey_tools.heads.decision import verdict
from survey_tools.heads.detector import Detector
from survey_tools.heads.detectors import load_detector
from survey_tools.heads.evidence import Capability, CauseResult
from survey_tools.heads.interception import attach
from survey_tools.heads.measurement import Measurement, measurement
from survey_tools.heads.methods import Progress, method_of
from survey_tools.heads.methods.cause import capability, cause
from survey_tools.heads.methods.controls import Control, Found, find, negative_controls, positive_controls
from survey_tools.heads.models import LoadedModel
from survey_tools.heads.settings import Settings


def detect(
    model: LoadedModel,
    head_types: Sequence[str | Detector],
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
    known: Mapping[str, Capability] | None = None,
) -> list[Measurement]:
    """Look for heads of each type, decide, and check the cause.

    `head_types` are ids or detectors. Types of one method share their forward passes. `known` says by task what is
    known already of the model's abilities; it is asked before anything is measured anew. Returns one measurement a
    type, in the order asked for.

    Raises DetectionError when a task cannot be put to this model, ArchitectureRefused when its attention cannot
    be read exactly.
    """
    settings = settings or Settings()
    report = progress or (lambda _sentence: None)
    detectors = [load_detector(t) if isinstance(t, str) else t for t in head_types]
    if len({d.id for d in detectors}) != len(detectors):
        raise DetectionError("a head type is asked for twice; name each once.")
    require_causal(model)
    measured: dict[str, Measurement] = {}
    for group in by_method(detectors):
        found = find(model, group, settings, report)
        report("control: the planted model")
        positive = positive_controls(group, settings, report)
        negative = negative_controls(model, group, settings, report)
        for detector in group:
            controls = positive[detector.id], negative[detector.id]
            measured[detector.id] = _measure(
                model, detector, found[detector.id], controls, settings, report, (known or {}).get(detector.task)
            )
    return [measured[d.id] for d in detectors]


def require_causal(model: LoadedModel) -> None:
    """Raises DetectionError for an encoder, and for a network that gives no logits over a vocabulary."""
    network = model.network
    looks_ahead = {path for path, module in network.named_modules() if getattr(module, "is_causal", True) is False}
    if not looks_ahead:
        require_logits(network)  # before any pass: a classifier without padding token does not run on two prompts
    if looks_ahead.intersection(attach(network).paths):
        raise DetectionError(
            f"{model.id} is an encoder: its positions see what comes next, so detectors made for causal language "
            "models do not apply to it."
        )
    require_logits(network)


def by_method(detectors: Sequence[Detector]) -> list[list[Detector]]:
    """Detectors in groups that share their forward passes, and with them what a model must have to be read so.

    Example: `[[d.id for d in group] for group in by_method([load_detector("induction"), load_detector("successor")])]`
    is `[["induction"], ["successor"]]`.
    """
    groups: dict[str, list[Detector]] = {}
    for detector in detectors:
        groups.setdefault(method_of(detector).id, []).append(detector)
    return list(groups.values())


def _measure(
    model: LoadedModel,
    detector: Detector,
    found: Found,
    controls: tuple[Control, Control],
    settings: Settings,
    progress: Progress,
    known: Capability | None,
) -> Measurement:
    able, behaviour = known, None
    try:
        behaviour = detector.behaviour(model, settings)
    except DetectionError as error:  # the type's own score stands; only its cause can't be tested here
        effect = CauseResult(False, str(error).rstrip("."))
    else:
        if known is not None and not known.present:
            effect = _lacking(known)
        else:
            progress(f"{detector.id}: {behaviour.name}, {behaviour.items} prompts")
            run = behaviour.prepare(model.network)
            able = known or capability(run)
            effect = cause(model, run, found.heads, settings, progress) if able.present else _lacking(able)
    failed = [control.sentence for control in controls if not control.passed]
    decided = verdict(detector, able, behaviour, found.heads, effect, failed)
    progress(f"{detector.id}: {decided.word}")
    return measurement(model, detector, found, controls, able, behaviour, effect, decided, settings)


def _lacking(able: Capability) -> CauseResult:
    return CauseResult(False, f"the model lacks the behaviour ({able.name})")
