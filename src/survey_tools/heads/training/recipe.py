"""What a training is asked for: shape, schedule and mixture, read from YAML and checked strictly."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from survey_tools.errors import ModelError
from survey_tools.heads.supply.trained import DATA

Whole = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Shape(_Part):
    """The shape of the network."""

    layers: Whole
    heads: Whole
    d_head: Annotated[int, Field(gt=0, multiple_of=2)]
    d_model: Whole
    d_mlp: Whole
    context: Annotated[int, Field(ge=64)]
    """Tokens of a row, and what the network can read at once."""
    rope_theta: Positive
    initial_spread: Positive
    """Standard deviation of the weights before the first step."""


class Schedule(_Part):
    """How it is trained."""

    steps: Whole
    rows: Whole
    """Rows of `context` tokens that are read in one step."""
    learning_rate: Positive
    final_learning_rate: Positive
    warmup: Annotated[int, Field(ge=0)]
    """Steps until the learning rate is reached."""
    weight_decay: Annotated[float, Field(ge=0)]
    gradient_norm: Positive
    """Longer gradients are shortened to it."""
    untold_weight: Share
    """Of the loss on random tokens that nothing before them tells; all others count 1."""
    checkpoints: Annotated[int, Field(ge=2)]
    save_every: Whole
    """Steps that a killed run may have to do again."""


class Recipe(_Part):
    """A training, whatever its seed."""

    network: Shape
    training: Schedule
    mixture: Annotated[dict[str, Positive], Field(min_length=1)]
    """The id of a task, and its share of the rows relative to the others."""

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one step reads."""
        return self.training.rows * self.network.context

    def with_steps(self, steps: int) -> Recipe:
        """The same recipe, stretched or shortened to so many steps. Raises ModelError unless there is one at least."""
        changed = self.training.model_dump() | {"steps": steps}
        return _checked(self.model_dump() | {"training": changed}, "--steps")


def require_name(name: str) -> None:
    """Raises ModelError for what can't be the name of a run: it becomes part of a folder's."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ModelError(f"a recipe cannot be called {name!r}; use lower-case letters, digits and hyphens.")


def recipe_names() -> tuple[str, ...]:
    """Recipes that come with the package."""
    return tuple(sorted(path.stem for path in DATA.glob("*.yml")))


def load_recipe(name: str) -> Recipe:
    """A recipe of the package. Raises ModelError with a suggestion when there is none.

    Example: `load_recipe("tiny").training.steps`.
    """
    if name not in recipe_names():
        near = get_close_matches(name, recipe_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(recipe_names())}."
        raise ModelError(f"there is no recipe {name!r}; {hint} A file of yours is given with --config.")
    return read_recipe(DATA / f"{name}.yml")


def read_recipe(path: Path) -> Recipe:
    """A recipe from a file.

    Raises ModelError that names every problem at once: what cannot be read, unknown keys, wrong types, unknown tasks.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _NoDoubles)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{path}: is not YAML: {reason}.") from error
    return _checked(content, str(path))


class _NoDoubles(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which the plain loader takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if doubles := sorted({key for key in keys if keys.count(key) > 1}):
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {doubles[0]!r} is there twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def _checked(content: Any, where: str) -> Recipe:
    from survey_tools.heads.tasks import task_ids

    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(_problem(one) for one in error.errors(include_url=False))
        raise ModelError(f"{where}: {problems}.") from error
    unknown = [task for task in recipe.mixture if task not in task_ids()]
    if unknown:
        near = get_close_matches(unknown[0], task_ids(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(task_ids())}."
        raise ModelError(f"{where}: mixture names {unknown[0]!r}, which is no task; {hint}")
    return recipe


_KEYS = {"network": list(Shape.model_fields), "training": list(Schedule.model_fields)}


def _problem(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        near = get_close_matches(str(error["loc"][-1]), _KEYS.get(str(error["loc"][0]), list(Recipe.model_fields)), n=1)
        return f"{place} is no key here" + (f", did you mean {near[0]!r}?" if near else "")
    if error["type"] == "missing":
        return f"{place} is missing"
    message = error["msg"].removeprefix("Value error, ")
    found = error["input"]
    shown = f", found {found!r}" if isinstance(found, str | int | float | None) else ""
    return f"{place or 'the file'}: {message[:1].lower()}{message[1:]}{shown}"
