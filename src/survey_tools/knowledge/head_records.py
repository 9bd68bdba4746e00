"""What entries about heads are: head types, the framework that orders them, circuits, other naming schemes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from survey_tools.knowledge.fields import Correction, Entry, HeadName, Id, Planned, Record, Scalar, Stage, Text, Url


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
    """A relation to another type, written on one side only. `resembles` names the nearest type held before."""

    kind: Literal["variant_of", "composes_with", "inhibits", "confused_with", "resembles"]
    id: Id
    note: Text | None = None


class Detection(Record):
    """The notebook and detector that look for the type, with the parameters of its stimulus."""

    notebook: Id
    detector: Id
    parameters: dict[str, Scalar | list[Scalar]] = Field(default={})


class Surveyed(Record):
    """What the survey of the framework says of a type, nothing of ours; a field is left out where it is silent."""

    named_in: tuple[Literal["figure", "text", "table", "readme"], ...]
    group: Text | None = None
    """A group outside the four stages under which the reading list keeps it."""
    scope: Literal["general", "specific"] | None = None
    task: Text | None = None
    """The task of a specific type."""
    input: Text | None = None
    output: Text | None = None
    models: tuple[Text, ...] = ()
    """Families whose icon stands beside the type in the survey's figure."""


class Counterpart(Record):
    """What another naming scheme calls a type; `broader`: its name covers more than ours."""

    scheme: Id
    match: Literal["exact", "broader", "narrower", "none"]
    names: tuple[Text, ...] = ()
    note: Text | None = None

    @model_validator(mode="after")
    def _names_or_none(self) -> Counterpart:
        if (self.match == "none") == bool(self.names):
            raise ValueError("match none has no names, every other match has at least one")
        return self


class HeadType(Entry):
    """One head type, `head_taxonomy/<id>.yml`."""

    name: Text
    aliases: tuple[Text, ...] = ()
    staging: Staging | None
    """null: the framework does not place it and we suggest nothing."""
    summary: Text
    """One sentence for cards and search results."""
    definition: Definition
    definition_source: Text | None = None
    """What was read for the definition, where that was less than the papers themselves."""
    layer_distribution: Text | None = None
    surveyed: Surveyed | None = None
    relations: tuple[Relation, ...] = ()
    counterparts: tuple[Counterpart, ...] = ()
    detection: Detection | Planned
    caveats: tuple[Text, ...] = ()
    corrections: tuple[Correction, ...] = ()


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
    heads: tuple[HeadName, ...] = ()

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
    in_survey: bool = False
    """The survey of the framework tells of it, too."""
    heads: tuple[CircuitHeads, ...] = ()
    flow: tuple[Flow, ...] = ()
    certainty: Text | None = None
    """How sure the heads are; needed where heads are named."""
    notes: Text | None = None
    corrections: tuple[Correction, ...] = ()

    @model_validator(mode="after")
    def _certainty_of_heads(self) -> Circuit:
        if self.certainty is None and any(group.heads for group in self.heads):
            raise ValueError("names heads but no certainty: say where the list is from and how sure it is")
        return self


class SchemeName(Record):
    """One canonical name of a scheme. `depth`: the band of relative depth (0 first layer, 1 last) that it asserts."""

    name: Text
    band: Text
    depth: Annotated[tuple[float, float], Field(description="from, to")]
    also: tuple[Text, ...] = ()
    """Names in the literature that the scheme maps to this one."""


class Stack(Record):
    """A group of names in a scheme."""

    name: Text
    summary: Text
    names: tuple[SchemeName, ...]


class Scheme(Entry):
    """Another naming scheme in use, `head_taxonomy/schemes/<id>.yml`, so that names can be translated."""

    name: Text
    authors: tuple[Text, ...]
    published: Text
    licence: Text
    link: Url
    revision: Text
    """What was read."""
    summary: Text
    bands: dict[str, tuple[float, float]]
    """Bands of relative depth by name."""
    stacks: tuple[Stack, ...]
    notes: Text | None = None
