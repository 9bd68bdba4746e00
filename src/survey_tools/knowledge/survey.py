"""The survey: every entry, frozen, with the relations that no single file holds.

`load_survey()` is where notebooks, the site and exports start. Whatever can be derived (who introduced a type,
the other side of a relation, a paper's stages) is derived here and written nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from survey_tools.errors import KnowledgeError, ModelUnknown
from survey_tools.knowledge.load import load_entries
from survey_tools.knowledge.lookup import did_you_mean, name_key
from survey_tools.knowledge.problems import raise_for
from survey_tools.knowledge.records import (
    Benchmarks,
    Circuit,
    Framework,
    Glossary,
    HeadType,
    HeadTypeUse,
    Methods,
    OpenModel,
    OpenQuestions,
    Paper,
    PublishedHead,
    Scheme,
    Stage,
)
from survey_tools.knowledge.references import reference_problems
from survey_tools.knowledge.root import find_root

T = TypeVar("T")

INVERSE = {
    "variant_of": "has_variant",
    "composes_with": "composes_with",
    "inhibits": "inhibited_by",
    "confused_with": "confused_with",
    "resembles": "resembles",
}
"""What a relation is called from its other end."""


@dataclass(frozen=True)
class Related:
    """A relation seen from one head type: `kind` is a relation's name or its inverse's (see INVERSE)."""

    kind: str
    id: str
    note: str | None = None

    @property
    def words(self) -> str:
        """`has variant`, `composes with`, ..."""
        return self.kind.replace("_", " ")


@dataclass(frozen=True)
class FrameworkPlace:
    """Where the framework puts a head type."""

    stage: Stage
    category: str


@dataclass(frozen=True)
class Survey:
    """All entries by id, sorted by id, and what follows from them together."""

    root: Path
    papers: Mapping[str, Paper]
    head_types: Mapping[str, HeadType]
    circuits: Mapping[str, Circuit]
    models: Mapping[str, OpenModel]
    framework: Framework
    schemes: Mapping[str, Scheme] = field(default_factory=dict)
    methods: Methods | None = None
    benchmarks: Benchmarks | None = None
    glossary: Glossary | None = None
    open_questions: OpenQuestions | None = None

    def model(self, model_id: str) -> OpenModel:
        """The entry of a model. Raises ModelUnknown, with a suggestion, where there is none."""
        if model_id not in self.models:
            hint = did_you_mean(model_id, self.models) or "`survey models list` names them."
            raise ModelUnknown(f"there is no entry for model {model_id!r}; {hint}")
        return self.models[model_id]

    def papers_of(self, head_type_id: str) -> list[tuple[Paper, HeadTypeUse]]:
        """Papers on a head type, oldest first, each with its `role` and the name it uses."""
        return list(self._uses.get(head_type_id, ()))

    def introduced_by(self, head_type_id: str) -> list[Paper]:
        """Papers that introduce a head type, oldest first."""
        return [paper for paper, use in self.papers_of(head_type_id) if use.role == "introduces"]

    def published_heads(self, head_type_id: str, model: str | None = None) -> list[tuple[str, PublishedHead]]:
        """Concrete heads that papers name for a type, with the paper's id; `model` as the paper names it
        (a Hugging Face id, so the `upstream` of one of our models) or None for all models.
        """
        heads = self._published.get(head_type_id, ())
        return [(paper, head) for paper, head in heads if model is None or head.model == model]

    def place_of(self, head_type_id: str) -> FrameworkPlace | None:
        """Where the framework puts a type, None for a type that it does not place."""
        return self._places.get(head_type_id)

    def stages_of(self, paper: Paper) -> tuple[Stage, ...]:
        """The stages a paper is about, in the framework's order: its own statement if it makes one, else
        those of its head types that the framework places (our suggestions do not count).
        """
        if paper.stages is not None:
            return paper.stages
        found = {place.stage for use in paper.head_types if (place := self.place_of(use.id))}
        return tuple(stage.id for stage in self.framework.stages if stage.id in found)

    def relations_of(self, head_type_id: str) -> list[Related]:
        """Relations of a type, those written in its own file and those derived from other files."""
        return list(self._relations.get(head_type_id, ()))

    def circuits_of(self, head_type_id: str) -> list[Circuit]:
        """Circuits in which a type takes part, by id."""
        return list(self._circuits.get(head_type_id, ()))

    def papers_with_method(self, method_id: str) -> list[Paper]:
        """Papers whose entry lists a method, and those the survey names for it; oldest first."""
        named = self.methods and {m.id: m.named_for for _, m in self.methods.walk()}.get(method_id)
        return [p for p in self._oldest_first if method_id in p.methods or p.id in (named or ())]

    def find(self, term: str) -> HeadType | Circuit | OpenModel | Paper:
        """The entry that `term` names: an id, a head type's name or alias, a title, an arXiv id or DOI.

        Case, spaces, `_`, `-` and a final "head(s)" do not matter. A term that several entries share
        means the head type, then the circuit, the model, the paper.

        Raises:
            KnowledgeError: nothing has that name; the message says what was probably meant.
        """
        found = self._names.get(name_key(term))
        if found is not None:
            return found
        hint = did_you_mean(term, self._spellings) or "names stand in head_taxonomy/, models/ and papers/"
        raise KnowledgeError(f"nothing in the survey is called '{term}'; {hint}")

    # Indices, each built on first use.

    @cached_property
    def _uses(self) -> dict[str, list[tuple[Paper, HeadTypeUse]]]:
        return _grouped((use.id, (paper, use)) for paper in self._oldest_first for use in paper.head_types)

    @cached_property
    def _oldest_first(self) -> list[Paper]:
        return sorted(self.papers.values(), key=lambda paper: (paper.published, paper.id))

    @cached_property
    def _published(self) -> dict[str, list[tuple[str, PublishedHead]]]:
        return _grouped(
            (head.head_type, (paper.id, head))
            for paper in self.papers.values()
            for head in paper.heads
            if head.head_type is not None
        )

    @cached_property
    def _places(self) -> dict[str, FrameworkPlace]:
        return {
            head: FrameworkPlace(stage.id, category.name)
            for stage in self.framework.stages
            for category in stage.categories
            for head in category.heads
        }

    @cached_property
    def _relations(self) -> dict[str, list[Related]]:
        written = [(head_type.id, r) for head_type in self.head_types.values() for r in head_type.relations]
        here = [(writer, Related(r.kind, r.id, r.note)) for writer, r in written]
        there = [(r.id, Related(INVERSE[r.kind], writer, r.note)) for writer, r in written]
        return _grouped(here + there)

    @cached_property
    def _circuits(self) -> dict[str, list[Circuit]]:
        return _grouped(
            (head_type, circuit)
            for circuit in self.circuits.values()
            for head_type in dict.fromkeys(group.head_type for group in circuit.heads)
            if head_type is not None
        )

    @cached_property
    def _names(self) -> dict[str, HeadType | Circuit | OpenModel | Paper]:
        names: dict[str, HeadType | Circuit | OpenModel | Paper] = {}
        for spelling, entry in self._spelled():
            names.setdefault(name_key(spelling), entry)
        return names

    @cached_property
    def _spellings(self) -> list[str]:
        return list(dict.fromkeys(spelling for spelling, _ in self._spelled()))

    def _spelled(self) -> Iterable[tuple[str, HeadType | Circuit | OpenModel | Paper]]:
        for head_type in self.head_types.values():
            for spelling in (head_type.id, head_type.name, *head_type.aliases):
                yield spelling, head_type
        others: list[Circuit | OpenModel] = [*self.circuits.values(), *self.models.values()]
        for other in others:
            yield other.id, other
            yield other.name, other
        for paper in self.papers.values():
            yield paper.id, paper
            yield paper.title, paper
            for _, identifier in paper.ids:
                if identifier is not None:
                    yield identifier, paper


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def load_survey(root: Path | None = None) -> Survey:
    """The survey under `root` (default: `find_root()`).

    Raises:
        KnowledgeError: carrying every problem of the files and of the references between them. What a
            survey can be made without (a notebook that is not written yet) is left to `check`.
    """
    root = find_root() if root is None else root
    entries = load_entries(root)
    raise_for(sorted(entries.problems + reference_problems(entries)))
    assert entries.framework is not None  # its absence is a problem, raised above
    return Survey(
        root,
        entries.papers,
        entries.head_types,
        entries.circuits,
        entries.models,
        entries.framework,
        entries.schemes,
        entries.methods,
        entries.benchmarks,
        entries.glossary,
        entries.open_questions,
    )
