"""Tables and their metadata: CSV, Parquet, Croissant, schema.org."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from exchange_samples import REPOSITORY

from survey_tools.errors import KnowledgeError
from survey_tools.exchange.croissant import CONTEXT, VERSION, croissant
from survey_tools.exchange.dataset import newest_day
from survey_tools.exchange.jsonld import embedded, jsonld, jsonld_of, jsonld_of_head_type, jsonld_of_survey
from survey_tools.exchange.tables import Column, Table, csv_text, head_scores, parquet_bytes, published_heads
from survey_tools.knowledge.survey import Survey
from survey_tools.results.store import ResultStore

SITE = "https://example.org/s"


@pytest.fixture(scope="module")
def scores() -> Table:
    record = ResultStore(REPOSITORY / "results").get("tiny", "induction")
    assert record is not None
    return head_scores([record])


def test_published_heads_as_csv(survey: Survey) -> None:
    assert csv_text(published_heads(survey)) == (
        "paper,model,model_certainty,layer,head,head_type,role,where,evidence,certainty,rank,score,score_kind\n"
        'muller-2024-echo,openai-community/gpt2,certain,5,1,echo,,"Fig. 1, left",paper,certain,1,0.5,'
        "share of attention\n"
        'muller-2024-echo,openai-community/gpt2,certain,0,11,,"writes a ""mark""",Sec. 2,official-code,likely,,,\n'
    )


def test_every_head_that_papers_name_is_a_row(repository: Survey) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(published_heads(repository)))))
    assert len(rows) == sum(len(paper.heads) for paper in repository.papers.values())


def test_a_score_for_every_head(scores: Table) -> None:
    record = ResultStore(REPOSITORY / "results").get("tiny", "induction")
    assert record is not None
    rows = list(csv.DictReader(io.StringIO(csv_text(scores))))
    assert len(rows) == sum(record.heads)
    assert [(row["layer"], row["head"]) for row in rows if row["found"] == "true"] == sorted(
        (str(head.layer), str(head.head)) for head in record.found
    )
    assert {row["found"] for row in rows} == {"true", "false"}
    assert [float(row["score"]) for row in rows] == [score for layer in record.scores for score in layer]
    assert len({tuple(row[name] for name in scores.key) for row in rows}) == len(rows)


def test_columns_are_those_of_the_rows(survey: Survey, scores: Table) -> None:
    for table in (published_heads(survey), scores):
        names = [column.name for column in table.columns]
        assert all(list(row) == names for row in table.rows)
        assert set(table.key) <= set(names)


def test_parquet_keeps_types_and_meanings(survey: Survey, scores: Table) -> None:
    for table in (published_heads(survey), scores):
        read = pq.read_table(io.BytesIO(parquet_bytes(table)))
        assert read.to_pylist() == [dict(row) for row in table.rows]
        assert [field.metadata[b"description"].decode() for field in read.schema] == [
            column.description for column in table.columns
        ]
    assert str(read.schema.field("score").type) == "double"
    assert str(read.schema.field("layer").type) == "int64"
    assert str(read.schema.field("found").type) == "bool"
    assert parquet_bytes(scores) == parquet_bytes(scores)


def test_an_empty_table_has_its_columns() -> None:
    table = Table("none", "Nothing.", (Column("a", "number", "A."), Column("b", "text", "B.")), ())
    assert csv_text(table) == "a,b\n"
    assert pq.read_table(io.BytesIO(parquet_bytes(table))).column_names == ["a", "b"]


def test_parquet_says_what_it_needs(scores: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        KnowledgeError, match=r"Parquet needs pyarrow.*attention-head-survey\[tables\].*csv does without"
    ):
        parquet_bytes(scores)


def test_the_day_of_the_data_is_that_of_the_newest_run(survey: Survey) -> None:
    record = ResultStore(REPOSITORY / "results").get("tiny", "induction")
    assert record is not None
    runs = [
        record.model_copy(update={"environment": record.environment.model_copy(update={"finished": day})})
        for day in ("2031-01-02", None, "2030-12-31")
    ]
    assert newest_day(survey, runs) == "2031-01-02"
    assert newest_day(survey, runs[1:2]) == newest_day(survey, []) == "2024-03-09"


def used_terms(data: Any) -> set[str]:
    """Every key of JSON-LD that needs a meaning."""
    if isinstance(data, dict):
        return {key for key in data if not key.startswith("@")}.union(*(used_terms(value) for value in data.values()))
    return set().union(*(used_terms(item) for item in data)) if isinstance(data, list) else set()


def test_croissant_has_what_its_specification_requires(survey: Survey, scores: Table) -> None:
    tables = [published_heads(survey), scores]
    data = croissant(tables, SITE, "2026-11-21")
    assert data["@type"] == "sc:Dataset"
    assert data["conformsTo"] == VERSION == "http://mlcommons.org/croissant/1.1"
    for required in ("name", "description", "license", "url", "creator", "datePublished", "distribution"):
        assert data[required], required
    assert data["datePublished"] == "2026-11-21"
    for table, file in zip(tables, data["distribution"], strict=True):
        content = csv_text(table).encode()
        assert file["@type"] == "cr:FileObject"
        assert file["name"] == f"{table.id}.csv"
        assert file["contentUrl"] == f"{SITE}/data/{table.id}.csv"
        assert file["encodingFormat"] == "text/csv"
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
        assert file["contentSize"] == f"{len(content)} B"


def test_croissant_describes_every_column_once(survey: Survey, scores: Table) -> None:
    tables = [published_heads(survey), scores]
    data = croissant(tables, SITE, "2026-11-21")
    files = {file["@id"] for file in data["distribution"]}
    fields = [field for record_set in data["recordSet"] for field in record_set["field"]]
    ids = [*files, *(r["@id"] for r in data["recordSet"]), *(field["@id"] for field in fields)]
    assert len(ids) == len(set(ids))
    assert {field["source"]["fileObject"]["@id"] for field in fields} == files
    assert [field["source"]["extract"]["column"] for field in fields] == [c.name for t in tables for c in t.columns]
    kinds = {field["@id"]: field["dataType"] for field in fields}
    assert kinds["published-heads/where"] == "sc:Text"
    assert kinds["head-scores/layer"] == "sc:Integer"
    assert kinds["head-scores/score"] == "sc:Float"
    assert kinds["head-scores/found"] == "sc:Boolean"
    assert {part["@id"] for part in data["recordSet"][1]["key"]} < kinds.keys()
    croissants = {
        "conformsTo",
        "citeAs",
        "recordSet",
        "field",
        "dataType",
        "source",
        "fileObject",
        "extract",
        "column",
        "key",
    }
    assert croissants < used_terms(data) & CONTEXT.keys()


def test_croissant_needs_to_know_where_the_data_lies(survey: Survey) -> None:
    with pytest.raises(KnowledgeError, match="must say where the data lies; give the address of the site"):
        croissant([published_heads(survey)], "", "2026-11-21")


def test_a_paper_in_schema_org(survey: Survey) -> None:
    assert jsonld(survey.papers["muller-2024-echo"], survey, SITE) == {
        "@context": "https://schema.org",
        "@type": "ScholarlyArticle",
        "@id": f"{SITE}/papers/muller-2024-echo/",
        "headline": "Echo Heads: 100 % of A & B_1 in {braces}",
        "name": "Echo Heads: 100 % of A & B_1 in {braces}",
        "author": [{"@type": "Person", "name": name} for name in ("Jörg Müller", "Łukasz Nový", "Ada van der Berg")],
        "datePublished": "2024-03-09",
        "description": "One mechanism. Small models. A bump & a <dip>.",
        "identifier": [
            {"@type": "PropertyValue", "propertyID": "arxiv", "value": "2403.00001"},
            {"@type": "PropertyValue", "propertyID": "openreview", "value": "AbCdEf1234"},
        ],
        "sameAs": ["https://arxiv.org/abs/2403.00001", "https://openreview.net/forum?id=AbCdEf1234"],
        "isPartOf": {"@type": "PublicationVolume", "name": "ICLR 2025"},
        "mentions": {"@type": "SoftwareSourceCode", "codeRepository": "https://github.com/example/echo"},
        "about": [
            {"@type": "DefinedTerm", "@id": f"{SITE}/heads/echo/", "name": "Echo Head", "termCode": "echo"},
            {
                "@type": "DefinedTerm",
                "@id": f"{SITE}/heads/look-back/",
                "name": "Look Back Head",
                "termCode": "look-back",
            },
        ],
    }


def test_a_head_type_in_schema_org(survey: Survey) -> None:
    assert jsonld_of_head_type(survey.head_types["echo"], survey, SITE) == {
        "@context": "https://schema.org",
        "@type": "DefinedTerm",
        "@id": f"{SITE}/heads/echo/",
        "name": "Echo Head",
        "termCode": "echo",
        "alternateName": ["Repeating Head", "BPE-echo Head"],
        "description": "Says again what was *said*.",
        "inDefinedTermSet": {
            "@type": "DefinedTermSet",
            "@id": f"{SITE}/heads/",
            "name": "A living survey of attention heads",
        },
        "subjectOf": [
            {
                "@type": "ScholarlyArticle",
                "@id": f"{SITE}/papers/muller-2024-echo/",
                "name": "Echo Heads: 100 % of A & B_1 in {braces}",
            }
        ],
    }


def test_the_survey_in_schema_org(survey: Survey) -> None:
    data = jsonld_of_survey(survey, SITE, {"survey.json": "application/json"})
    assert data["@type"] == "Dataset"
    for wanted in ("name", "description", "license", "creator", "url"):  # what dataset searches ask for
        assert data[wanted], wanted
    assert data["distribution"] == [
        {"@type": "DataDownload", "encodingFormat": "application/json", "contentUrl": f"{SITE}/survey.json"}
    ]
    assert "distribution" not in jsonld_of_survey(survey)


def test_the_whole_graph(repository: Survey) -> None:
    data = json.loads(jsonld_of(repository, SITE))
    kinds = [thing["@type"] for thing in data["@graph"]]
    assert data["@context"] == "https://schema.org"
    assert kinds.count("Dataset") == 1
    assert kinds.count("DefinedTerm") == len(repository.head_types)
    assert kinds.count("ScholarlyArticle") == len(repository.papers)
    ids = [thing["@id"] for thing in data["@graph"]]
    assert len(set(ids)) == len(ids)
    assert not any("@context" in thing for thing in data["@graph"])


def test_nothing_in_a_title_ends_the_script(survey: Survey, tmp_path: Path) -> None:
    title = "</script><script>alert(1)</script> & <!-- more"
    paper = survey.papers["okafor-2022-note"].model_copy(update={"title": title})
    element = embedded(jsonld(paper, survey))
    inside = element.removeprefix('<script type="application/ld+json">').removesuffix("</script>")
    assert "<" not in inside
    assert json.loads(inside)["name"] == title
