"""The public interface: what people load themselves, plain numbers out, detectors from elsewhere, nothing changed."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    RobertaConfig,
    RobertaForMaskedLM,
)

import survey_tools
from survey_tools import api
from survey_tools.errors import DetectionError, ModelUnavailable, ModelUnknown
from survey_tools.heads import capture
from survey_tools.heads.detectors import load_detector, outside_ids
from survey_tools.heads.models import state_digest
from survey_tools.heads.planted import build_planted
from survey_tools.notebooks.capability import measure_cells
from survey_tools.results.store import ResultStore

REPOSITORY = Path(__file__).resolve().parents[1]
QUICK = api.Settings(prompts=12, half_length=18, cause_draws=5)


@pytest.fixture(scope="module")
def planted():
    return build_planted()


@pytest.fixture(scope="module")
def model(planted):
    return api.wrap(*planted)


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(1, 70, (2, 20), generator=torch.Generator().manual_seed(0))


# ---------------------------------------------------------------- a network of one's own


def test_a_wrapped_network_is_the_one_that_was_given(planted, model):
    network, tokenizer = planted
    assert model.network is network
    assert model.tokenizer is tokenizer
    assert model.prepend_bos
    assert model.digest == api.load_model("planted-gpt2").digest


def test_wrapping_and_measuring_leave_a_network_as_it_was(tokens):
    network, tokenizer = build_planted()
    network.train().requires_grad_(True)
    before, calls = state_digest(network.state_dict()), []
    network.transformer.h[0].register_forward_hook(lambda *_: calls.append(1))
    wrapped = api.wrap(network, tokenizer)
    api.attention_at(wrapped, tokens, torch.tensor([[5, 4]]))
    api.ablate(wrapped, tokens, [(0, 0)])
    assert state_digest(network.state_dict()) == before
    assert not network.training
    assert all(parameter.requires_grad and parameter.grad is None for parameter in network.parameters())
    assert calls, "a hook of one's own stays"
    assert network.config._attn_implementation in ("sdpa", "eager")


def test_names_of_wrapped_networks(planted, tmp_path):
    network, _ = planted
    assert api.wrap(network).id == "GPT2LMHeadModel"
    assert api.wrap(network, name="mine").id == "mine"
    network.save_pretrained(tmp_path / "my-model")
    assert api.wrap(type(network).from_pretrained(tmp_path / "my-model")).id == "my-model", "no path of this machine"


def test_what_is_no_network_of_transformers_is_refused():
    with pytest.raises(ModelUnknown, match=r"a torch\.nn\.modules\.linear\.Linear is not a transformers"):
        api.wrap(torch.nn.Linear(2, 2))


NUMBERS = (
    lambda model, tokens: api.attention_at(model, tokens, torch.tensor([[5, 4]])),
    lambda model, tokens: api.ablate(model, tokens, [(0, 0)]),
    lambda model, tokens: api.patch(model, tokens, tokens, lambda logits: logits[:, -1, 0]),
    lambda model, tokens: api.head_statistics(model, tokens),
)
LOOKS = (
    lambda model, _: api.detect(model, []),
    lambda model, _: api.null_distribution(model, "induction", api.Settings(null_prompts=1, prompts=12)),
)


@pytest.mark.parametrize("function", [*NUMBERS, *LOOKS])
def test_every_function_takes_an_id_a_network_and_nothing_else(planted, tokens, function):
    for given in ("planted-gpt2", planted[0]):
        function(given, tokens)
    with pytest.raises(ModelUnknown, match=r"a builtins\.int is not a transformers PreTrainedModel; give the network"):
        function(3, tokens)


def test_a_folder_may_be_a_path_and_a_dtype_that_of_pytorch(planted, tmp_path, tokens):
    planted[0].save_pretrained(tmp_path / "model")
    loaded = api.load_model(tmp_path / "model", dtype=torch.bfloat16)
    assert loaded.network.dtype == torch.bfloat16
    assert isinstance(loaded.id, str)
    pairs = torch.tensor([[5, 4]])
    found, expected = (api.attention_at(given, tokens, pairs) for given in (tmp_path / "model", planted[0]))
    assert torch.equal(found[0], expected[0])
    with pytest.raises(ModelUnknown, match="no dtype 'float64' here; expected float32, bfloat16, float16"):
        api.load_model("planted-gpt2", dtype=torch.float64)


def test_one_head_type_alone_is_a_list_of_one(model, monkeypatch):
    asked = []
    monkeypatch.setattr("survey_tools.heads.detect.detect", lambda _model, types, *_: asked.append(types) or [])
    detector = load_detector("induction")
    for given in ("induction", detector, ["induction"], (detector,)):
        api.detect(model, given)
    assert asked == [["induction"], [detector], ["induction"], [detector]]
    for wrong in (3, None, ["induction", 3], [Path("induction")]):
        with pytest.raises(DetectionError, match=r"is no head type; give its id, such as 'induction'"):
            api.detect(model, wrong)
    with pytest.raises(DetectionError, match=r"is no head type; give its id"):
        api.null_distribution(model, ["induction"])


def test_weights_that_change_change_the_digest():
    network, tokenizer = build_planted()
    first = api.wrap(network, tokenizer)
    network.lm_head.weight[0, 0] += 1
    assert api.wrap(network, tokenizer).digest != first.digest


# ---------------------------------------------------------------- numbers


def test_attention_is_that_of_eager_attention(planted, model, tokens):
    pairs = torch.tensor([[5, 4], [9, 9], [3, 7]])
    found = api.attention_at(model, tokens, pairs)
    assert torch.equal(api.attention_at(planted[0], tokens, pairs)[1], found[1]), "a bare network serves as well"
    eager = build_planted()[0]
    eager.set_attn_implementation("eager")
    with torch.no_grad():
        expected = eager(tokens, output_attentions=True).attentions
    for layer, attention in enumerate(found):
        assert attention.shape == (2, 6, 3)
        assert torch.allclose(attention, expected[layer][:, :, pairs[:, 0], pairs[:, 1]], atol=1e-5)
    assert (found[1][..., 2] == 0).all(), "what comes later is not seen"


@pytest.mark.parametrize("mean", [False, True])
def test_ablation_is_that_of_a_hook_before_the_output_weights(planted, model, tokens, mean):
    network, width = planted[0], 182
    here = slice(2 * width, 3 * width)

    def replace(_module, args):
        z = args[0].clone()
        z[..., here] = z[..., here].mean((0, 1)) if mean else 0.0
        return (z, *args[1:])

    hook = network.transformer.h[1].attn.c_proj.register_forward_pre_hook(replace)
    with torch.no_grad():
        expected = network(tokens).logits[:, -3:]
    hook.remove()
    found = api.ablate(model, tokens, [(1, 2)], keep=3, mean=mean)
    assert torch.allclose(found, expected, atol=1e-4)
    with torch.no_grad():
        assert not torch.allclose(found, network(tokens).logits[:, -3:], atol=1e-4), "or nothing was tested"


@pytest.mark.parametrize("mean", [False, True])
def test_left_padding_changes_no_ablated_logits_and_no_attention(mean):
    network = rotary()
    tokens = torch.randint(3, 99, (1, 12), generator=torch.Generator().manual_seed(0))
    padded = torch.cat([torch.zeros(1, 4, dtype=torch.long), tokens], 1)
    mask = torch.cat([torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 12, dtype=torch.long)], 1)
    alone = api.ablate(network, tokens, [(1, 2)], keep=3, mean=mean)
    assert torch.allclose(api.ablate(network, padded, [(1, 2)], 3, mean, attention_mask=mask), alone, atol=1e-5)
    assert not torch.allclose(api.ablate(network, padded, [(1, 2)], 3, mean), alone, atol=1e-3)
    expected = api.attention_at(network, tokens, torch.tensor([[5, 4]]))[1]
    found = api.attention_at(network, padded, torch.tensor([[[9, 8]]]), mask)[1]
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("mean", [False, True])
def test_padding_that_a_network_does_not_serve_exactly_is_refused(tokens, mean, monkeypatch):
    network, mask = rotary(), torch.ones_like(tokens)
    mask[0, 0] = 0
    known = capture.attach(network)
    monkeypatch.setattr(capture, "attach", lambda _network: dataclasses.replace(known, padding=("right",)))
    with pytest.raises(DetectionError, match="gives other logits to a prompt padded on the left"):
        api.ablate(network, tokens, [(0, 0)], mean=mean, attention_mask=mask)


def rotary():
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=100, max_position_embeddings=16, initializer_range=0.3, **sizes)
    return LlamaForCausalLM(config).eval()


@pytest.mark.parametrize("function", NUMBERS)
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.zeros(5, dtype=torch.long), r"a int64 tensor of shape \[5\]; expected token ids"),
        (torch.zeros(0, 5, dtype=torch.long), r"of shape \[0, 5\]; expected token ids"),
        (torch.zeros(2, 5), r"a float32 tensor of shape \[2, 5\]"),
        ([[1, 2]], "tokens are a list; expected token ids"),
        (torch.full((1, 6), 78), "hold id 78, but this network has 78, from 0"),
        (torch.full((1, 6), -1), "hold id -1"),
        (torch.ones(1, 2000, dtype=torch.long), r"have 2000 tokens, but this network has a table of \d+ positions"),
    ],
)
def test_tokens_that_the_network_cannot_read_are_refused(model, function, given, message):
    with pytest.raises(DetectionError, match=message):
        function(model, given)


def test_the_longest_prompt_that_is_read_is_known_where_positions_are_in_a_table():
    """RoBERTa counts from its padding id on, OPT keeps two more rows; rotary positions go on without end."""
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    roberta = RobertaForMaskedLM(
        RobertaConfig(vocab_size=99, max_position_embeddings=24, intermediate_size=48, **sizes)
    )
    opt = OPTForCausalLM(
        OPTConfig(vocab_size=99, max_position_embeddings=24, ffn_dim=48, word_embed_proj_dim=32, **sizes)
    )
    for network, longest in ((roberta, 22), (opt, 24)):
        tokens = torch.full((1, longest + 1), 5)
        with pytest.raises(DetectionError, match=f"this network has a table of {longest} positions"):
            api.attention_at(network, tokens, torch.tensor([[1, 0]]))
        with pytest.raises((IndexError, RuntimeError)), torch.no_grad():  # as it would be without the check
            network(tokens)
        api.attention_at(network, tokens[:, 1:], torch.tensor([[1, 0]]))
    api.attention_at(rotary(), torch.full((1, 40), 5), torch.tensor([[1, 0]]))


@pytest.mark.parametrize("keep", [0, -1, 21, 1.5])
def test_a_keep_that_is_not_within_the_prompt_is_refused(model, tokens, keep):
    for act in (
        lambda: api.ablate(model, tokens, [(0, 0)], keep=keep),
        lambda: api.patch(model, tokens, tokens, lambda logits: logits[:, -1, 0], keep=keep),
    ):
        with pytest.raises(DetectionError, match=rf"keep is {keep}, but the prompts have 20 tokens; expected 1 to 20"):
            act()


@pytest.mark.parametrize("heads", [(18, 6), [(0, 0, 0)], [(0.0, 1)], ["L0H0"], 3])
def test_heads_that_are_no_pairs_are_refused(model, tokens, heads):
    for act in (
        lambda: api.ablate(model, tokens, heads),
        lambda: api.patch(model, tokens, tokens, lambda logits: logits[:, -1, 0], heads=heads),
    ):
        with pytest.raises(DetectionError, match=r"heads are .*; expected a list of \(layer, head\)"):
            act()


@pytest.mark.parametrize(
    "pairs", [torch.tensor([5, 4]), torch.tensor([[5.0, 4.0]]), torch.zeros(3, 1, 2).long(), [[5, 4]]]
)
def test_pairs_that_are_none_are_refused(model, tokens, pairs):
    with pytest.raises(DetectionError, match=r"pairs are a .*; expected \(query_pos, key_pos\)"):
        api.attention_at(model, tokens, pairs)


def test_a_mask_of_another_shape_is_refused(model, tokens):
    with pytest.raises(DetectionError, match=r"attention_mask has shape \(2, 19\), but the tokens have \(2, 20\)"):
        api.ablate(model, tokens, [(0, 0)], attention_mask=torch.ones(2, 19))


def test_a_head_that_is_not_there_is_refused(model, tokens):
    with pytest.raises(DetectionError, match="L3H0 does not exist"):
        api.ablate(model, tokens, [(3, 0)])


def test_patching_into_the_same_prompt_changes_nothing_and_all_heads_of_the_other_change_it(planted, model, tokens):
    other = tokens.roll(1, dims=1)

    def metric(logits):
        return logits[:, -1, 5] - logits[:, -1, 6]

    same = api.patch(model, tokens, tokens, metric)
    assert same.patched.shape == (18, 2)
    assert same.effect.abs().max() < 1e-4
    twins = api.patch(planted[0], tokens, other, metric, heads=[(1, 0)])
    with torch.no_grad():
        logits = planted[0](tokens).logits
    assert torch.allclose(twins.base, metric(logits), atol=1e-4)
    with pytest.raises(DetectionError, match="twins of the same number and length"):
        api.patch(model, tokens, other[:, :-1], metric)


def test_statistics_of_planted_heads_are_known(model, tokens):
    found = api.head_statistics(model, tokens)
    assert found.previous_token[0][0] == pytest.approx(1, abs=1e-4)
    assert found.self_attention[2][3] == pytest.approx(1, abs=1e-4)
    assert found.previous_token[0][2] == pytest.approx(0, abs=0.05), "two back"
    near = api.head_statistics(model, tokens, window=2, token_classes={"all": torch.ones_like(tokens).bool()})
    assert (found.window, near.window) == (32, 2)
    assert near.within_window[0][0] == pytest.approx(1, abs=1e-4)
    assert near.token_classes["all"][0][0] == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_chance_and_detection_are_one(model):
    [found] = api.detect(model, ["previous-token"], QUICK)
    null = api.null_distribution(model, load_detector("previous-token"), QUICK)  # or the id, as elsewhere
    assert null.shape == (QUICK.null_draws,)
    assert [round(value, 4) for value in null.sort().values.tolist()] == found.null.largest
    assert round(float(null.max()), 4) == found.null.threshold
    rows = api.scores_table([found])
    assert [(row["layer"], row["head"]) for row in rows if row["found"]] == [(0, 0)]


# ---------------------------------------------------------------- what cannot be had


@pytest.mark.parametrize("dtype", ["flot32", "int8", "float64"])
def test_a_dtype_that_is_none_of_ours_is_refused(dtype):
    with pytest.raises(ModelUnknown, match=f"no dtype '{dtype}' here; expected float32, bfloat16, float16"):
        api.load_model("planted-gpt2", dtype=dtype)


@pytest.mark.parametrize("device", ["cud", "cuda:99"])
def test_a_device_that_is_not_here_is_refused(device):
    with pytest.raises(ModelUnavailable, match=f"device '{device}' cannot be used here: "):
        api.load_model("planted-gpt2", device=device)


# ---------------------------------------------------------------- detectors of other packages


TWO_BACK = """
import dataclasses
from survey_tools.heads.detector import Lag
from survey_tools.heads.detectors.previous_token import DETECTOR as PREVIOUS

DETECTOR = dataclasses.replace(PREVIOUS, id="two-back", relation=Lag(0, 2, "all"), planted_at=((0, 2),))
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A package with detectors, as pip would leave it."""

    def installed(package, modules, points):
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text)
            monkeypatch.delitem(sys.modules, name, raising=False)
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in points.items()]
        (metadata / "entry_points.txt").write_text("\n".join(["[survey_tools.detectors]", *lines]) + "\n")
        monkeypatch.syspath_prepend(tmp_path)

    return installed


def test_a_detector_of_another_package_is_known_and_loads(install):
    install("headhunt", {"hunt_two_back": TWO_BACK}, {"two-back": "hunt_two_back"})
    assert outside_ids() == ("two-back",)
    assert "two-back" in api.known_detectors()
    assert set(api.known_detectors()) > {"induction"}
    assert load_detector("two-back").planted == ((0, 2),)
    with pytest.raises(DetectionError, match="did you mean 'two-back'"):
        load_detector("two-bak")


def test_an_entry_point_may_name_the_detector_itself(install):
    install("headhunt", {"hunt_named": TWO_BACK}, {"two-back": "hunt_named:DETECTOR"})
    assert load_detector("two-back").id == "two-back"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise OSError('no such lens')", r"of headhunt \(hunt_bad\) cannot be loaded: OSError: no such lens"),
        ("x = (", r"of headhunt \(hunt_bad\) cannot be loaded: SyntaxError"),
        ("x = 1", r"entry point of headhunt \(hunt_bad\) of 'two-back' has no DETECTOR"),
        (TWO_BACK.replace('id="two-back"', 'id="three-back"'), "'two-back' calls itself 'three-back'"),
    ],
)
def test_a_broken_detector_of_another_package_is_named(install, text, message):
    install("headhunt", {"hunt_bad": text}, {"two-back": "hunt_bad"})
    with pytest.raises(DetectionError, match=message):
        load_detector("two-back")
    assert load_detector("induction").id == "induction", "and the others still load"


def test_no_package_takes_the_place_of_a_detector_of_ours(install):
    install("headhunt", {"hunt_shadow": "raise RuntimeError"}, {"induction": "hunt_shadow"})
    with pytest.warns(UserWarning, match=r"headhunt \(hunt_shadow\) brings a detector 'induction'"):
        assert outside_ids() == ()
    assert load_detector("induction").source == "olsson-2022-induction-heads"


def test_two_packages_of_one_id_are_both_named(install):
    install("headhunt", {"hunt_a": TWO_BACK}, {"two-back": "hunt_a"})
    install("otherhunt", {"hunt_b": TWO_BACK}, {"two-back": "hunt_b"})
    with pytest.raises(DetectionError, match=r"headhunt \(hunt_a\) and otherhunt|otherhunt \(hunt_b\) and headhunt"):
        load_detector("two-back")


def test_a_detector_file_that_cannot_run_is_one_sentence(tmp_path):
    from survey_tools.heads.detectors import detector_from_file

    (tmp_path / "two_back.py").write_text("import no_such_module_at_all\n")
    with pytest.raises(DetectionError, match=r"two_back\.py cannot be run: ModuleNotFoundError"):
        detector_from_file(tmp_path / "two_back.py")


# ---------------------------------------------------------------- tasks and abilities


def test_a_task_is_asked_of_a_model(planted):
    asked = survey_tools.questions(survey_tools.wrap(*planted), "indirect-object", limit=3, twins=True)
    assert len(asked.questions) == 3
    first = asked.questions[0]
    [io] = first.item.prompt.passages("io")
    place = first.prompt.positions["io"][0]
    assert planted[1].decode(first.prompt.tokens[place.start]).strip() == io
    assert len(first.twin.tokens) == len(first.prompt.tokens)
    score = survey_tools.capability(survey_tools.wrap(*planted), "indirect-object", items=4)
    assert score.present
    assert score.value == 1.0


def test_unfit_tasks_are_refused_with_the_reason(planted):
    with pytest.raises(DetectionError, match=r"there is no task 'indirect_object'; did you mean 'indirect-object'\?"):
        survey_tools.load_task("indirect_object")
    with pytest.raises(DetectionError, match="the tokens of repeated-tokens are drawn at random"):
        survey_tools.questions(survey_tools.wrap(*planted), "repeated-tokens")
    with pytest.raises(DetectionError, match="a word that the tokenizer does not know"):
        survey_tools.capability(survey_tools.wrap(*planted), "antonym")
    with pytest.raises(DetectionError, match="1 item gives no interval"):
        survey_tools.capability(survey_tools.wrap(*planted), "indirect-object", items=1)


def test_a_detection_asks_the_table_of_the_survey_it_stands_in(planted, monkeypatch, tmp_path):
    model = dataclasses.replace(survey_tools.wrap(*planted), id="planted-gpt2")
    store = ResultStore(tmp_path / "results")
    entry = survey_tools.load_survey().models["planted-gpt2"]
    measure_cells(entry, model, [survey_tools.load_task("indirect-object")], 4, store, tmp_path)
    monkeypatch.setattr(api, "find_root", lambda: tmp_path)
    asked = ["duplicate-token", "induction"]
    assert {task: known.items for task, known in api._abilities(model, asked).items()} == {"indirect-object": 4}
    given = []
    monkeypatch.setattr(api.detection, "detect", lambda *arguments: given.append(arguments[-1]) or [])
    assert survey_tools.detect(model, asked) == []
    assert list(given[0]) == ["indirect-object"]


# ---------------------------------------------------------------- the names


def test_names_are_loaded_on_first_use():
    code = (
        "import sys, survey_tools; assert set(survey_tools.__all__) <= set(dir(survey_tools));"
        "assert 'torch' not in sys.modules; survey_tools.detect; assert 'torch' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_documented_and_has_an_example():
    documented = re.findall(r"^::: survey_tools\.(\w+)$", (REPOSITORY / "docs/api.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(survey_tools.__all__)
    for name in survey_tools.__all__:
        assert len(getattr(survey_tools, name).__doc__.splitlines()[0]) > 20
    for name in set(survey_tools.__all__) - {"Settings", "known_detectors", "load_survey"}:
        assert "Example: " in getattr(survey_tools, name).__doc__, name


def test_our_side_of_the_translation_runs(planted, tokens):
    page = (REPOSITORY / "docs/translation.md").read_text()
    ours = re.findall(r"```python\n# here.*?\n(.*?)```", page, re.DOTALL)
    assert len(ours) == 2
    given = {"network": planted[0], "tokens": tokens, "torch": torch}
    for code in ours:
        exec(code, given)
    assert given["logits"].shape == (2, 78)
    assert given["attention"].shape == (2, 6)
