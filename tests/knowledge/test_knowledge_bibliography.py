"""BibTeX that a parser reads back, and a line to cite."""

from __future__ import annotations

import bibtexparser
import pytest

from survey_tools.knowledge.bibliography import address, bibtex, cite_as
from survey_tools.knowledge.records import PaperIds, PaperLinks
from survey_tools.knowledge.survey import load_survey


@pytest.fixture
def paper(tree):
    return load_survey(tree.root).papers["wang-2022-ioi"]


def test_bibtex(paper):
    assert bibtex(paper) == (
        "@misc{wang-2022-ioi,\n"
        "\tauthor = {Kevin Wang and Alexandre Variengien},\n"
        "\ttitle = {{Interpretability in the Wild: a Circuit for Indirect Object Identification}},\n"
        "\tyear = {2022},\n"
        "\teprint = {2211.00593},\n"
        "\tarchiveprefix = {arXiv},\n"
        "\turl = {https://arxiv.org/abs/2211.00593}\n"
        "}\n"
    )


def field(paper, name: str) -> str:
    library = bibtexparser.parse_string(bibtex(paper))
    assert library.failed_blocks == []
    (entry,) = library.entries
    assert entry.key == "wang-2022-ioi"
    return entry.fields_dict[name].value


def test_accents_become_latex_in_braces(paper):
    accented = paper.model_copy(update={"authors": ("Petar Veličković", "Jörg Müller", "Łukasz Kaiser")})
    assert field(accented, "author") == r"Petar Veli{\v{c}}kovi{\'c} and J{\"o}rg M{\"u}ller and {\L}ukasz Kaiser"


@pytest.mark.parametrize(
    ("title", "latex"),
    [
        ("100 % of A & B_1", r"{100 {\%} of A {\&} B{\_}1}"),
        ("a } b { c", r"{a {\textbraceright} b {\textbraceleft} c}"),
        ("two\nlines", "{two lines}"),
        ("注意力 heads", "{注意力 heads}"),
    ],
)
def test_titles_cannot_break_the_entry(paper, title, latex):
    written = paper.model_copy(update={"title": title})
    assert field(written, "title") == latex
    assert bibtex(written).count("{") == bibtex(written).count("}")


def test_an_organisation_is_one_author(paper):
    named = paper.model_copy(update={"authors": ("Research and Development", "A. B.")})
    assert field(named, "author") == "{Research and Development} and A. B."


def test_cite_as(paper):
    assert cite_as(paper) == (
        "Kevin Wang and Alexandre Variengien (2022). Interpretability in the Wild: a Circuit for Indirect Object "
        "Identification. arXiv:2211.00593."
    )
    many = paper.model_copy(update={"authors": ("A B", "C D", "E F"), "title": "Why?", "venue": "ICLR 2023"})
    assert cite_as(many) == "A B et al. (2022). Why? ICLR 2023. arXiv:2211.00593."
    nobody = paper.model_copy(update={"authors": (), "title": "T", "ids": PaperIds(doi="10.1000/x")})
    assert cite_as(nobody) == "(2022). T. doi:10.1000/x."


def test_address(paper):
    assert address(paper) == "https://arxiv.org/abs/2211.00593"
    acl = paper.model_copy(update={"ids": PaperIds(acl="P16-1154")})
    assert address(acl) == "https://aclanthology.org/P16-1154/"
    own = paper.model_copy(update={"links": PaperLinks(paper="https://example.org/a")})
    assert address(own) == "https://example.org/a"
    assert address(paper.model_copy(update={"ids": PaperIds()})) is None
