"""All formats by name: which files each one makes, and from what. Add a format here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from survey_tools.errors import KnowledgeError
from survey_tools.exchange import croissant as croissant_metadata
from survey_tools.exchange.atom import FILE as FEED
from survey_tools.exchange.atom import atom
from survey_tools.exchange.awesome import awesome_of
from survey_tools.exchange.bibtex import bibtex_of
from survey_tools.exchange.csl import csl_of
from survey_tools.exchange.dataset import json_text, newest_day
from survey_tools.exchange.jsonld import jsonld_of
from survey_tools.exchange.plain import json_of, jsonl_of
from survey_tools.exchange.tables import Table, csv_text, head_scores, parquet_bytes, published_heads
from survey_tools.knowledge.survey import Survey
from survey_tools.results.records import RunRecord
from survey_tools.results.store import ResultStore

TABLES = ("published-heads", "head-scores")


@dataclass(frozen=True)
class Source:
    """What formats are made from; run records are read only where a format shows them."""

    survey: Survey
    store: ResultStore
    site_url: str = ""

    @cached_property
    def tables(self) -> dict[str, Table]:
        """Every table by its id."""
        tables = (published_heads(self.survey), head_scores(self._records))
        return {table.id: table for table in tables}

    @property
    def published(self) -> str:
        """The day of the tables' data."""
        return newest_day(self.survey, self._records)

    @cached_property
    def _records(self) -> Sequence[RunRecord]:
        return self.store.records()


def export(name: str, source: Source, table: str | None = None) -> dict[str, bytes]:
    """The files of a format by their names, the main one first; `table` asks a format of tables for that one alone.

    Raises:
        KnowledgeError: there is no such format or table, or it needs what is not given or not installed.
    """
    if name not in FORMATS:
        raise KnowledgeError(f"there is no format {name!r}; expected one of {', '.join(FORMATS)}")
    files = FORMATS[name](source)
    if table is None:
        return files
    if table not in TABLES:
        raise KnowledgeError(f"there is no table {table!r}; expected {' or '.join(TABLES)}")
    chosen = {file: content for file, content in files.items() if file.partition(".")[0] == table}
    if not chosen:
        raise KnowledgeError(f"{name} is not a format of tables; leave out --table")
    return chosen


def _text(file: str, make: Callable[[Source], str]) -> Callable[[Source], dict[str, bytes]]:
    return lambda source: {file: make(source).encode()}


def _csv(source: Source) -> dict[str, bytes]:
    return {f"{table.id}.csv": csv_text(table).encode() for table in source.tables.values()}


def _parquet(source: Source) -> dict[str, bytes]:
    return {f"{table.id}.parquet": parquet_bytes(table) for table in source.tables.values()}


def _croissant(source: Source) -> dict[str, bytes]:
    data = croissant_metadata.croissant(list(source.tables.values()), source.site_url, source.published)
    tables = {f"{croissant_metadata.FOLDER}/{name}": content for name, content in _csv(source).items()}
    return {croissant_metadata.FILE: json_text(data).encode(), **tables}


FORMATS: dict[str, Callable[[Source], dict[str, bytes]]] = {
    "bibtex": _text("survey.bib", lambda source: bibtex_of(source.survey)),
    "csl": _text("survey.csl.json", lambda source: csl_of(source.survey)),
    "json": _text("survey.json", lambda source: json_of(source.survey)),
    "jsonl": _text("survey.jsonl", lambda source: jsonl_of(source.survey)),
    "parquet": _parquet,
    "csv": _csv,
    "awesome": _text("awesome.md", lambda source: awesome_of(source.survey, source.site_url)),
    "atom": _text(FEED, lambda source: atom(source.survey, source.site_url)),
    "jsonld": _text("survey.jsonld", lambda source: jsonld_of(source.survey, source.site_url)),
    "croissant": _croissant,
}
