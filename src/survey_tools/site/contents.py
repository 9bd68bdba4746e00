"""Everything the site shows, gathered before anything is written: the survey, the records, the notebooks run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from survey_tools.knowledge.records import HeadType, OpenModel, Paper, Reproduction
from survey_tools.knowledge.survey import Survey, load_survey
from survey_tools.results.records import RunRecord
from survey_tools.results.store import ResultStore


@dataclass(frozen=True)
class ExecutedNotebook:
    """An executed notebook, `name` is its file without `.ipynb`."""

    model: str
    name: str
    file: Path

    @property
    def address(self) -> str:
        """Of its page."""
        return f"notebooks/{self.model}/{self.name}/"

    @property
    def download(self) -> str:
        """Address of the `.ipynb` itself."""
        return f"notebooks/{self.model}/{self.name}.ipynb"


@dataclass(frozen=True)
class Contents:
    """The survey with its records. Questions that need both are answered here."""

    survey: Survey
    records: Sequence[RunRecord] = ()
    """Sorted by model, then entry."""
    executed: dict[str, ExecutedNotebook] = field(default_factory=dict)
    """run_id -> the notebook that this very run left."""

    def records_of(self, entry: str) -> list[RunRecord]:
        """Runs of one head type (or paper): models that the survey makes by default first."""
        return sorted(self._by_entry.get(entry, ()), key=lambda record: self._model_order(record.model))

    def records_on(self, model: str) -> list[RunRecord]:
        """Everything that was run on one model."""
        return [record for record in self.records if record.model == model]

    def records_for(self, paper: Paper) -> list[RunRecord]:
        """Runs of the notebook that reproduces a paper, for the head types the paper is about."""
        if not isinstance(paper.reproduction, Reproduction):
            return []
        notebook = paper.reproduction.notebook
        about = {use.id for use in paper.head_types} | {paper.id}
        return [record for record in self.records if record.notebook == notebook and record.entry in about]

    def not_run_on(self, head_type: HeadType) -> list[OpenModel]:
        """Models without a record of this type; encoders, to which no detector applies, are left out."""
        run = {record.model for record in self.records_of(head_type.id)}
        return [model for model in self.models if model.id not in run and model.causal]

    def verdict(self, entry: str, model: str) -> str:
        """The verdict of one entry on one model."""
        described = self.survey.models.get(model)
        without = "not run yet" if described is None or described.causal else "does not apply"
        return next((record.verdict for record in self._by_entry.get(entry, ()) if record.model == model), without)

    def model_name(self, model: str) -> str:
        """What a reader calls a model; its id when no entry describes it."""
        entry = self.survey.models.get(model)
        return entry.name if entry else model

    def head_name(self, entry: str) -> str:
        """What a reader calls a head type; made from the id for types that are still awaited."""
        known = self.survey.head_types.get(entry)
        return known.name if known else f"{entry.replace('-', ' ').title()} Head"

    def model_called(self, published: str) -> list[OpenModel]:
        """Our models made from the weights that a paper names by their Hugging Face id."""
        return [model for model in self.models if published in (model.upstream, model.id)]

    @property
    def unplaced(self) -> list[str]:
        """Records whose entry or model the survey does not know: shown nowhere, so they must be reported."""
        known = self.survey.head_types.keys() | self.survey.papers.keys()
        return [
            f"{record.model}/{record.entry}"
            for record in self.records
            if record.entry not in known or record.model not in self.survey.models
        ]

    @cached_property
    def models(self) -> list[OpenModel]:
        """All models, default ones first, planted ones last."""
        return sorted(self.survey.models.values(), key=lambda model: self._model_order(model.id))

    @cached_property
    def _by_entry(self) -> dict[str, list[RunRecord]]:
        groups: dict[str, list[RunRecord]] = {}
        for record in self.records:
            groups.setdefault(record.entry, []).append(record)
        return groups

    def _model_order(self, model: str) -> tuple[int, str]:
        entry = self.survey.models.get(model)
        if entry is None or entry.source.kind == "planted":
            return 2, model
        return (0 if entry.default else 1), model


def gather(root: Path, results_folders: Iterable[Path]) -> Contents:
    """Read entries, records and executed notebooks; later results folders win.

    Raises:
        KnowledgeError, RecordError: naming every broken file.
    """
    survey = load_survey(root)
    folders = [folder for folder in results_folders if folder.is_dir()]
    if not folders:
        return Contents(survey)
    store = ResultStore(*folders)
    records = store.records()
    executed = {}
    for record in records:
        path = store.executed_notebook(record.model, record.notebook, record.run_id)
        if path is not None:
            executed[record.run_id] = ExecutedNotebook(record.model, path.name.removesuffix(".ipynb"), path)
    return Contents(survey, tuple(sorted(records, key=lambda record: (record.model, record.entry))), executed)
