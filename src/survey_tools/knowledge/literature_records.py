"""What a paper's entry is: `papers/<id>.yml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from survey_tools.knowledge.fields import (
    Correction,
    Entry,
    HeadName,
    Id,
    Planned,
    Record,
    Scalar,
    Stage,
    Text,
    Url,
    When,
)


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
    other: tuple[Url, ...] = ()


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
    model_certainty: Literal["certain", "likely"] = "certain"
    """Whether the paper (or its code) leaves no doubt which weights are meant."""
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
    heads: tuple[HeadName, ...] = ()
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
    date_source: Literal["readme", "arxiv-v1", "arxiv-month", "openreview", "venue", "memory"]
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
    """tangential: kept because a list holds it, without attention heads in it."""
    listed_in: tuple[Literal["awesome-attention-heads", "zheng-2024-survey"], ...] = ()
    """Earlier lists that hold the paper: the reading list, the survey's own bibliography."""
    summary: Summary | None = None
    summary_source: Text | None = None
    head_types: tuple[HeadTypeUse, ...] = ()
    heads: tuple[PublishedHead, ...] = ()
    stages: tuple[Stage, ...] | None = None
    methods: tuple[Id, ...] = ()
    models: tuple[Text, ...] = ()
    tasks: tuple[Text, ...] = ()
    claims: tuple[Claim, ...] = ()
    reproduction: Reproduction | NotReproducible | Planned
    missing: tuple[Text, ...] = ()
    corrections: tuple[Correction, ...] = ()
    confirmed_in: Text | None = None
    """Where title and link were confirmed, for papers no earlier list holds."""

    @model_validator(mode="after")
    def _summary_or_missing(self) -> Paper:
        if self.summary is None and "summary" not in self.missing:
            raise ValueError("has no summary; write one, or list 'summary' under missing")
        if self.summary is not None and self.summary_source is None:
            raise ValueError("has a summary but no summary_source: say what was read (abstract, paper, code)")
        return self
