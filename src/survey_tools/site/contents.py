"""Everything the site shows, gathered before anything is written: the survey, the records, the notebooks run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from survey_tools.knowledge.records import HeadType, OpenModel, Paper, Planned, Reproduction
from survey_tools.knowledge.survey import Survey, load_survey
from survey_tools.results.capability import CapabilityRecord
from survey_tools.results.records import RunRecord
from survey_tools.results.series import LOSSES, SeriesRecord
from survey_tools.results.store import ResultStore

TASK_FILES = "src/survey_tools/heads/tasks"
"""Of a checkout; the files are listed and never imported."""
SPELLED = {"In context": "In-context", "Multi piece": "Multi-piece", " qa": " QA"}
"""What an id of hyphens and small letters cannot say."""


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
    capabilities: Sequence[CapabilityRecord] = ()
    series: Sequence[SeriesRecord] = ()
    task_files: frozenset[str] | None = None
    """Ids of the tasks that the checkout has; None where it has no such folder, and every task is believed."""
    site_url: str = ""
    """Where the site will be found, for files that must name whole addresses; empty where that is not known."""

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

    def cells_of(self, task: str) -> list[CapabilityRecord]:
        """What each model makes of a task, in the order of the models."""
        return [self._cells[task, model.id] for model in self.models if (task, model.id) in self._cells]

    def cells_on(self, model: str) -> list[CapabilityRecord]:
        """What a model makes of each task, in the order of the tasks."""
        return [self._cells[task, model] for task in self.tasks if (task, model) in self._cells]

    def place_of(self, head_type: HeadType) -> tuple[str | None, str]:
        """The stage of a type (None outside the four) and how it came there: `framework`, `suggested`, `outside`."""
        placed = self.survey.place_of(head_type.id)
        if placed:
            return placed.stage, "framework"
        if head_type.staging:
            return head_type.staging.stage, "suggested"
        return None, "outside"

    def suggested_stages(self, paper: Paper) -> list[str]:
        """Stages a paper is about only by types whose stage we suggest, in the framework's order."""
        if paper.stages is not None:
            return []
        heads = self.survey.head_types
        ours = {self.place_of(heads[use.id])[0] for use in paper.head_types if use.id in heads}
        known = self.survey.stages_of(paper)
        return [stage.id for stage in self.survey.framework.stages if stage.id in ours and stage.id not in known]

    def methods_of(self, paper: Paper) -> tuple[str, ...]:
        """Experimental methods of a paper: those its entry lists and those the survey names it for, in their order."""
        return tuple(method for method in self.methods if paper.id in self._papers_by_method[method])

    def needs_of(self, paper: Paper) -> str | None:
        """What a notebook of a paper needs, as its plan says; None where there is no plan."""
        return paper.reproduction.planned.needs if isinstance(paper.reproduction, Planned) else None

    def task_name(self, task: str) -> str:
        """What a reader calls a task; made from its id."""
        words = task.replace("-", " ").capitalize()
        for plain, spelled in SPELLED.items():
            words = words.replace(plain, spelled)
        return words

    def asking(self, task: str) -> list[HeadType]:
        """Head types whose runs asked first whether the model can do this task."""
        asked = {record.entry for record in self.records if record.capability and record.capability.task == task}
        return [head_type for head_type in self.survey.head_types.values() if head_type.id in asked]

    def task_of(self, entry: str) -> str | None:
        """The task that runs of a head type ask first; None when no record names one."""
        tasks = (record.capability.task for record in self.records_of(entry) if record.capability)
        return next(tasks, None)

    def series_of(self, model: str, entry: str) -> list[SeriesRecord]:
        """The series of one head type (or of the losses) over the trainings of a model, one a seed."""
        return [record for (family, name, _), record in self._series.items() if (family, name) == (model, entry)]

    def types_in_training(self, model: str) -> list[str]:
        """Head types that have a series on a model."""
        return list(dict.fromkeys(name for family, name, _ in self._series if family == model and name != LOSSES))

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
    def placed_series(self) -> list[SeriesRecord]:
        """Series that some page shows, by model, head type and seed."""
        return list(self._series.values())

    @property
    def unplaced(self) -> list[str]:
        """Records whose entry or model the survey does not know: shown nowhere, so they must be reported."""
        known = self.survey.head_types.keys() | self.survey.papers.keys()
        runs = [
            f"{record.model}/{record.entry}"
            for record in self.records
            if record.entry not in known or record.model not in self.survey.models
        ]
        cells = [f"{cell.model}/tasks/{cell.task}" for cell in self.capabilities if not self._is_placed(cell)]
        curves = [
            f"{record.model}/series/{record.entry}-{record.seed}"
            for record in self.series
            if (record.model, record.entry, record.seed) not in self._series
        ]
        return [*runs, *cells, *curves]

    @cached_property
    def tasks(self) -> list[str]:
        """Every task that some model was asked, by name."""
        return sorted({task for task, _ in self._cells}, key=self.task_name)

    @cached_property
    def methods(self) -> dict[str, str]:
        """Names of all experimental methods: the tree's, in its order, then any that papers list beside it."""
        tree = self.survey.methods
        named = {method.id: method.name for _, method in tree.walk()} if tree else {}
        listed = sorted({method for paper in self.survey.papers.values() for method in paper.methods})
        return named | {method: method.replace("-", " ").capitalize() for method in listed if method not in named}

    @cached_property
    def _papers_by_method(self) -> dict[str, set[str]]:
        return {method: {paper.id for paper in self.survey.papers_with_method(method)} for method in self.methods}

    @cached_property
    def asked_models(self) -> list[OpenModel]:
        """Models that have a cell in the capability table."""
        asked = {model for _, model in self._cells}
        return [model for model in self.models if model.id in asked]

    @cached_property
    def families(self) -> list[OpenModel]:
        """Models with series over their training."""
        trained = {model for model, _, _ in self._series}
        return [model for model in self.models if model.id in trained]

    @cached_property
    def models(self) -> list[OpenModel]:
        """All models, default ones first, planted ones last."""
        return sorted(self.survey.models.values(), key=lambda model: self._model_order(model.id))

    @cached_property
    def _cells(self) -> dict[tuple[str, str], CapabilityRecord]:
        return {(cell.task, cell.model): cell for cell in self.capabilities if self._is_placed(cell)}

    @cached_property
    def _series(self) -> dict[tuple[str, str, int], SeriesRecord]:
        known = {LOSSES, *self.survey.head_types}
        placed = [record for record in self.series if record.model in self.survey.models and record.entry in known]
        return {
            (record.model, record.entry, record.seed): record
            for record in sorted(placed, key=lambda record: (record.model, record.entry, record.seed))
        }

    def _is_placed(self, cell: CapabilityRecord) -> bool:
        return cell.model in self.survey.models and (self.task_files is None or cell.task in self.task_files)

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


def gather(root: Path, results_folders: Iterable[Path], site_url: str = "") -> Contents:
    """Read entries, records and executed notebooks; later results folders win.

    Raises:
        KnowledgeError, RecordError: naming every broken file.
    """
    survey = load_survey(root)
    folders = [folder for folder in results_folders if folder.is_dir()]
    if not folders:
        return Contents(survey, site_url=site_url)
    store = ResultStore(*folders)
    records = store.records()
    executed = {}
    for record in records:
        path = store.executed_notebook(record.model, record.notebook, record.run_id)
        if path is not None:
            executed[record.run_id] = ExecutedNotebook(record.model, path.name.removesuffix(".ipynb"), path)
    return Contents(
        survey,
        tuple(sorted(records, key=lambda record: (record.model, record.entry))),
        executed,
        tuple(store.capabilities()),
        tuple(store.series()),
        _task_files(root / TASK_FILES),
        site_url,
    )


def _task_files(folder: Path) -> frozenset[str] | None:
    if not folder.is_dir():
        return None
    return frozenset(path.stem.replace("_", "-") for path in folder.glob("[!_]*.py"))
