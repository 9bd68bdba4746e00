"""BibTeX out and in again: nothing is lost and nothing invented."""

from __future__ import annotations

import unicodedata

import bibtexparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey_tools.exchange.addresses import places_of, same_place
from survey_tools.exchange.bibtex import bibtex_of
from survey_tools.exchange.bibtex_in import BibtexPaper, read_bibtex
from survey_tools.exchange.listed import listed_bibtex
from survey_tools.knowledge.bibliography import bibtex
from survey_tools.knowledge.records import Paper, PaperIds, PaperLinks
from survey_tools.knowledge.survey import Survey


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split()))


def assert_same(paper: Paper, read: BibtexPaper) -> None:
    assert read.key == paper.id
    assert read.title == composed(paper.title)
    assert read.authors == tuple(map(composed, paper.authors))
    assert not read.authors_cut
    assert read.year == paper.published[:4]
    assert read.venue == composed(paper.venue or "")
    assert read.arxiv == paper.ids.arxiv
    assert read.doi == paper.ids.doi
    assert places_of(paper) >= {same_place(link) for link in listed_bibtex(read).links}
    if paper.links.paper:
        assert read.url == paper.links.paper
    elif paper.ids.acl:
        assert read.url == f"https://aclanthology.org/{paper.ids.acl}/"


def test_every_paper_of_the_small_survey_comes_back(survey: Survey) -> None:
    read = read_bibtex(bibtex_of(survey))
    assert [paper.key for paper in read] == [
        "lin-2019-tree",
        "muller-2024-echo",
        "okafor-2022-note",
        "unknown-2020-tables",
    ]
    for paper in read:
        assert_same(survey.papers[paper.key], paper)
    assert [paper.kind for paper in read] == ["inproceedings", "inproceedings", "misc", "article"]


def test_every_paper_of_the_repository_comes_back(repository: Survey) -> None:
    read = read_bibtex(bibtex_of(repository))
    assert [paper.key for paper in read] == list(repository.papers)
    for paper in read:
        assert_same(repository.papers[paper.key], paper)


def test_an_independent_parser_finds_no_fault(repository: Survey) -> None:
    library = bibtexparser.parse_string(bibtex_of(repository))
    assert library.failed_blocks == []
    assert len(library.entries) == len(repository.papers)


# Latin with accents, TeX's own signs, marks that TeX joins to one, Greek, Chinese, mathematics, symbols.
LETTERS = "abzABZ éüőŁøßçñžŒĦŀ{}&%_#$~^\\<>|\"'`-–—!?.,:;()[]@*=+/ αβΓΩΑο 注意力机制 ≠≤√ × ½ ﬁ 😀"
words = st.text(LETTERS, min_size=1, max_size=30).map(lambda text: " ".join(text.split())).filter(bool)
names = words.filter(lambda name: name.casefold() not in ("others", "and"))
papers = st.builds(
    Paper,
    schema_version=st.just(1),
    id=st.just("a-2024-paper"),
    title=words,
    authors=st.lists(names, max_size=4).map(tuple),
    published=st.sampled_from(["1999", "2024-02", "2025-12-31"]),
    date_source=st.just("memory"),
    venue=st.one_of(st.none(), words, st.sampled_from(["ICLR 2024", "TMLR 2024", "Findings of ACL 2023"])),
    ids=st.builds(
        PaperIds,
        arxiv=st.sampled_from([None, "2403.00001", "cs/0112017", "math.GT/0309136"]),
        acl=st.sampled_from([None, "P16-1154", "2024.emnlp-main.190"]),
        doi=st.sampled_from([None, "10.1000/a_b%c#d~(e)&f;g", "10.18653/v1/P16-1154"]),
    ),
    links=st.builds(
        PaperLinks,
        paper=st.sampled_from([None, "https://example.org/~me/a_b%20c?d=1&e=(2)#f$g"]),
    ),
    kind=st.just("theory"),
    relevance=st.just("core"),
    missing=st.just(("summary",)),
    reproduction=st.just({"not_reproducible": "invented"}),
)


@settings(max_examples=300, deadline=None)
@given(papers)
def test_whatever_a_paper_is_called_it_comes_back(paper: Paper) -> None:
    (read,) = read_bibtex(bibtex(paper))
    assert_same(paper, read)


@pytest.mark.parametrize("first", range(0x21, 0x3000, 0x200))
def test_every_sign_comes_back(survey: Survey, first: int) -> None:
    """Of all scripts up to the CJK signs, each between two letters."""
    signs = [chr(code) for code in range(first, min(first + 0x200, 0x3000))]
    signs = [sign for sign in signs if sign.isprintable() and not sign.isspace()]
    title = " ".join(f"a{sign}b" for sign in signs)
    (read,) = read_bibtex(bibtex(survey.papers["lin-2019-tree"].model_copy(update={"title": title})))
    wrong = [(now, was) for now, was in zip(read.title.split(), composed(title).split(), strict=True) if now != was]
    assert wrong == []
