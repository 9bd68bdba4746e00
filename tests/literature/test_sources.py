"""What each source's answer becomes, what a broken one is called, and who is asked next."""

import datetime
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from replayed_sources import ABSTRACT, ACL_BIB, atom, atom_entry, crossref_work, openalex_work

from survey_tools.errors import LiteratureError, PaperUnknown, SourceUnavailable, SourceUnreadable
from survey_tools.knowledge.identifiers import Identifier, parse_identifier
from survey_tools.knowledge.load import load_entries
from survey_tools.literature import acl, arxiv, bibtex, crossref, openalex
from survey_tools.literature.draft import draft_paper
from survey_tools.literature.look_up import look_up
from survey_tools.literature.metadata import (
    WITHDRAWN,
    PaperMetadata,
    arxiv_month,
    code_link,
    plain,
    without_markup,
)
from survey_tools.literature.web import Web

ECHO = PaperMetadata(
    source="arXiv",
    title="Echo Heads: Attention Heads That Repeat",
    authors=("Ana Pérez-Ruiz", "Bo Li"),
    published="2026-11-02",
    date_source="arxiv-v1",
    arxiv="2611.01234",
    code="https://github.com/example/echo-heads",
    abstract=ABSTRACT,
)


def test_arxiv(sources, web):
    sources.answer("/arxiv", atom(atom_entry()))
    assert arxiv.paper(web, "2611.01234") == ECHO
    assert sources.asked[0].query == {"id_list": "2611.01234", "max_results": "1"}


def test_arxiv_tells_of_venue_doi_and_comment(sources, web):
    more = (
        "<arxiv:comment>Accepted at a  conference</arxiv:comment><arxiv:doi>10.1234/Echo.5</arxiv:doi>"
        "<arxiv:journal_ref>J. Heads 5 (2026)</arxiv:journal_ref>"
    )
    sources.answer("/arxiv", atom(atom_entry(more=more)))
    assert arxiv.paper(web, "2611.01234") == replace(
        ECHO, remark="Accepted at a conference", doi="10.1234/echo.5", venue="J. Heads 5 (2026)"
    )


@pytest.mark.parametrize("feed", [atom(), atom("<entry><title>none</title></entry>")])
def test_arxiv_knows_no_such_paper(sources, web, feed):
    sources.answer("/arxiv", feed)
    with pytest.raises(PaperUnknown, match=r"^arXiv knows no paper 2611\.99999$"):
        arxiv.paper(web, "2611.99999")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "arXiv answered something that is not XML"),
        ("<html/>", "arXiv answered XML that is no Atom feed"),
        (atom().replace("</feed>", ""), "arXiv answered something that is not XML"),
        (f"<!DOCTYPE x [<!ENTITY a 'a'>]>{atom()}", "arXiv answered XML with a document type"),
        (atom(atom_entry(title=" ")), "arXiv answered an entry without id, title or date"),
        (atom(atom_entry(published="soon")), "arXiv answered an entry without id, title or date"),
        (atom(atom_entry(arxiv_id="x")), "arXiv answered an entry without id, title or date"),
        (
            atom("<entry><id>https://arxiv.org/api/errors#1</id><summary>incorrect id format</summary></entry>"),
            "arXiv refused the question: incorrect id format",
        ),
    ],
)
def test_arxiv_malformed(sources, web, body, message):
    sources.answer("/arxiv", body)
    with pytest.raises(SourceUnreadable, match=message):
        arxiv.paper(web, "2611.01234")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_no_encoding_hides_a_document_type(monkeypatch, web, encoding):
    bomb = f"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>{atom(atom_entry(title='&a;')).partition('?>')[2]}"
    monkeypatch.setattr(type(web), "get", lambda *_, **__: bomb.encode(encoding))
    with pytest.raises(SourceUnreadable, match="arXiv answered something that is not XML"):
        arxiv.paper(web, "2611.01234")


def test_arxiv_says_when_a_paper_was_withdrawn(sources, web):
    sources.answer("/arxiv", atom(atom_entry(more="<arxiv:comment>This paper has been withdrawn.</arxiv:comment>")))
    assert arxiv.paper(web, "2611.01234").unsure == (WITHDRAWN,)


def test_a_page_that_came_empty_is_no_answer(sources, web):
    sources.answer("/arxiv", atom().replace(">0</opensearch", ">12</opensearch"))
    with pytest.raises(SourceUnavailable, match="arXiv counts 12 papers and shows none"):
        arxiv.search(web, ["x"], datetime.date(2026, 11, 1))


def test_of_very_many_authors_the_first_are_kept_and_it_is_said(sources, web):
    sources.answer("/arxiv", atom(atom_entry(authors=tuple(f"Person {n}" for n in range(501)))))
    found = arxiv.paper(web, "2611.01234")
    assert (len(found.authors), found.authors[-1]) == (500, "Person 499")
    assert found.unsure == ("authors: the first 500 only, as arXiv lists more",)


def test_arxiv_search(sources, web, waits):
    sources.answer("/arxiv", atom(atom_entry(), atom_entry("2611.04321v1", title="Other")))
    found = arxiv.search(web, ["attention heads", 'a "b" head'], datetime.date(2026, 11, 1))
    assert [paper.arxiv for paper in found.papers] == ["2611.01234", "2611.04321"]
    assert found.complete
    query = sources.asked[0].query
    assert query["search_query"] == (
        '(all:"attention heads" OR all:"a  b  head") AND submittedDate:[202611010000 TO 999912312359]'
    )
    assert (query["sortBy"], query["sortOrder"]) == ("submittedDate", "descending")
    arxiv.search(web, ["x"], datetime.date(2026, 11, 1))
    assert waits == [arxiv.EVERY_S] == [3.0]


def test_crossref(sources, web):
    sources.answer("/crossref/works/10.1234/echo.5", crossref_work(subtitle=["A Study"]))
    assert crossref.paper(web, "10.1234/echo.5") == PaperMetadata(
        source="Crossref",
        title="Echo Heads & Their Kin: A Study",
        authors=("Ana Pérez-Ruiz", "The Echo Group"),
        published="2026-03",
        date_source="venue",
        doi="10.1234/echo.5",
        venue="Journal of Heads",
        abstract="On echo heads and induction heads.",
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"status": "ok"}, "Crossref answered without the paper"),
        ({"message": []}, "Crossref answered without the paper"),
        (crossref_work(title=[]), "Crossref gives no title for 10.1234/echo.5"),
        (crossref_work(title="x"), "Crossref gives no title for 10.1234/echo.5"),
        (crossref_work(issued={"date-parts": [[None]]}), "Crossref gives no date for 10.1234/echo.5"),
        (crossref_work(issued=7), "Crossref gives no date for 10.1234/echo.5"),
    ],
)
def test_crossref_malformed(sources, web, answer, message):
    sources.answer("/crossref/works/10.1234/echo.5", answer)
    with pytest.raises(SourceUnreadable, match=message):
        crossref.paper(web, "10.1234/echo.5")


def test_crossref_with_odd_parts_gives_what_is_there(sources, web):
    people = [None, {"family": 5}, {"name": {"x": 1}}, {"family": "Li"}, {"given": "Aristotle"}]
    odd = crossref_work(author=people, abstract=7, relation=[7], **{"container-title": None, "updated-by": 7})
    sources.answer("/crossref/works/10.18653/v1/p16-1154", odd)
    found = crossref.paper(web, "10.18653/v1/p16-1154")
    assert (found.authors, found.abstract, found.venue, found.acl) == (("Li", "Aristotle"), "", None, "P16-1154")


FORMULA = (
    '<jats:alternatives><jats:tex-math>$$L^2$$</jats:tex-math><mml:math xmlns:mml="http://www.w3.org/1998/Math/MathML" '
    + 'xmlns:xs="http://www.w3.org/2001/XMLSchema" ' * 8
    + "><mml:msup><mml:mi>L</mml:mi><mml:mn>2</mml:mn></mml:msup></mml:math></jats:alternatives>"
)


def test_crossref_markup(sources, web):
    abstract = f"<jats:title>Abstract</jats:title>\n<jats:p>Heads of norm {FORMULA} echo.</jats:p><jats:p>Abstract ones"
    work = crossref_work(title=[f"The {FORMULA} of <b>H</b>eads"], abstract=f"{abstract} too.</jats:p>")
    sources.answer("/crossref/works/10.1234/echo.5", work)
    found = crossref.paper(web, "10.1234/echo.5")
    assert found.title == "The L2 of Heads"
    assert found.abstract == "Heads of norm L2 echo. Abstract ones too."


@pytest.mark.parametrize(
    "tie",
    [
        {"id-type": "arxiv", "id": "2611.01234v2"},
        {"id-type": "doi", "id": "10.48550/arXiv.2611.01234"},
        {"id-type": "uri", "id": "https://arxiv.org/abs/2611.01234"},
    ],
)
def test_crossref_knows_the_preprint(sources, web, tie):
    ties = {"has-preprint": [None, {"id": 5}, {"id-type": "doi", "id": "10.1101/other"}, tie]}
    sources.answer("/crossref/works/10.1234/echo.5", crossref_work(relation=ties))
    found = crossref.paper(web, "10.1234/echo.5")
    assert (found.arxiv, found.published, found.date_source) == ("2611.01234", "2026-11", "arxiv-month")


def test_crossref_says_when_a_paper_was_retracted(sources, web):
    sources.answer("/crossref/works/10.1234/echo.5", crossref_work(**{"updated-by": [{"type": "retraction"}]}))
    assert crossref.paper(web, "10.1234/echo.5").unsure == (WITHDRAWN,)


@pytest.mark.parametrize(("parts", "date"), [([2026, None, 5], "2026"), ([2026], "2026"), ([2026, 3, 9], "2026-03-09")])
def test_crossref_dates(sources, web, parts, date):
    sources.answer("/crossref/works/10.1234/echo.5", crossref_work(issued={"date-parts": [parts]}))
    assert crossref.paper(web, "10.1234/echo.5").published == date


def test_openalex_dates_an_arxiv_paper_by_its_id(sources, web):
    sources.answer("/openalex/works/doi:10.48550/arxiv.2611.01234", openalex_work())
    found = openalex.paper(web, Identifier("arxiv", "2611.01234"))
    assert found == replace(ECHO, source="OpenAlex", published="2026-11", date_source="arxiv-month")


def test_openalex_of_another_paper(sources, web, monkeypatch):
    monkeypatch.setenv("OPENALEX_API_KEY", "secret")
    place = {"landing_page_url": "https://doi.org/10.1234/echo.5", "source": {"display_name": "Journal of Heads"}}
    work = openalex_work(doi="https://doi.org/10.1234/ECHO.5", primary_location=place, locations=[place])
    sources.answer("/openalex/works/doi:10.1234/echo.5", work)
    found = openalex.paper(web, Identifier("doi", "10.1234/echo.5"))
    assert (found.doi, found.arxiv, found.venue) == ("10.1234/echo.5", None, "Journal of Heads")
    assert (found.published, found.date_source) == ("2026-11-05", "venue")
    assert sources.asked[0].query == {"api_key": "secret"}


@pytest.mark.parametrize("change", [{"title": None}, {"publication_date": "soon"}, {"title": 5, "display_name": {}}])
def test_openalex_malformed(sources, web, change):
    sources.answer("/openalex/works/doi:10.1234/echo.5", openalex_work(**change))
    with pytest.raises(SourceUnreadable, match=r"OpenAlex gives no title or date for doi:10\.1234/echo\.5"):
        openalex.paper(web, Identifier("doi", "10.1234/echo.5"))


def test_openalex_with_odd_parts_gives_what_is_there(sources, web):
    odd = openalex_work(
        doi=None, authorships=[7, {"author": None}], primary_location=7, locations="x", abstract_inverted_index={"a": 5}
    )
    sources.answer("/openalex/works/doi:10.1234/echo.5", odd)
    found = openalex.paper(web, Identifier("doi", "10.1234/echo.5"))
    assert (found.authors, found.abstract, found.venue, found.page) == ((), "", None, None)


def test_openalex_remarks(sources, web):
    archive = {"landing_page_url": "https://example.org/1", "source": {"display_name": "Archive", "type": "repository"}}
    people = [{"author": {"display_name": f"Person {n}"}} for n in range(100)]
    work = openalex_work(primary_location=archive, is_retracted=True, is_authors_truncated=True, authorships=people)
    sources.answer("/openalex/works/doi:10.1234/echo.5", work)
    found = openalex.paper(web, Identifier("doi", "10.1234/echo.5"))
    assert found.venue is None
    assert found.unsure == ("authors: the first 100 only, as OpenAlex lists more", WITHDRAWN)


def test_openalex_search_reads_on(sources, web):
    page = [openalex_work(f"Paper {n}") for n in range(openalex.PAGE)]
    for works in (page, page, [openalex_work("Last")]):
        sources.answer("/openalex/works", {"meta": {"count": 201}, "results": works})
    found = openalex.search(web, ["x"], datetime.date(2026, 11, 1))
    assert (len(found.papers), found.papers[-1].title, found.complete) == (201, "Last", True)
    assert [(one.query["page"], one.query["per_page"]) for one in sources.asked] == [(n, "100") for n in "123"]
    assert not openalex.search(web, ["x"], datetime.date(2026, 11, 1), most=100).complete


def test_openalex_says_what_a_key_is_good_for(sources, web, monkeypatch):
    sources.answer("/openalex/works", "", 429, Retry_After="40000")
    with pytest.raises(SourceUnavailable, match=r"40,000 seconds; a free key in OPENALEX_API_KEY allows more$"):
        openalex.search(web, ["x"], datetime.date(2026, 11, 1))
    monkeypatch.setenv("OPENALEX_API_KEY", "secret")
    with pytest.raises(SourceUnavailable, match=r"40,000 seconds$"):
        openalex.search(web, ["x"], datetime.date(2026, 11, 1))


def test_openalex_search(sources, web):
    untitled = openalex_work(title=None)
    sources.answer("/openalex/works", {"results": [openalex_work(), untitled, 5]})
    found = openalex.search(web, ["attention heads", "odd, head|s"], datetime.date(2026, 11, 1))
    assert [paper.arxiv for paper in found.papers] == ["2611.01234"]
    assert found.complete
    assert sources.asked[0].query["filter"] == (
        'title_and_abstract.search:("attention heads" OR "odd  head s"),from_publication_date:2026-11-01'
    )
    sources.answers["/openalex/works"] = []
    sources.answer("/openalex/works", {"meta": {}})
    with pytest.raises(SourceUnreadable, match="OpenAlex answered a search without results"):
        openalex.search(web, ["x"], datetime.date(2026, 11, 1))


def test_a_search_says_when_there_was_more(sources, web):
    sources.answer("/arxiv", atom(atom_entry()).replace("<opensearch:totalResults>1<", "<opensearch:totalResults>201<"))
    sources.answer("/openalex/works", {"meta": {"count": 201}, "results": [openalex_work()]})
    for search in (arxiv.search, openalex.search):
        assert not search(web, ["x"], datetime.date(2026, 11, 1)).complete


def test_the_acl_anthology(sources, web):
    sources.answer("/acl/2026.invented-main.7.bib", ACL_BIB)
    assert acl.paper(web, "2026.invented-main.7") == PaperMetadata(
        source="the ACL Anthology",
        title="Echo Heads in English and Übersetzung",
        authors=("Ana Pérez-Ruiz", "Bo Li"),
        published="2026-11",
        date_source="venue",
        doi="10.18653/v1/2026.invented-main.7",
        acl="2026.invented-main.7",
        venue="Proceedings of an Invented Conference",
        abstract="On echo heads, which are attention heads. 40% of them are induction heads.",
    )


@pytest.mark.parametrize("body", ["<html>not found</html>", ACL_BIB[:80], ACL_BIB.replace("year", "yaer")])
def test_the_acl_anthology_malformed(sources, web, body):
    sources.answer("/acl/2026.invented-main.7.bib", body)
    with pytest.raises(
        SourceUnreadable, match=r"the ACL Anthology's BibTeX of 2026\.invented-main\.7 cannot be read: "
    ):
        acl.paper(web, "2026.invented-main.7")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
WORKS = {crossref: crossref_work()["message"], openalex: openalex_work()}


@pytest.mark.parametrize("source", WORKS)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_answered_becomes_a_draft_or_one_sentence(tree, source, data):
    """One or two fields hold anything; nothing but our own errors comes of it."""
    usual = WORKS[source]
    odd = data.draw(st.dictionaries(st.sampled_from(sorted(usual)), JSON, min_size=1, max_size=2))

    class Answering(Web):
        def json(self, *_, **__):
            return {"message": {**usual, **odd}} if source is crossref else {**usual, **odd}

    asked = "10.1234/echo.5" if source is crossref else Identifier("doi", "10.1234/echo.5")
    with suppress(LiteratureError):
        draft = draft_paper(source.paper(Answering(), asked), load_entries(tree.root))
        assert draft.text.encode()


# ---------------------------------------------------------------- who is asked next


def test_the_first_source_is_enough(sources, web):
    sources.answer("/arxiv", atom(atom_entry()))
    assert look_up(parse_identifier("arxiv:2611.01234"), web) == (ECHO, ())
    assert sources.paths == ["/arxiv"]


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [(500, "", "arXiv is out of order (HTTP 500)"), (200, "oops", "arXiv answered something that is not XML")],
)
def test_openalex_stands_in_for_arxiv_and_it_is_said(sources, web, status, body, why):
    sources.answer("/arxiv", body, status)
    sources.answer("/openalex/works/doi:10.48550/arxiv.2611.01234", openalex_work())
    found, failures = look_up(parse_identifier("arxiv:2611.01234"), web)
    assert (found.source, failures) == ("OpenAlex", (why,))


def test_a_paper_of_the_anthology_is_looked_for_by_its_doi(sources, web):
    sources.answer("/crossref/works/10.18653/v1/2026.invented-main.7", crossref_work())
    found, failures = look_up(parse_identifier("acl:2026.invented-main.7"), web)
    assert (found.source, found.acl) == ("Crossref", "2026.invented-main.7")
    assert failures == ("the ACL Anthology knows no such paper",)


def test_nobody_knows_it(sources, web):
    with pytest.raises(PaperUnknown, match=r"^doi:10\.1234/none was not found: Crossref knows no such paper; OpenAlex"):
        look_up(parse_identifier("doi:10.1234/none"), web)


def test_nobody_can_be_asked(web, monkeypatch):
    monkeypatch.setenv("SURVEY_ARXIV_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SURVEY_OPENALEX_URL", "http://127.0.0.1:9")
    with pytest.raises(LiteratureError) as error:
        look_up(parse_identifier("arxiv:2611.01234"), web)
    assert str(error.value) == (
        "arxiv:2611.01234 cannot be looked up: arXiv cannot be reached (ConnectionError); OpenAlex cannot be reached "
        "(ConnectionError); `survey add --bibtex FILE` takes the paper's BibTeX and needs no network"
    )


def test_openreview_has_no_source(sources, web):
    with pytest.raises(LiteratureError, match=r"openreview:GtvuNrk58a cannot be looked up: no source .* --bibtex FILE"):
        look_up(parse_identifier("openreview:GtvuNrk58a"), web)
    assert sources.paths == []


# ---------------------------------------------------------------- BibTeX, and plain text


def test_bibtex_of_an_arxiv_paper():
    text = "@article{e, title={Echo}, author={Li, Bo and others}, year=2027, journal={arXiv preprint arXiv:2611.01234}}"
    found = bibtex.one_paper(text, "echo.bib")
    assert (found.arxiv, found.published, found.date_source) == ("2611.01234", "2026-11", "arxiv-month")
    assert (found.venue, found.authors) == (None, ("Bo Li",))
    assert found.unsure == ("authors: the BibTeX ends its list in 'and others'",)


def test_bibtex_of_a_paper_with_a_page_only():
    found = bibtex.one_paper("@misc{e, title={Echo}, year=2026, month=3, url={https://example.org/e%20f_g}}", "e.bib")
    assert (found.page, found.published, found.date_source) == ("https://example.org/e%20f_g", "2026-03", "venue")


def test_bibtex_of_several_papers_or_no_year():
    with pytest.raises(LiteratureError, match=r"two\.bib holds 2 entries; `survey add` drafts one paper at a time"):
        bibtex.one_paper("@misc{a, title={A}, year=2026}\n@misc{b, title={B}, year=2026}", "two.bib")
    with pytest.raises(LiteratureError, match=r"e\.bib:2: entry 'e' has no year; add one"):
        bibtex.one_paper("\n@misc{e, title={Echo}}", "e.bib")


def test_text_of_strangers_is_made_plain():
    assert plain("a\u202eb\x00 c\u200b\n\td  e\u0301") == "ab c d é"
    assert plain("x" * 20, longest=10) == "x" * 9 + "…"
    assert without_markup("a <i>b</i> &lt;c&gt; 1 < 2 > 1") == "a b <c> 1 < 2 > 1"
    assert without_markup("CO<sub>2</sub>").strip() == "CO2"
    assert without_markup("<p>one.</p><p>two").split() == ["one.", "two"]
    assert code_link("see https://github.com/a/b.git, https://github.com/a/b.") == "https://github.com/a/b"
    assert code_link("https://github.com/a/b or https://github.com/c/d") is None
    assert [arxiv_month(i) for i in ("2312.09230", "cs/0112017", "cs/9912017")] == ["2023-12", "2001-12", "1999-12"]
