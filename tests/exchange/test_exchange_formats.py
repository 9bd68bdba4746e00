"""CSL-JSON, JSON, JSON Lines, Markdown and Atom: what each must hold, and nothing that depends on the day."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from survey_tools.errors import KnowledgeError
from survey_tools.exchange.atom import NAMESPACE, atom
from survey_tools.exchange.awesome import awesome_of
from survey_tools.exchange.csl import csl, csl_of
from survey_tools.exchange.dataset import full_date, newest_date
from survey_tools.exchange.plain import json_of, jsonl_of
from survey_tools.knowledge.bibliography import bibtex, venue_kind
from survey_tools.knowledge.survey import Survey

# The essentials of csl-data.json, the schema of the Citation Style Language 1.0: names of ours, with their types.
CSL_TEXT = {
    "title", "container-title", "DOI", "URL", "archive", "archive_location", "number", "keyword", "annote",
}  # fmt: skip
CSL_TYPES = {"article", "article-journal", "paper-conference"}
CSL_NAME = {"family", "given", "non-dropping-particle", "literal"}


def csl_faults(item: dict[str, Any]) -> list[str]:
    faults = [name for name in ("id", "type") if not isinstance(item.get(name), str)]
    faults += ["type"] if item.get("type") not in CSL_TYPES else []
    faults += [key for key in item.keys() & CSL_TEXT if not isinstance(item[key], str) or not item[key]]
    faults += sorted(item.keys() - CSL_TEXT - {"id", "type", "author", "issued", "custom"})
    for name in item.get("author", []):
        parts = name.keys()
        faults += [f"author {name}"] if parts - CSL_NAME or not ({"literal"} == parts or "family" in parts) else []
    (parts,) = item["issued"]["date-parts"]
    faults += [] if 1 <= len(parts) <= 3 and all(isinstance(part, int) for part in parts) else ["issued"]
    return faults


def test_csl_of_every_paper_follows_the_schema(repository: Survey) -> None:
    items = json.loads(csl_of(repository))
    assert [item["id"] for item in items] == list(repository.papers)
    assert {item["id"]: faults for item in items if (faults := csl_faults(item))} == {}


def test_csl_of_a_conference_paper(survey: Survey) -> None:
    assert csl(survey.papers["muller-2024-echo"], survey) == {
        "id": "muller-2024-echo",
        "type": "paper-conference",
        "title": "Echo Heads: 100 % of A & B_1 in {braces}",
        "author": [
            {"family": "Müller", "given": "Jörg"},
            {"family": "Nový", "given": "Łukasz"},
            {"family": "Berg", "given": "Ada", "non-dropping-particle": "van der"},
        ],
        "issued": {"date-parts": [[2024, 3, 9]]},
        "container-title": "ICLR 2025",
        "URL": "https://arxiv.org/abs/2403.00001",
        "archive": "arXiv",
        "archive_location": "2403.00001",
        "keyword": "Echo Head, Look Back Head",
        "annote": "One mechanism. Small models. A bump & a <dip>.",
        "custom": {"arxiv": "2403.00001", "openreview": "AbCdEf1234"},
    }


def test_csl_keeps_whole_what_it_cannot_divide(survey: Survey) -> None:
    assert csl(survey.papers["okafor-2022-note"], survey)["author"] == [{"literal": "Okafor"}]
    group = survey.papers["lin-2019-tree"].model_copy(update={"authors": ("Research and Development", "A, B")})
    assert csl(group, survey)["author"] == [{"literal": "Research and Development"}, {"literal": "A, B"}]
    assert "author" not in csl(survey.papers["unknown-2020-tables"], survey)


@pytest.mark.parametrize(
    ("venue", "kind"),
    [
        ("ICLR 2025", "conference"),
        ("Findings of EMNLP 2025", "conference"),
        ("EACL 2021 Student Research Workshop", "conference"),
        ("Patterns, 2025", "journal"),
        ("TMLR 2024", "journal"),
        ("LessWrong", None),
        ("ICLR", None),
        ("ICLR 2025 Workshop on Heads", None),
        ("Proceedings of Heads 2025", None),
        (None, None),
    ],
)
def test_a_venue_has_a_kind_only_where_that_is_certain(venue: str | None, kind: str | None) -> None:
    assert venue_kind(venue) == kind


def test_bibtex_says_what_identifiers_do_not(survey: Survey) -> None:
    """The page of the venue, since `eprint` leads to arXiv already."""
    assert bibtex(survey.papers["muller-2024-echo"]).splitlines()[3:] == [
        "\tbooktitle = {ICLR 2025},",
        "\tyear = {2024},",
        "\teprint = {2403.00001},",
        "\tarchiveprefix = {arXiv},",
        "\turl = {https://openreview.net/forum?id=AbCdEf1234}",
        "}",
    ]


def test_json_holds_relations_from_both_sides(survey: Survey) -> None:
    data = json.loads(json_of(survey))
    assert {key: len(value) for key, value in data.items() if isinstance(value, list)} == {
        "head_types": 3,
        "papers": 4,
        "circuits": 1,
        "models": 0,
        "schemes": 0,
    }
    assert data["framework"]["source"] == "muller-2024-echo"
    types = {head_type["id"]: head_type["derived"] for head_type in data["head_types"]}
    assert types["echo"] == {
        "place": {"stage": "LR", "category": "In-context Learning"},
        "introduced_by": ["muller-2024-echo"],
        "papers": [{"id": "muller-2024-echo", "role": "introduces", "name_used": None}],
        "relations": [{"kind": "variant_of", "id": "look-back", "note": "with a copy"}],
        "circuits": ["again"],
        "published_heads": [{"paper": "muller-2024-echo", "model": "openai-community/gpt2", "layer": 5, "head": 1}],
    }
    assert types["look-back"]["relations"] == [{"kind": "has_variant", "id": "echo", "note": "with a copy"}]
    assert [use["id"] for use in types["look-back"]["papers"]] == ["lin-2019-tree", "muller-2024-echo"]
    papers = {paper["id"]: paper["derived"] for paper in data["papers"]}
    assert papers["muller-2024-echo"]["stages"] == ["LR"]
    assert papers["muller-2024-echo"]["circuits"] == ["again"]


def test_json_lines_are_the_same_entries(repository: Survey) -> None:
    lines = [json.loads(line) for line in jsonl_of(repository).splitlines()]
    whole = json.loads(json_of(repository))
    kinds: dict[str, list[Any]] = {}
    for line in lines:
        kinds.setdefault(line.pop("entry"), []).append(line)
    for kind, entries in kinds.items():
        assert entries == (whole[kind] if isinstance(whole[kind], list) else [whole[kind]])
    assert len(kinds["papers"]) == len(repository.papers)


def test_the_reading_list(survey: Survey) -> None:
    text = awesome_of(survey, "https://example.org/s")
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Awesome attention heads",
        "## Contents",
        "## In-Context Identification",
        "### [Look Back Head](https://example.org/s/heads/look-back/)",
        "## Latent Reasoning",
        "### [Echo Head](https://example.org/s/heads/echo/)",
        "## Not placed in a stage",
        "### [Odd Head](https://example.org/s/heads/odd/)",
        "## Papers on heads in general",
    ]
    assert r"Says again what was \*said\*. Also called Repeating Head, BPE-echo Head." in text
    assert "Looks one token back. The stage is our suggestion." in text
    assert [line for line in text.splitlines() if line.startswith("- 2")] == [
        r"- 2024-03-09: [Echo Heads: 100 % of A &amp; B\_1 in {braces}](https://arxiv.org/abs/2403.00001) · "
        "Jörg Müller et al., ICLR 2025 · [code](https://github.com/example/echo)",
        "- 2019-11: [Trees in α-space: 注意力 heads?](https://aclanthology.org/D19-9999/) · "
        "Mei Lin and Research and Development Group, Findings of EMNLP 2019 · introduces it",
        r"- 2024-03-09: [Echo Heads: 100 % of A &amp; B\_1 in {braces}](https://arxiv.org/abs/2403.00001) · "
        "Jörg Müller et al., ICLR 2025 · [code](https://github.com/example/echo) · introduces it",
        "- 2022: [A note on (two) heads](<https://example.org/notes/heads_(two)?a=1&b=2>) · Okafor, A Blog",
    ]


def test_the_reading_list_of_the_repository_leads_somewhere(repository: Survey) -> None:
    text = awesome_of(repository)
    headings = {re.sub(r"[^\w -]", "", h.casefold()).replace(" ", "-") for h in re.findall(r"^## (.+)$", text, re.M)}
    assert set(re.findall(r"^- \[[^]]+\]\(#([^)]+)\)$", text, re.M)) == headings - {"contents"}
    for head_type in repository.head_types.values():
        assert text.count(f"\n### {head_type.name}\n") == 1, head_type.id
    listed = [paper for paper in repository.papers.values() if paper.head_types or paper.relevance != "tangential"]
    assert all(f"- {paper.published}: " in text for paper in listed)


def parsed(feed: str) -> ET.Element:
    return ET.fromstring(feed)


def every(element: ET.Element, tag: str) -> list[ET.Element]:
    return element.findall(f"{{{NAMESPACE}}}{tag}")


def one(element: ET.Element, tag: str) -> str:
    (found,) = every(element, tag)
    return found.text or ""


@pytest.mark.parametrize("site", ["", "https://example.org/s/"])
def test_a_feed_has_what_rfc_4287_asks_for(repository: Survey, site: str) -> None:
    feed = parsed(atom(repository, site, newest=10_000))
    time = re.compile(r"\d{4}-\d\d-\d\dT00:00:00Z")
    entries = every(feed, "entry")
    assert feed.tag == f"{{{NAMESPACE}}}feed"
    assert one(feed, "title")
    assert time.fullmatch(one(feed, "updated"))
    assert every(feed, "author")  # so that an entry without authors has one
    ids = [one(feed, "id"), *(one(entry, "id") for entry in entries)]
    assert len(set(ids)) == len(ids) == len(repository.papers) + 1
    assert all(re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", name) for name in ids)
    for entry in entries:
        assert one(entry, "title")
        assert one(entry, "content")
        assert time.fullmatch(one(entry, "updated"))
        assert [link.get("rel") for link in every(entry, "link")].count("alternate") <= 1
        assert all(link.get("href", "").startswith("http") for link in every(entry, "link"))
    updated = [one(entry, "updated") for entry in entries]
    assert updated == sorted(updated, reverse=True)
    assert one(feed, "updated") == updated[0]


def test_a_feed_of_the_newest(survey: Survey) -> None:
    feed = parsed(atom(survey, "https://example.org/s", newest=2))
    assert [one(entry, "title") for entry in every(feed, "entry")] == [
        "Echo Heads: 100 % of A & B_1 in {braces}",
        "A note on (two) heads",
    ]
    links = [(link.get("rel"), link.get("href")) for link in every(every(feed, "entry")[0], "link")]
    assert links == [
        ("alternate", "https://example.org/s/papers/muller-2024-echo/"),
        ("related", "https://arxiv.org/abs/2403.00001"),
    ]
    assert one(feed, "updated") == "2024-03-09T00:00:00Z"


def test_ids_of_a_feed_stay_when_the_site_moves(survey: Survey) -> None:
    ids = [re.findall("<id>(.*)</id>", atom(survey, site)) for site in ("", "https://a.org", "https://b.org/c")]
    assert ids[0] == ids[1] == ids[2]


def test_an_address_that_is_none_is_refused(survey: Survey) -> None:
    with pytest.raises(KnowledgeError, match=r"address of the site must start with https://, found 'example\.org'"):
        atom(survey, "example.org")


def test_dates_are_made_whole(survey: Survey) -> None:
    assert [full_date(when) for when in ("2024", "2024-11", "2024-11-05")] == ["2024-01-01", "2024-11-01", "2024-11-05"]
    assert newest_date(survey) == "2024-03-09"
