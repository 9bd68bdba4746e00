"""What an entry is: one frozen, validated record a YAML file.

Rules shared by all records: `schema_version` and `id` first, unknown keys refused, nothing coerced
(a number where a string is due is an error that says how to quote it). A relation is written on one side
only; the other side is derived in `survey.py`. This module knows types and single-record rules;
whatever needs two files (an id that must exist, a cycle) is in `check.py`. What a field may hold is in
`fields.py`, the records of open models are in `model_records.py`; both can be imported from here.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from survey_tools.knowledge.fields import ID_PATTERN as ID_PATTERN
from survey_tools.knowledge.fields import MODEL_ID_PATTERN as MODEL_ID_PATTERN
from survey_tools.knowledge.fields import SCHEMA_VERSION as SCHEMA_VERSION
from survey_tools.knowledge.fields import Entry as Entry
from survey_tools.knowledge.fields import Id as Id
from survey_tools.knowledge.fields import Record as Record
from survey_tools.knowledge.fields import Scalar as Scalar
from survey_tools.knowledge.fields import Stage as Stage
from survey_tools.knowledge.fields import Text as Text
from survey_tools.knowledge.fields import Url as Url
from survey_tools.knowledge.fields import When as When
from survey_tools.knowledge.model_records import Checkpoints as Checkpoints
from survey_tools.knowledge.model_records import HubSource as HubSource
from survey_tools.knowledge.model_records import Licence as Licence
from survey_tools.knowledge.model_records import OpenModel as OpenModel
from survey_tools.knowledge.model_records import PackageSource as PackageSource
from survey_tools.knowledge.model_records import PlantedSource as PlantedSource
from survey_tools.knowledge.model_records import Shape as Shape
from survey_tools.knowledge.model_records import TrainedSource as TrainedSource
from survey_tools.knowledge.model_records import Wheel as Wheel

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
    parameters: dict[str, Scalar | list[Scalar]] = Field(default={})


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
    parameters: dict[str, Scalar | list[Scalar]] = Field(default={})


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
