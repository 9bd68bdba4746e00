"""Every row of the earlier lists (tests/reference) is in the entries, field by field.

Where an entry says something else, its `corrections` must name the field and what the list says; a correction
that nothing needs is a mistake, too.
"""

from __future__ import annotations

import csv
import functools
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from survey_tools.knowledge.records import Circuit, Correction, HeadType, Paper, Planned
from survey_tools.knowledge.survey import Survey, load_survey

HERE = Path(__file__).resolve()
REFERENCE = HERE.parents[1] / "reference"
REPOSITORY = HERE.parents[2]

Row = dict[str, str]


def rows(name: str) -> list[Row]:
    with (REFERENCE / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@functools.cache
def survey() -> Survey:
    return load_survey(REPOSITORY)


def parts(cell: str, sign: str = ";") -> list[str]:
    return [part.strip() for part in cell.split(sign) if part.strip()]


class Differences:
    """What an entry says against what its row says; a difference needs its correction, and the other way round."""

    def __init__(self, entry_id: str, corrections: tuple[Correction, ...]) -> None:
        self.entry_id = entry_id
        self.named = Counter((c.field, c.listed) for c in corrections)
        self.fields = {c.field for c in corrections}
        self.found: list[str] = []
        self.used: set[str] = set()

    def compare(self, field: str, ours: Any, listed: Any) -> None:
        if ours == listed:
            return
        self.used.add(field)
        text = listed if isinstance(listed, str) else "; ".join(sorted(listed))
        if (field, text) not in self.named and not (not isinstance(listed, str) and field in self.fields):
            self.found.append(f"{self.entry_id}: {field} is {ours!r}, the list says {listed!r}")

    def done(self) -> None:
        self.found += [f"{self.entry_id}: nothing needs the correction of {f}" for f in self.fields - self.used]
        assert not self.found, "\n".join(self.found)


def addresses(paper: Paper) -> set[str]:
    ids = paper.ids
    links = {str(url).rstrip("/") for name, url in paper.links if url and name != "other"}
    links |= {url.rstrip("/") for url in paper.links.other}
    if ids.acl:
        links.add(f"https://aclanthology.org/{ids.acl}")
    if ids.openreview:
        links.add(f"https://openreview.net/forum?id={ids.openreview}")
    if ids.doi:
        links |= {
            f"https://doi.org/{ids.doi}",
            f"https://dl.acm.org/doi/{ids.doi}",
            f"https://dl.acm.org/doi/abs/{ids.doi}",
        }
    return links


PAPERS = rows("papers.csv") + rows("newer_papers.csv")


@pytest.mark.parametrize("row", PAPERS, ids=[row["id"] for row in PAPERS])
def test_paper(row: Row) -> None:
    paper = survey().papers[row["id"]]
    said = Differences(paper.id, paper.corrections)
    said.compare("title", paper.title, row["title"])
    said.compare("date", paper.published, row["date"])
    said.compare("date_source", paper.date_source, row["date_source"])
    said.compare("arxiv_id", paper.ids.arxiv or "", row["arxiv_id"])
    said.compare("kind", paper.kind, row["kind"])
    said.compare("relevance", paper.relevance, row["relevance"])
    known = addresses(paper)
    for field in ("venue_url", "code_url"):
        if row[field] and row[field].rstrip("/") not in known:
            said.compare(field, "", row[field])
    for url in row["other_urls"].split():
        if url.rstrip("/") not in known:
            said.compare("other_urls", "", url)
    tags = {tag for field in ("head_tags", "survey_heads", "other_heads") for tag in parts(row[field])}
    missing = tags - {use.id for use in paper.head_types}
    said.compare("head_tags", set(), missing)
    if row.get("authors"):
        said.compare("authors", "; ".join(paper.authors), row["authors"])
    if row.get("confirmed_in"):
        said.compare("confirmed_in", paper.confirmed_in, row["confirmed_in"])
    assert ("awesome-attention-heads" in paper.listed_in) == (row["in_readme"] == "y")
    if row["survey_heads"]:
        assert "zheng-2024-survey" in paper.listed_in
    said.done()


def test_a_paper_whose_authors_are_not_known_says_so() -> None:
    unknown = [p.id for p in survey().papers.values() if not p.authors and "authors" not in p.missing]
    assert not unknown


def test_tangential_papers_are_kept_and_marked() -> None:
    listed = {row["id"] for row in PAPERS if row["relevance"] == "tangential"}
    assert len(listed) == 9
    ours = {paper.id for paper in survey().papers.values() if paper.relevance == "tangential"}
    corrected = {p.id for p in survey().papers.values() for c in p.corrections if c.field == "relevance"}
    assert listed - corrected <= ours


TYPES = rows("head_types.csv")


def names_of(head_type: HeadType) -> set[str]:
    return {re.sub(r"[\s_-]+", " ", name).casefold() for name in (head_type.name, *head_type.aliases)}


def spelled_alike(alias: str) -> str:
    return re.sub(r"[\s_-]+", " ", alias).casefold()


@pytest.mark.parametrize("row", TYPES, ids=[row["id"] for row in TYPES])
def test_head_type(row: Row) -> None:
    head_type = survey().head_types[row["id"]]
    said = Differences(head_type.id, head_type.corrections)
    assert spelled_alike(row["name"]) in names_of(head_type)
    missing = {alias for alias in parts(row["aliases"]) if spelled_alike(alias) not in names_of(head_type)}
    said.compare("aliases", set(), missing)
    staging = head_type.staging
    if row["stage"] in ("KR", "ICI", "LR", "EP"):
        assert staging is not None
        assert not staging.suggested
        said.compare("stage", staging.stage, row["stage"])
        place = survey().place_of(head_type.id)
        assert place is not None
        said.compare(
            "category_path",
            f"{place.stage} > {place.category}",
            row["category_path"] or f"{place.stage} > {place.category}",
        )
    else:
        assert staging is None or staging.suggested
        said.compare("suggested_stage", staging.stage if staging else "", row["suggested_stage"])
    surveyed = head_type.surveyed
    named = [name.removesuffix("-title") for name in parts(row["named_in"]) if not name.startswith("seed")]
    said.compare("named_in", set(surveyed.named_in) if surveyed else set(), set(named))
    if row["stage"].startswith("architecture-era"):
        assert surveyed is not None
        assert surveyed.group == row["stage"]
    scope, _, task = row["general_or_specific_task"].partition(":")
    if scope != "not-stated":
        assert surveyed is not None
        said.compare("general_or_specific_task", (surveyed.scope, surveyed.task or ""), (scope, task))
    if surveyed is not None:
        said.compare("input_feature", surveyed.input or "", row["input_feature"])
        said.compare("output_feature", surveyed.output or "", row["output_feature"])
        said.compare("models_in_figure", set(surveyed.models), set(parts(row["models_in_figure"])))
    if row["layer_distribution"]:
        said.compare("layer_distribution", head_type.layer_distribution, row["layer_distribution"])
    broader = {r.id for r in head_type.relations if r.kind == "variant_of"}
    if row["variant_of"]:
        said.compare("variant_of", row["variant_of"] in broader, True)
    treated = {paper.id for paper, _ in survey().papers_of(head_type.id)}
    said.compare("papers", set(), set(parts(row["papers"])) - treated)
    introducing = {paper.id for paper in survey().introduced_by(head_type.id)}
    said.compare("first_paper", row["first_paper"] if row["first_paper"] in introducing else "", row["first_paper"])
    said.done()


NEWER_TYPES = rows("newer_head_types.csv")


@pytest.mark.parametrize("row", NEWER_TYPES, ids=[row["id"] for row in NEWER_TYPES])
def test_newer_head_type(row: Row) -> None:
    head_type = survey().head_types[row["id"]]
    said = Differences(head_type.id, head_type.corrections)
    said.compare("name", head_type.name, row["name"])
    missing = {alias for alias in parts(row["aliases"]) if spelled_alike(alias) not in names_of(head_type)}
    said.compare("aliases", set(), missing)
    staging = head_type.staging
    assert staging is None or staging.suggested, "a stage of a type no survey holds is our suggestion"
    said.compare("suggested_stage", staging.stage if staging else "", row["suggested_stage"])
    introducing = {paper.id for paper in survey().introduced_by(head_type.id)}
    said.compare(
        "introduced_by", row["introduced_by"] if row["introduced_by"] in introducing else "", row["introduced_by"]
    )
    nearest = {related.id for related in survey().relations_of(head_type.id)}
    said.compare(
        "nearest_existing",
        row["nearest_existing"] if row["nearest_existing"] in nearest else "",
        row["nearest_existing"],
    )
    if isinstance(head_type.detection, Planned):
        assert head_type.detection.planned.how
        assert head_type.detection.planned.needs
    said.done()


CIRCUITS = rows("circuits.csv")


def named_heads(cell: str) -> set[tuple[str, str]]:
    """(class, L5H1) of each head of a cell such as `induction=5.5,5.8; mover=9.9`."""
    found = set()
    for group in parts(cell.split(" (")[0] if cell.endswith(")") else cell):
        name, _, heads = group.partition("=")
        found |= {(name.strip(), "L{}H{}".format(*head.strip().split("."))) for head in heads.split(",")}
    return found


def our_heads(circuit: Circuit) -> set[tuple[str, str]]:
    return {(g.head_type or "unnamed", head) for g in circuit.heads for head in g.heads}


@pytest.mark.parametrize("row", CIRCUITS, ids=[row["id"] for row in CIRCUITS])
def test_circuit(row: Row) -> None:
    circuit = survey().circuits[row["id"]]
    said = Differences(circuit.id, circuit.corrections)
    said.compare("model", circuit.model, row["model"])
    said.compare("paper", circuit.paper, row["paper"])
    said.compare("in_survey", circuit.in_survey, row["in_survey"] == "y")
    types = survey().head_types
    listed = {head for name, head in named_heads(row["heads"])}
    ours = {head for _, head in our_heads(circuit)}
    said.compare("heads", set(), listed - ours)
    classed = {(name, head) for name, head in named_heads(row["heads"]) if name in types}
    said.compare("classes", set(), {f"{name}={head}" for name, head in classed - our_heads(circuit)})
    nodes = set(re.findall(r"[a-z][a-z-]+", row["head_flow"]))
    drawn = {end for flow in circuit.flow for end in (flow.source, flow.target)} | {
        group.head_type for group in circuit.heads if group.head_type
    }
    said.compare("head_flow", set(), nodes - drawn)
    if row["heads_certainty"]:
        assert circuit.certainty
    said.done()


def in_our_words(role: str) -> str:
    """Heads in a text: 4.11 is L4H11."""
    return re.sub(r"\b(\d+)\.(\d+)\b", r"L\1H\2", role)


def test_published_heads() -> None:
    wanted: Counter[tuple[Any, ...]] = Counter()
    for row in rows("published_heads.csv"):
        wanted[
            row["paper"], row["model"], int(row["layer"]), int(row["head"]), row["head_type"] or None,
            in_our_words(row["role"]) or None, row["where"], row["evidence"], row["certainty"],
            row["model_id_certainty"],
            int(row["rank"]) if row["rank"] else None, float(row["score"]) if row["score"] else None,
            row["score_kind"] or None,
        ] += 1  # fmt: skip
    ours: Counter[tuple[Any, ...]] = Counter()
    for paper in survey().papers.values():
        for head in paper.heads:
            ours[
                paper.id, head.model, head.layer, head.head, head.head_type, head.role, head.where, head.evidence,
                head.certainty, head.model_certainty, head.rank, head.score, head.score_kind,
            ] += 1  # fmt: skip
    assert sum(wanted.values()) == 649
    lost = wanted - ours
    assert not lost, "\n".join(map(str, list(lost)[:20]))
