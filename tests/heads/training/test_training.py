"""A training: the same bytes every time, whatever it was interrupted by, and nothing lost when it cannot go on."""

import errno
import json
import signal
import subprocess
import sys

import pytest
import torch
import yaml
from click.testing import CliRunner
from filelock import FileLock
from safetensors.torch import load_file
from tiny_recipe import CONTENT, STEPS
from transformers import AutoModelForCausalLM

from survey_tools.cli import main
from survey_tools.errors import ModelError
from survey_tools.heads.models import load, source_of
from survey_tools.heads.training import checkpoints, loop
from survey_tools.heads.training.checkpoints import TrainingFolder, copy_finished, recipe_of
from survey_tools.heads.training.loop import Training, build_optimizer, train, weighted_loss
from survey_tools.heads.training.mixture import Rows
from survey_tools.heads.training.recipe import Recipe


def contents(folder):
    """Every file of every checkpoint, byte for byte."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.glob("step-*/*"))}


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    train(Recipe.model_validate(CONTENT), 0, folder)
    return contents(folder)


def test_checkpoints_are_where_the_schedule_has_them(unbroken):
    assert {name.split("/")[0] for name in unbroken} == {f"step-{step}" for step in STEPS}
    assert len({unbroken[f"step-{step}/model.safetensors"] for step in STEPS}) == len(STEPS)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path, recipe, unbroken):
    torch.manual_seed(1234)  # whatever the caller has drawn before
    train(recipe, 0, tmp_path / "again")
    assert contents(tmp_path / "again") == unbroken
    train(recipe, 1, tmp_path / "other")
    assert contents(tmp_path / "other")["step-0/model.safetensors"] != unbroken["step-0/model.safetensors"]


KILLED = """
import os, signal, sys
from pathlib import Path
from survey_tools.heads.training import checkpoints, loop
from survey_tools.heads.training.recipe import read_recipe
module, name, count = {"step": (loop, "take_step", 8), "checkpoint": (checkpoints, "write_config", 4)}[sys.argv[3]]
real, calls = getattr(module, name), []
def dying(*given):
    calls.append(1)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given)
setattr(module, name, dying)
loop.train(read_recipe(Path(sys.argv[1])), 0, Path(sys.argv[2]))
"""


@pytest.mark.parametrize(("moment", "kept"), [("step", 5), ("checkpoint", 4)])
def test_a_killed_run_ends_in_the_same_bytes(tmp_path, content, recipe, unbroken, moment, kept):
    """Killed in step 7, and in the middle of writing the checkpoint of step 5."""
    config, folder = tmp_path / "mine.yml", tmp_path / "run"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    ended = subprocess.run([sys.executable, "-c", KILLED, config, folder, moment], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert torch.load(folder / "state.pt", weights_only=True)["step"] == kept
    assert not (folder / "step-12").exists()
    assert all(unbroken[name] == content for name, content in contents(folder).items())
    assert bool(list(folder.glob(".step-5.partial"))) == (moment == "checkpoint")
    train(recipe, 0, folder)
    assert contents(folder) == unbroken
    assert not list(folder.glob(".*.partial"))


def test_the_order_in_which_a_recipe_names_its_tasks_does_not_matter(tmp_path, recipe, unbroken):
    other = recipe.model_copy(update={"mixture": dict(reversed(recipe.mixture.items()))})
    train(other, 0, tmp_path)
    assert contents(tmp_path) == unbroken


def test_a_finished_run_is_left_as_it_is(tmp_path, recipe, monkeypatch):
    last = train(recipe, 0, tmp_path)
    assert last == tmp_path / "step-12"
    monkeypatch.setattr(loop, "take_step", lambda *_: pytest.fail("nothing is left to do"))
    assert train(recipe, 0, tmp_path) == last


def test_a_folder_with_another_training_is_refused(tmp_path, recipe):
    train(recipe, 0, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(ModelError, match=r"holds another training \(its seed is 0, not 1\); choose another folder"):
        train(recipe, 1, tmp_path)
    with pytest.raises(ModelError, match=r"its recipe\.training\.steps is 12, not 20"):
        train(recipe.with_steps(20), 0, tmp_path)
    assert contents(tmp_path) == before
    assert recipe_of(tmp_path) == recipe


def test_two_processes_do_not_train_in_one_folder(tmp_path, recipe):
    with FileLock(tmp_path / ".lock"), pytest.raises(ModelError, match="another process trains there now"):
        train(recipe, 0, tmp_path)


def test_a_full_disk_is_said_and_the_run_goes_on_later(tmp_path, recipe, unbroken, monkeypatch):
    real, calls = checkpoints.save_file, []

    def full(*given, **named):
        calls.append(1)
        if len(calls) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(*given, **named)

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(ModelError, match=r"step-5: cannot be written \(No space left on device\); free space"):
        train(recipe, 0, tmp_path)
    train(recipe, 0, tmp_path)
    assert contents(tmp_path) == unbroken


def test_a_folder_that_cannot_be_is_said(tmp_path, recipe):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"file/run: cannot be written \(Not a directory\)"):
        train(recipe, 0, tmp_path / "file" / "run")


def test_a_damaged_state_is_said(tmp_path, recipe):
    train(recipe, 0, tmp_path)
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"state\.pt cannot be read .* remove it to begin this training again"):
        train(recipe, 0, tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ModelError, match=r"run\.json: cannot be read"):
        train(recipe, 0, tmp_path)
    with pytest.raises(ModelError, match="does not say what was trained"):
        recipe_of(tmp_path)


def test_a_checkpoint_is_a_plain_folder_of_hugging_face(tmp_path, recipe):
    last = train(recipe, 0, tmp_path)
    assert sorted(path.name for path in last.iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    assert json.loads((last / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]
    model = load("run", source_of(str(last)))
    assert model.prepend_bos
    assert model.tokenizer.unk_token == "<unk>"
    plain = AutoModelForCausalLM.from_pretrained(last, dtype=torch.float32)
    tokens = torch.tensor([model.tokenizer("Mary and John")["input_ids"]])
    assert torch.equal(plain(tokens).logits, model.network(tokens).logits)


def test_a_checkpoint_holds_the_state_rounded_to_half(tmp_path, recipe):
    last = train(recipe, 0, tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)["network"]
    for name, tensor in load_file(last / "model.safetensors").items():
        assert tensor.dtype == torch.float16
        assert torch.equal(tensor, state[name].half())


def test_finished_weights_are_the_last_checkpoint(tmp_path, recipe):
    last = train(recipe, 0, tmp_path / "run")
    paths = copy_finished(last, "mine", 0, tmp_path / "data")
    assert [path.name for path in paths] == ["mine-0.safetensors", "mine.json", "mine.tokenizer.json"]
    assert paths[0].read_bytes() == (last / "model.safetensors").read_bytes()


def test_the_loss_is_that_of_the_tokens_that_count(recipe):
    network = Training.of(recipe, 0).network
    tokens = torch.tensor([[0, 5, 6, 0, 5]])
    rows = Rows(tokens, torch.tensor([[False, False, True, False, True]]))
    network.requires_grad_(False)
    log_p = network(tokens).logits.log_softmax(-1)[0]
    losses = [-log_p[place, token] for place, token in enumerate([5, 6, 0, 5])]
    assert weighted_loss(network, rows, 0.0) == pytest.approx(float(losses[1] + losses[3]) / 2, rel=1e-5)
    everything = float(losses[1] + losses[3] + 0.5 * losses[0]) / 2.5  # BOS never counts
    assert weighted_loss(network, rows, 0.5) == pytest.approx(everything, rel=1e-5)


def test_learning_lowers_the_loss(tmp_path, recipe):
    training = Training.of(recipe, 0)
    optimizer = build_optimizer(training.network, recipe.training)
    rows = training.mixture.rows(0)
    losses = [float(loop.take_step(training.network, optimizer, rows, recipe.training, step)) for step in range(12)]
    assert losses[-1] < losses[0] - 0.1


def test_the_caller_keeps_its_settings(tmp_path, recipe):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    train(recipe.with_steps(1), 0, tmp_path)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_folder_without_a_state_begins_anew(tmp_path, recipe):
    training = Training.of(recipe, 0)
    place = TrainingFolder(tmp_path)
    optimizer = build_optimizer(training.network, recipe.training)
    assert place.load_state(training.network, optimizer) is None


def test_the_command_trains_and_says_where(tmp_path, content):
    config = tmp_path / "mine.yml"
    config.write_text(yaml.safe_dump(content), encoding="utf-8")
    given = ["train", "mine", "--config", str(config), "--steps", "3", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(main, [*given, "--finished", str(tmp_path / "data")])
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == str(tmp_path / "run" / "step-3")
    assert (tmp_path / "data" / "mine-0.safetensors").is_file()
    assert "step 3 with loss" in done.stderr
    refused = CliRunner().invoke(main, [*given, "--seed", "4"])
    assert refused.exit_code == 2
    assert "holds another training" in refused.stderr
    unknown = CliRunner().invoke(main, ["train", "tinny"])
    assert (unknown.exit_code, unknown.stderr) == (
        2, "survey: there is no recipe 'tinny'; did you mean 'tiny'? A file of yours is given with --config.\n",
    )  # fmt: skip
