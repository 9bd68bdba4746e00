"""The public interface: what notebooks, the command line and other people's code call.

Tensors and tables that come out are plain: PyTorch tensors with named axes in the signature, and lists of dicts.
Nothing that goes in is changed; a network is put into eval mode and its weights stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import PreTrainedModel

from survey_tools.arguments import head_types_of, heads_of, require_head_type, require_pairs, require_prompts
from survey_tools.errors import DetectionError, ModelUnavailable, ModelUnknown, SurveyError
from survey_tools.heads import capture, statistics
from survey_tools.heads import detect as detection
from survey_tools.heads.capability import ITEMS, TaskScore, score_task
from survey_tools.heads.capture import Head, Mask, last_logits, mean_z, refuse_inexact_padding
from survey_tools.heads.detector import Detector
from survey_tools.heads.detectors import detector_ids, load_detector, outside_ids
from survey_tools.heads.evidence import Capability
from survey_tools.heads.interception import intercept
from survey_tools.heads.interventions.patching import PatchingEffects, PromptMetric, patching_effects
from survey_tools.heads.interventions.rerun import ablation
from survey_tools.heads.methods import method_of
from survey_tools.heads.models import (
    Licence,
    LoadedModel,
    ModelSource,
    Progress,
    load,
    prepends_bos,
    state_digest,
)
from survey_tools.heads.prompts.rendering import Questions
from survey_tools.heads.prompts.rendering import questions as questions_of
from survey_tools.heads.prompts.sequences import SequenceTask
from survey_tools.heads.prompts.task import Split, TextTask
from survey_tools.heads.settings import Settings
from survey_tools.heads.statistics import WINDOW, HeadStatistics
from survey_tools.heads.tasks import load_task, task_ids
from survey_tools.knowledge.root import find_root
from survey_tools.knowledge.survey import Survey, load_survey
from survey_tools.model_sources import ModelOrigin, model_origin
from survey_tools.notebooks.capability import known_abilities
from survey_tools.results.records import Measurement, RunRecord
from survey_tools.results.store import ResultStore
from survey_tools.results.tables import scores_table

__all__ = [
    "Settings",
    "ablate",
    "attention_at",
    "capability",
    "detect",
    "head_statistics",
    "known_detectors",
    "known_tasks",
    "load_model",
    "load_records",
    "load_survey",
    "load_task",
    "model_source",
    "null_distribution",
    "origin_of",
    "patch",
    "questions",
    "scores_table",
    "wrap",
]

DTYPES = ("float32", "bfloat16", "float16")
AnyModel: TypeAlias = LoadedModel | PreTrainedModel | str | Path
"""A model that `load_model` or `wrap` gave, a bare network, or what `load_model` takes."""


def load_model(
    model: str | Path,
    *,
    device: str = "cpu",
    dtype: str | torch.dtype | None = None,
    accept_licence: bool = False,
    progress: Progress | None = None,
    survey: Survey | None = None,
) -> LoadedModel:
    """An open model by the id of its entry, by `owner/name[@revision]` of a hub, or by folder.

    Weights are fetched by pinned hash on first use and kept in the cache (`SURVEY_CACHE` moves it); what the memory of
    `device` cannot hold is refused before it is fetched. `dtype` is `float32`, `bfloat16` or `float16`, or PyTorch's
    own of that name; by default what the entry says, else float32. An id may name a training checkpoint:
    `pythia-160m@step1000`, `tiny@seed-1-step-200`. A network that is loaded already goes to `wrap`.

    Raises ModelError, one of its kinds, with what to do.

    Example: `load_model("smollm2-135m-instruct")`, `load_model("openai-community/gpt2", device="cuda")`.
    """
    require_device(device)
    dtype = str(dtype).removeprefix("torch.") if isinstance(dtype, torch.dtype) else dtype
    if dtype is not None and dtype not in DTYPES:
        raise ModelUnknown(f"there is no dtype {dtype!r} here; expected {', '.join(DTYPES)}.")
    model = str(model)
    origin = origin_of(model, survey)
    return load(
        model,
        origin.source,
        device=device,
        dtype=getattr(torch, dtype or origin.dtype),
        accept_licence=accept_licence,
        licence=origin.licence,
        parameters=origin.parameters,
        progress=progress,
    )


def model_source(model: str, survey: Survey | None = None) -> tuple[ModelSource, Licence | None]:
    """Where the weights of `model` come from and under which terms: its entry, a hub, or a folder."""
    origin = origin_of(model, survey)
    return origin.source, origin.licence


def origin_of(model: str, survey: Survey | None = None) -> ModelOrigin:
    """`model_source` with what is known of the weights beforehand. Raises ModelUnknown as `model_origin` does."""
    return model_origin(model, {} if "/" in model else (survey or load_survey()).models)


def wrap(network: PreTrainedModel, tokenizer: Any = None, *, name: str | None = None) -> LoadedModel:
    """A transformers network that you have loaded yourself, ready for every function here.

    It is put into eval mode; weights, hooks and device stay as they are. Without a tokenizer, head types whose task
    is made of words cannot be looked for. `name` is what results call the model; by default the name it was loaded
    under. The digest in results is a sha256 over the state dict, computed here, once: weights that you change
    afterwards need a new `wrap`.

    Raises ModelUnknown for anything but a transformers `PreTrainedModel`.

    Example: `detect(wrap(network, tokenizer), ["induction"])`.
    """
    if not isinstance(network, PreTrainedModel):
        raise ModelUnknown(
            f"a {type(network).__module__}.{type(network).__name__} is not a transformers PreTrainedModel; "
            "give the network inside it (of nnsight and TransformerLens too: load it with transformers first)."
        )
    known_as = Path(str(getattr(network, "name_or_path", "") or type(network).__name__))
    return LoadedModel(
        id=name or (known_as.name if known_as.is_absolute() else str(known_as)),  # no path of this machine
        network=network.eval(),
        tokenizer=tokenizer,
        digest=state_digest(network.state_dict()),
        prepend_bos=prepends_bos(tokenizer),
    )


def detect(
    model: AnyModel,
    head_types: str | Detector | Sequence[str | Detector],
    settings: Settings | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Measurement]:
    """Look for heads of each type: score, control, null, minimum effect, write, cause, verdict.

    `head_types` are ids of head types, or detectors of your own; one alone will do. A bare transformers network is
    wrapped without a tokenizer. Where the capability table holds these very weights, it is asked whether the model has
    the behaviour; else that is measured here. Returns one measurement a type, in the order asked for: `.found` heads,
    `.scores[layer][head]`, `.verdict` and `.reason`, and every number behind them.

    Raises DetectionError or ArchitectureRefused with the reason when a type cannot be looked for on this model.

    Example: `detect(load_model("smollm2-135m-instruct"), ["induction"])[0].found`.
    """
    asked = head_types_of(head_types)
    subject = _subject(model)
    with torch.no_grad():
        found = detection.detect(subject, asked, settings, progress, _abilities(subject, asked))
    return [Measurement.model_validate(one) for one in found]


def known_detectors() -> tuple[str, ...]:
    """Ids of the head types that have a detector: in this package, or in another one that is installed."""
    return tuple(sorted((*detector_ids(), *outside_ids())))


def known_tasks() -> tuple[str, ...]:
    """Ids of all tasks: behaviours put to a model as prompts with known answers.

    Example: `[load_task(task).description for task in known_tasks()]`.
    """
    return task_ids()


def questions(
    model: AnyModel,
    task: str | TextTask,
    *,
    split: Split = "test",
    limit: int | None = None,
    twins: bool = False,
) -> Questions:
    """A task as this model is asked it: tokens, the positions of every role, right and wrong next tokens, twins.

    Nothing is run. Items come in a fixed, mixed order; `limit` takes the first that can be asked, and `.dropped` counts
    what was left out, by reason. `twins=True` keeps items whose corrupted twin has as many tokens, as patching needs.

    Raises DetectionError for an unknown task, one whose tokens are drawn, and when no item can be put to the model.

    Example: `questions(model, "indirect-object", limit=20).questions[0].prompt.positions["io"]`.
    """
    found = load_task(task) if isinstance(task, str) else task
    if not isinstance(found, TextTask):
        raise DetectionError(f"the tokens of {found.id} are drawn at random; there are no questions to it.")
    return questions_of(found, _subject(model), split=split, limit=limit, twins=twins)


def capability(
    model: AnyModel,
    task: str | TextTask | SequenceTask,
    items: int = ITEMS,
    progress: Callable[[str], None] | None = None,
) -> TaskScore:
    """Can the model do a task? Right answers of its test split against chance, with a 95 % interval.

    An encoder, which expects no next token, is read through a probe where the task has labels. Raises DetectionError,
    with the reason, when the task cannot be put to the model.

    Example: `capability("smollm2-135m-instruct", "antonym").value`, a share in [0, 1].
    """
    return score_task(_subject(model), load_task(task) if isinstance(task, str) else task, items, progress)


def null_distribution(
    model: AnyModel, head_type: str | Detector, settings: Settings | None = None
) -> Float[Tensor, " draw"]:
    """What chance reaches: the largest score over all heads in every draw, what the method reads turned at random.

    `detect` asks a head to exceed what 99 % of such draws stay below. There are `settings.null_draws` of them.

    Raises DetectionError when the type cannot be looked for on this model.

    Example: `null_distribution(model, "induction").max()`, the threshold with 100 draws.
    """
    require_head_type(head_type)
    detector = load_detector(head_type) if isinstance(head_type, str) else head_type
    subject = _subject(model)
    detection.require_causal(subject)
    with torch.no_grad():
        scores = method_of(detector).score(subject, [detector], settings or Settings(), lambda _sentence: None)
    return scores[detector.id].null.largest


def attention_at(
    model: AnyModel,
    tokens: Int[Tensor, "batch pos"],
    pairs: Int[Tensor, "*batch pair 2"],
    attention_mask: Mask | None = None,
) -> list[Float[Tensor, "batch head pair"]]:
    """Attention at (query_pos, key_pos) pairs, one tensor a layer; no query x key pattern is stored.

    Values are in [0, 1]. `pairs` is `[pair 2]` for all prompts or `[batch pair 2]` for each its own; `attention_mask`
    is 0 at padding, which positions count, too. Raises DetectionError when a pair lies outside the prompt, tokens are
    none that the network reads, or it does not serve that side of padding exactly.

    Example: `attention_at(model, tokens, torch.tensor([[5, 4]]))[3][0, 6]` is L3H6's attention from 5 to 4.
    """
    network = _network(model)
    require_prompts(network, tokens, attention_mask)
    require_pairs(pairs, len(tokens))
    return capture.attention_at(network, tokens, pairs, attention_mask)


def ablate(
    model: AnyModel,
    tokens: Int[Tensor, "batch pos"],
    heads: Sequence[Head],
    keep: int = 1,
    mean: bool = True,
    attention_mask: Mask | None = None,
) -> Float[Tensor, "batch keep d_vocab"]:
    """Logits of the last `keep` positions with `heads`, as (layer, head), ablated.

    `mean=True` puts each head's mean z over `tokens` in its place, padding left out, `mean=False` zero. Prompts of
    unequal length are padded on the left, with `attention_mask` 0 there: the last positions are counted from the right.
    Raises DetectionError for a head that the network does not have, tokens that it does not read, padding that it does
    not serve exactly, and a network without logits.

    Example: `ablate(model, tokens, [(18, 6), (17, 3)])[:, -1]` are the last logits without L18H6 and L17H3.
    """
    network = _network(model)
    require_prompts(network, tokens, attention_mask, keep)
    tap_heads = heads_of(heads)
    if attention_mask is not None:
        refuse_inexact_padding(network, attention_mask)
    means = mean_z(network, tokens, attention_mask) if mean else None
    with torch.no_grad(), intercept(network, ablation(network, tap_heads, means)):
        return last_logits(network, tokens, keep, attention_mask)


def patch(
    model: AnyModel,
    tokens: Int[Tensor, "batch pos"],
    other_tokens: Int[Tensor, "batch pos"],
    metric: PromptMetric,
    heads: Sequence[Head] | None = None,
    keep: int = 1,
) -> PatchingEffects:
    """Activation patching: the run on `tokens`, with z of one head after the other taken from `other_tokens`.

    `metric` makes one number a prompt of the logits of the last `keep` positions; `heads` None means all. Returns the
    metric of both runs and of every patched one: `.effect` is `[head, batch]` in the metric's unit, `.share` each
    head's share of the difference between the runs. Swap the two prompts for the other direction.

    Raises DetectionError when the prompts differ in number or length, tokens are none that the network reads, `metric`
    gives anything but one number a prompt, or the network gives no logits.

    Example: `patch(model, clean, corrupted, lambda logits: logits[:, -1, right] - logits[:, -1, wrong]).share`.
    """
    network = _network(model)
    for prompts in (tokens, other_tokens):
        require_prompts(network, prompts, keep=keep)
    chosen = None if heads is None else heads_of(heads)
    with torch.no_grad():
        return patching_effects(network, tokens, other_tokens, metric, heads=chosen, keep=keep)


def head_statistics(
    model: AnyModel,
    tokens: Int[Tensor, "batch pos"],
    attention_mask: Mask | None = None,
    window: int = WINDOW,
    token_classes: Mapping[str, Bool[Tensor, "batch pos"]] | None = None,
) -> HeadStatistics:
    """Where every head attends on these prompts: itself, the previous or first token, how far, how widely.

    From one forward pass, with no query x key pattern; each number is `[layer][head]`. `attention_mask` is 0 at
    padding, `window` the number of positions that count as near, and `token_classes` names sets of tokens by place,
    such as `{"comma": tokens == comma_id}`. Raises DetectionError when shapes do not fit, tokens are none that the
    network reads, the window is empty or no prompt has two tokens.

    Example: `head_statistics(model, tokens).previous_token[4][11]` is that of L4H11.
    """
    network = _network(model)
    require_prompts(network, tokens, attention_mask)
    return statistics.head_statistics(network, tokens, attention_mask, window, token_classes)


def load_records(root: Path | None = None) -> dict[tuple[str, str], RunRecord]:
    """All committed run records, by (model, entry).

    Example: `load_records()["smollm2-135m-instruct", "induction"].found`.
    """
    records = ResultStore((root or find_root()) / "results").records()
    return {(record.model, record.entry): record for record in records}


def _abilities(model: LoadedModel, head_types: Sequence[str | Detector]) -> dict[str, Capability]:
    """What the survey's capability table says of the model, by task; nothing outside a survey's folder."""
    try:
        store = ResultStore(find_root() / "results")
    except SurveyError:
        return {}
    detectors = [load_detector(one) if isinstance(one, str) else one for one in head_types]
    return known_abilities(store, model, {detector.task for detector in detectors if detector.task})


def _subject(model: AnyModel) -> LoadedModel:
    """What was given, ready: loaded, wrapped, or as it is. Raises ModelUnknown as `wrap` does."""
    if isinstance(model, LoadedModel):
        return model
    return load_model(model) if isinstance(model, str | Path) else wrap(model)


def _network(model: AnyModel) -> PreTrainedModel:
    """For functions that need no digest: a bare network is used as it is, in eval mode."""
    network: PreTrainedModel = model.eval() if isinstance(model, PreTrainedModel) else _subject(model).network
    return network


def require_device(device: str) -> None:
    """Raises ModelUnavailable, with PyTorch's own reason, when nothing can be computed on `device`."""
    try:
        kind = torch.device(device)
        torch.empty(0, device=kind)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelUnavailable(f"device {device!r} cannot be used here: {reason}") from error
