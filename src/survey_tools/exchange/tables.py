"""Tables of heads: those that papers name, and the scores that runs measured, as CSV and Parquet.

A column says its type and meaning once; CSV header, Parquet schema and Croissant metadata come from it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from survey_tools.errors import KnowledgeError
from survey_tools.knowledge.survey import Survey
from survey_tools.results.records import Measurement
from survey_tools.results.tables import full_table

Cell: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    """One column. An empty cell means that nothing is known or was measured."""

    name: str
    type: Literal["text", "integer", "number", "boolean"]
    description: str


@dataclass(frozen=True)
class Table:
    """Rows with what their columns mean; `id` names its file."""

    id: str
    description: str
    columns: tuple[Column, ...]
    rows: tuple[Mapping[str, Cell], ...]
    key: tuple[str, ...] = ()
    """Columns that together name a row."""


_PUBLISHED = (
    Column("paper", "text", "Id of the paper that names the head."),
    Column("model", "text", "The model as the paper names it, as a rule its Hugging Face id."),
    Column("model_certainty", "text", "certain or likely: whether the paper leaves no doubt which weights are meant."),
    Column("layer", "integer", "Layer, counted from 0."),
    Column("head", "integer", "Head within the layer, counted from 0."),
    Column("head_type", "text", "Id of the head type, where one of the survey's types is meant."),
    Column("role", "text", "What the paper says the head does, where that is no head type."),
    Column("where", "text", "Place in the paper or its code."),
    Column("evidence", "text", "paper, official-code, code-unidentified or secondary."),
    Column("certainty", "text", "certain or likely: whether the source really names this head."),
    Column("rank", "integer", "Place in the paper's own ranking, the first is 1."),
    Column("score", "number", "The paper's score, in the unit that score_kind names."),
    Column("score_kind", "text", "What the score is."),
)
_SCORES = (
    Column("model", "text", "Id of the model that ran."),
    Column("entry", "text", "Id of the head type looked for."),
    Column("layer", "integer", "Layer, counted from 0."),
    Column("head", "integer", "Head within the layer, counted from 0."),
    Column("score", "number", "The score of the paper that introduced the type; higher is more."),
    Column("low", "number", "Lower end of the score's 95 % interval."),
    Column("high", "number", "Upper end of the score's 95 % interval."),
    Column("control", "number", "The same head on the broken stimulus."),
    Column("p", "number", "p-value of the paired control, not corrected for the number of heads."),
    Column("found", "boolean", "Whether the head passed every criterion."),
    Column("write", "number", "What the head writes, for heads that passed everything before it."),
    Column("write_low", "number", "Lower end of the 95 % interval of write."),
    Column("write_high", "number", "Upper end of the 95 % interval of write."),
    Column("missed", "text", "The criteria missed, for the heads that a record lists."),
    Column("threshold", "number", "What chance reaches in this run."),
    Column("minimum_effect", "number", "Smallest difference of score and control that counts."),
    Column("verdict", "text", "Verdict of the run on the head type in this model."),
    Column("method", "text", "Method of detection."),
    Column("seed", "integer", "Seed of the run."),
    Column("prompts", "integer", "Prompts read."),
    Column("model_digest", "text", "sha256 of the weights that ran, or of the recipe of a planted model."),
)


def published_heads(survey: Survey) -> Table:
    """Every concrete head that a paper of the survey names, in the order of the papers' ids."""
    rows = (
        {"paper": paper.id, **{column.name: getattr(head, column.name) for column in _PUBLISHED[1:]}}
        for paper in survey.papers.values()
        for head in paper.heads
    )
    return Table("published-heads", "Concrete attention heads that papers name.", _PUBLISHED, tuple(rows))


def head_scores(records: Iterable[Measurement]) -> Table:
    """The score of every head in every run record."""
    return Table(
        "head-scores",
        "Scores of every attention head of the models that were run, one row a model, head type and head.",
        _SCORES,
        tuple(full_table(records)),
        key=("model", "entry", "layer", "head"),
    )


def csv_text(table: Table) -> str:
    """The table as CSV: comma, double quotes where needed, `true` and `false`, an empty cell where nothing is known."""
    written = io.StringIO()
    names = [column.name for column in table.columns]
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(row[name]) for name in names] for row in table.rows)
    return written.getvalue()


def _cell(value: Cell) -> str | int | float | None:
    return str(value).lower() if isinstance(value, bool) else value


def parquet_bytes(table: Table) -> bytes:
    """The table as Parquet, every column with its type and description.

    Raises:
        KnowledgeError: pyarrow, which the extra `tables` brings, is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise KnowledgeError(
            "Parquet needs pyarrow, which is not installed; "
            'pip install "attention-head-survey[tables]" brings it, and csv does without'
        ) from None
    types = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    fields = [
        pa.field(column.name, types[column.type], metadata={"description": column.description})
        for column in table.columns
    ]
    schema = pa.schema(fields, metadata={"description": table.description})
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict(row) for row in table.rows], schema=schema), stream)
    return stream.getvalue()
