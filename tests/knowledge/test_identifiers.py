"""Spellings of identifiers, and which of them are one paper's."""

import pytest

from survey_tools.errors import LiteratureError
from survey_tools.knowledge.identifiers import (
    Identifier,
    acl_doi,
    acl_id_of,
    identifier_in,
    key_of,
    keys_of_paper,
    parse_identifier,
)
from survey_tools.knowledge.records import PaperIds, PaperLinks
from survey_tools.knowledge.survey import load_survey


@pytest.mark.parametrize(
    ("text", "scheme", "value"),
    [
        ("arxiv:2312.09230", "arxiv", "2312.09230"),
        ("arXiv:2312.09230v3", "arxiv", "2312.09230"),
        (" 2312.09230 ", "arxiv", "2312.09230"),
        ("cs/0112017", "arxiv", "cs/0112017"),
        ("math.GT/0309136v1", "arxiv", "math/0309136"),
        ("https://arxiv.org/abs/cs/0112017v1", "arxiv", "cs/0112017"),
        ("arxiv.org/abs/2312.09230", "arxiv", "2312.09230"),
        ("arXiv:2312.09230 [cs.CL]", "arxiv", "2312.09230"),
        ("https://huggingface.co/papers/2312.09230", "arxiv", "2312.09230"),
        ("https://www.alphaxiv.org/abs/2312.09230v2", "arxiv", "2312.09230"),
        ("doi.org/10.1234/x", "doi", "10.1234/x"),
        ("10.1145/3544548.3581234.", "doi", "10.1145/3544548.3581234"),
        ("acl:2024.EMNLP-main.699", "acl", "2024.emnlp-main.699"),
        ("p16-1154", "acl", "P16-1154"),
        ("https://arxiv.org/abs/2312.09230v2", "arxiv", "2312.09230"),
        ("http://arxiv.org/pdf/2312.09230.pdf", "arxiv", "2312.09230"),
        ("doi:10.48550/arXiv.2312.09230", "arxiv", "2312.09230"),
        ("https://doi.org/10.48550/ARXIV.2312.09230", "arxiv", "2312.09230"),
        ("doi:10.18653/V1/P16-1154", "doi", "10.18653/v1/p16-1154"),
        ("https://doi.org/10.1162/tacl%5Fa_1", "doi", "10.1162/tacl_a_1"),
        ("acl:2024.emnlp-main.699", "acl", "2024.emnlp-main.699"),
        ("P16-1154", "acl", "P16-1154"),
        ("https://aclanthology.org/2024.emnlp-main.699.pdf", "acl", "2024.emnlp-main.699"),
        ("openreview:GtvuNrk58a", "openreview", "GtvuNrk58a"),
        ("https://openreview.net/forum?id=GtvuNrk58a&noteId=x", "openreview", "GtvuNrk58a"),
    ],
)
def test_spellings(text, scheme, value):
    assert parse_identifier(text) == Identifier(scheme, value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "successor heads",
        "arxiv:23120.9230",
        "doi:11.5/x",
        "arxiv:2312.09230; rm -rf /",
        "https://example.org/abs/2312.09230",
        "arxiv:../../etc/passwd",
        "GtvuNrk58a",
        "arxiv:2312.09230\nacl:P16-1154",
        "10.1/" + "x" * 400,
    ],
)
def test_what_names_no_paper(text):
    with pytest.raises(LiteratureError, match=r"names no paper that can be looked up; give arxiv:2312\.09230, doi:"):
        parse_identifier(text)


def test_only_pages_of_known_places_hold_an_identifier():
    assert identifier_in("https://example.org/2312.09230") is None
    assert identifier_in("2312.09230") is None
    assert identifier_in("https://www.aclanthology.org/P16-1154/") == Identifier("acl", "P16-1154")


def test_an_acl_paper_and_its_doi_are_one():
    assert key_of(parse_identifier("doi:10.18653/v1/P16-1154")) == key_of(parse_identifier("acl:P16-1154"))
    assert acl_id_of("10.18653/v1/p16-1154") == "P16-1154"
    assert acl_id_of("10.18653/v1/2024.EMNLP-main.699") == "2024.emnlp-main.699"
    assert acl_id_of("10.1234/echo.5") is None
    assert acl_doi("P16-1154") == "10.18653/v1/p16-1154"


def test_an_entry_is_known_by_its_links_too(tree):
    paper = load_survey(tree.root).papers["wang-2022-ioi"]
    ids = PaperIds(doi="10.48550/arXiv.2211.00593", openreview="NpsVSN6o4ul")
    links = PaperLinks(paper="https://aclanthology.org/P16-1154", other=("https://arxiv.org/abs/1234.56789v2",))
    assert set(keys_of_paper(paper.model_copy(update={"ids": ids, "links": links}))) == {
        ("arxiv", "2211.00593"),
        ("openreview", "NpsVSN6o4ul"),
        ("acl", "p16-1154"),
        ("arxiv", "1234.56789"),
    }
