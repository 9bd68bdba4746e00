"""A recipe says what is trained; whatever is wrong in one is said in one sentence, with the file and the fix."""

import re

import pytest
import yaml

from survey_tools.errors import ModelError
from survey_tools.heads.tasks import load_task
from survey_tools.heads.training.recipe import load_recipe, read_recipe, recipe_names, require_name
from survey_tools.heads.training.schedule import checkpoint_steps, learning_rate


def written(folder, content):
    path = folder / "mine.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_recipe_of_the_package_is_complete():
    recipe = load_recipe("tiny")
    assert recipe_names() == ("tiny",)
    assert recipe.training.checkpoints == 40
    assert len(checkpoint_steps(recipe.training.steps, recipe.training.checkpoints)) == 40
    assert all(load_task(task) for task in recipe.mixture)
    assert recipe.tokens_per_step == recipe.training.rows * recipe.network.context


def test_a_recipe_comes_back_as_it_was_written(tmp_path, content, recipe):
    assert read_recipe(written(tmp_path, content)) == recipe


@pytest.mark.parametrize(
    ("part", "key", "value", "sentence"),
    [
        ("network", "layer", 2, "network.layer is no key here, did you mean 'layers'?"),
        ("training", "steps", "many", "training.steps: input should be a valid integer, found 'many'"),
        ("training", "steps", 0, "training.steps: input should be greater than 0, found 0"),
        (
            "training",
            "untold_weight",
            2.0,
            "training.untold_weight: input should be less than or equal to 1, found 2.0",
        ),
        ("training", "learning_rate", "3e-3", "training.learning_rate: input should be a valid number, found '3e-3'"),
        ("network", "d_head", 3, "network.d_head: input should be a multiple of 2, found 3"),
        ("mixture", "succesion", 1, "mixture names 'succesion', which is no task; did you mean 'succession'?"),
        ("mixture", "succession", -1, "mixture.succession: input should be greater than 0, found -1"),
    ],
)
def test_what_is_wrong_in_a_recipe_is_said_with_its_place(tmp_path, content, part, key, value, sentence):
    content[part][key] = value
    path = written(tmp_path, content)
    with pytest.raises(ModelError, match=re.escape(f"{path}: {sentence}")) as caught:
        read_recipe(path)
    assert "\n" not in str(caught.value)


def test_all_problems_are_named_at_once(tmp_path, content):
    del content["training"]["steps"]
    content["extra"] = 1
    with pytest.raises(ModelError, match=r"training\.steps is missing; extra is no key here"):
        read_recipe(written(tmp_path, content))


def test_files_that_are_no_recipe_are_refused(tmp_path):
    path = tmp_path / "mine.yml"
    with pytest.raises(ModelError, match="cannot be read"):
        read_recipe(path)
    path.write_text("a: [", encoding="utf-8")
    with pytest.raises(ModelError, match="is not YAML"):
        read_recipe(path)
    path.write_text("mixture: {succession: 1, succession: 2}", encoding="utf-8")
    with pytest.raises(ModelError, match="is not YAML: the key 'succession' is there twice"):
        read_recipe(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(ModelError, match=r"mine\.yml: the file: input should be a valid dictionary"):
        read_recipe(path)


def test_names_that_do_not_exist_or_cannot_be_folders_are_refused():
    with pytest.raises(ModelError, match="there is no recipe 'tinny'; did you mean 'tiny'"):
        load_recipe("tinny")
    with pytest.raises(ModelError, match="there is no recipe 'gpt'; there are: tiny"):
        load_recipe("gpt")
    for name in ("../up", "Tiny", ""):
        with pytest.raises(ModelError, match="cannot be called"):
            require_name(name)


def test_steps_can_be_chosen_apart_from_the_recipe(recipe):
    assert recipe.with_steps(7).training.steps == 7
    assert recipe.with_steps(7).network == recipe.network
    with pytest.raises(ModelError, match=r"--steps: training\.steps"):
        recipe.with_steps(0)


def test_checkpoints_lie_at_equal_ratios():
    assert checkpoint_steps(64, 5) == (0, 1, 4, 16, 64)
    assert checkpoint_steps(3, 40) == (0, 1, 2, 3)
    assert checkpoint_steps(100, 2) == (0, 100)
    for steps in (39, 40, 100, 2000, 12345):
        chosen = checkpoint_steps(steps, 40)
        assert len(chosen) == 40
        assert (chosen[0], chosen[-1]) == (0, steps)
        assert list(chosen) == sorted(set(chosen))


def test_the_learning_rate_rises_and_falls():
    rates = [learning_rate(s, steps=110, warmup=10, highest=1.0, lowest=0.1) for s in range(111)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[60] == pytest.approx(0.55)
    assert rates[110] == pytest.approx(0.1)
    assert learning_rate(0, steps=1, warmup=0, highest=1.0, lowest=0.1) == 1.0
