"""A paper is known by any of its identifiers and by nearly its title, and the refusal names the entry."""

from pathlib import Path

import pytest

from survey_tools.errors import AlreadyHere
from survey_tools.knowledge.identifiers import parse_identifier
from survey_tools.knowledge.load import load_entries
from survey_tools.knowledge.survey import load_survey
from survey_tools.literature.already_here import PapersHere

REPOSITORY = Path(__file__).resolve().parents[2]
TITLE = "Interpretability in the Wild: a Circuit for Indirect Object Identification"


@pytest.fixture
def here(tree):
    ids = '  arxiv: "2211.00593"\n  doi: "10.18653/v1/P16-1154"\n  openreview: NpsVSN6o4ul'
    tree.replace("papers/wang-2022-ioi.yml", '  arxiv: "2211.00593"', ids)
    return PapersHere(load_survey(tree.root).papers.values())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("arxiv:2211.00593v7", "the same arXiv id 2211.00593"),
        ("doi:10.48550/arXiv.2211.00593", "the same arXiv id 2211.00593"),
        ("DOI:10.18653/V1/p16-1154", "the same DOI 10.18653/v1/p16-1154"),
        ("acl:P16-1154", "the same ACL Anthology id P16-1154"),
        ("openreview:NpsVSN6o4ul", "the same OpenReview id NpsVSN6o4ul"),
    ],
)
def test_each_identifier(here, text, why):
    found = here.match([parse_identifier("arxiv:1111.11111"), parse_identifier(text)])
    assert (found.paper.id, found.why, found.by_title) == ("wang-2022-ioi", why, False)


def test_other_identifiers_are_others(here):
    others = ["arxiv:2211.00594", "doi:10.18653/v1/p16-1155", "acl:P16-115", "openreview:NPSVSN6O4UL"]
    assert here.match(map(parse_identifier, others[:2])) is None
    assert here.match([parse_identifier(others[3])]) is None


@pytest.mark.parametrize(
    ("title", "why"),
    [
        (TITLE, "the same title"),
        ("interpretability in the WILD - A circuit for indirect-object identification.", "the same title"),
        (TITLE + " in GPT", f"nearly the same title, '{TITLE}'"),
        (TITLE.replace("Circuit", "Circiut"), f"nearly the same title, '{TITLE}'"),
        ("Interpretability in the Wild", f"nearly the same title, '{TITLE}'"),
    ],
)
def test_near_titles(here, title, why):
    found = here.match([], title)
    assert (found.paper.id, found.why, found.by_title) == ("wang-2022-ioi", why, True)


def test_a_subtitle_that_came_later(here):
    found = here.match([], "In-Context Learning and Induction Heads? A Second Look")
    assert found.paper.id == "olsson-2022-induction"


def test_one_word_before_a_colon_is_no_title(tree):
    paper = load_survey(tree.root).papers["wang-2022-ioi"].model_copy(update={"title": "Heads: What They Do"})
    assert PapersHere([paper]).match([], "Heads") is None
    assert PapersHere([paper]).match([], "Heads – Once More, With Feeling") is None


@pytest.mark.parametrize(
    ("authors", "similar"),
    [
        (["Alexandre Variengien", "K. Wang"], True),
        (["Kevin Wang"], False),
        (["Kevin Wang", "Ana Li"], False),
        ([], False),
    ],
)
def test_a_paper_that_was_renamed_has_the_same_authors(here, authors, similar):
    title = "Interpretability in the Large: Circuits for Indirect Object Completion"
    found = here.match([], title, authors=authors)
    assert (found is not None) is similar
    if found is not None:
        assert found.why == f"the same authors and a similar title, '{TITLE}'"
    assert here.match([], "On Something Else", authors=authors) is None


@pytest.mark.parametrize(
    "title",
    ["", "???", "Interpretability in the Wild: a Circuit for Greater-Than Comparison", "In-context Learning and Heads"],
)
def test_other_titles_are_others(here, title):
    assert here.match([], title) is None


def test_the_refusal_names_the_entry_and_the_way_out(here):
    with pytest.raises(AlreadyHere) as error:
        here.refuse([], TITLE + "s")
    assert error.value.path == "papers/wang-2022-ioi.yml"
    assert str(error.value) == (
        f"this paper is here already: papers/wang-2022-ioi.yml has nearly the same title, '{TITLE}'; correct that file "
        "instead, or, if it is another paper, add --unlike wang-2022-ioi"
    )
    here.refuse([], TITLE + "s", unlike=["wang-2022-ioi"])


def test_an_identifier_cannot_be_called_unlike(here):
    with pytest.raises(AlreadyHere, match=r"has the same arXiv id 2211\.00593; correct that file instead$"):
        here.refuse([parse_identifier("arxiv:2211.00593")], TITLE, unlike=["wang-2022-ioi"])


def test_no_two_papers_of_this_survey_look_alike():
    """Otherwise one of them could not have been added."""
    papers = load_entries(REPOSITORY).papers
    here = PapersHere(papers.values())
    alike = {
        paper.id: here.match([], paper.title, unlike=[paper.id], authors=paper.authors) for paper in papers.values()
    }
    assert len(papers) > 20
    assert {paper: found.paper.id for paper, found in alike.items() if found} == {}
