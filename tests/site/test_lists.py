"""The lists of papers and head types, complete as they stand, and what their filters go by."""

from __future__ import annotations

import dataclasses
import re

from survey_tools.knowledge.records import Paper, PublishedHead
from survey_tools.site.browse import Filter, Item, Listing, narrowed
from survey_tools.site.contents import Contents
from survey_tools.site.elements import first_of
from survey_tools.site.head_list import heads_index
from survey_tools.site.head_page import head_page
from survey_tools.site.home_page import home_page
from survey_tools.site.links import cited, model_links, short_authors, with_links
from survey_tools.site.paper_list import needs, papers_index, value_of
from survey_tools.site.published import published_by_paper


def row(body: str, words: str) -> str:
    """The item of a list that holds `words`."""
    (found,) = [one for one in re.findall(r"<li data.*?</li>\n", body, re.DOTALL) if words in one]
    return found


def with_paper(contents: Contents, paper: Paper) -> Contents:
    survey = dataclasses.replace(contents.survey, papers={**contents.survey.papers, paper.id: paper})
    return dataclasses.replace(contents, survey=survey)


def test_a_list_counts_each_value_and_leaves_out_those_nobody_has() -> None:
    colour = Filter("colour", "Colour", {"red": "Red", "blue": "Blue", "grey": "Grey"})
    items = (
        Item("one", {"colour": ("red",)}),
        Item("two", {"colour": ("red", "blue")}, also='"x"'),
        Item("three", {}),
    )
    html = Listing(("thing", "things"), (colour,), (("## A", items), ("## B", ()))).html()
    assert '<option value="red">Red (2)</option>' in html
    assert '<option value="blue">Blue (1)</option>' in html
    assert "Grey" not in html
    assert "## B" not in html, "a group without items has no heading"
    assert '<li data-colour="red blue" data-also="&#34;x&#34;">two</li>' in html
    assert "<li>three</li>" in html
    assert 'hidden data-one="thing" data-many="things"' in html, "without its script the form would do nothing"
    assert "3 things</output>" in html


def test_the_address_of_a_narrowed_list() -> None:
    assert (
        narrowed("papers/", "x", type="induction", has="run") == '<a href="@/papers/#type=induction&amp;has=run">x</a>'
    )


def test_every_paper_stands_in_the_list_once(tiny: Contents) -> None:
    body = papers_index(tiny).body
    for paper in tiny.survey.papers:
        assert body.count(f'href="@/papers/{paper}/"') == 1
    assert body.count("data-search-exclude") == 4, "the form and three years"


def test_a_row_of_a_paper_says_what_it_rests_on(tiny: Contents) -> None:
    body = papers_index(tiny).body
    olsson = row(body, "In-context Learning")
    for words in (
        'data-type="induction"', 'data-stage="LR"', 'data-kind="llm-analysis"', 'data-relevance="core"',
        'data-method="probing"', 'data-has="summary heads claims run"', "2209.11895",
        "Ada Lovelace and Catherine Olsson",
        'href="@/heads/induction/"',
    ):  # fmt: skip
        assert words in olsson, words
    nasty = row(body, "alert")
    assert "tangential</span>" in nasty
    assert "summary wanted</span>" in nasty
    assert 'data-has="no-summary missing"' in nasty
    assert 'data-needs="a-larger-text-model"' in row(body, "A Survey")


def test_a_stage_that_only_we_suggest_stands_in_brackets(tiny: Contents) -> None:
    paper = tiny.survey.papers["nasty-2025"]
    about = paper.model_validate({**paper.model_dump(), "head_types": ({"id": "nasty", "role": "studies"},)})
    contents = with_paper(tiny, about)
    assert contents.suggested_stages(about) == ["EP"]
    assert contents.survey.stages_of(about) == ()
    shown = row(papers_index(contents).body, "alert")
    assert 'data-stage="EP"' in shown
    assert "(EP)" in shown


def test_authors_that_a_row_leaves_out_are_found_all_the_same(tiny: Contents) -> None:
    paper = tiny.survey.papers["olsson-2022-induction-heads"]
    many = paper.model_copy(update={"authors": ("Ada Lovelace", "Mary Shelley", "Emmy Noether")})
    shown = row(papers_index(with_paper(tiny, many)).body, "In-context Learning")
    assert "Ada Lovelace et al." in shown
    assert 'data-also="Shelley Noether 2209.11895"' in shown


def test_more_head_types_than_fit_are_counted(tiny: Contents) -> None:
    paper = tiny.survey.papers["olsson-2022-induction-heads"]
    uses = tuple({"id": f"type-{number}", "role": "studies"} for number in range(8))
    many = paper.model_validate({**paper.model_dump(), "head_types": uses})
    shown = row(papers_index(with_paper(tiny, many)).body, "In-context Learning")
    assert "Type 4, and 3 more" in shown
    assert "type-7" in shown, "the menu finds it"


def test_a_row_of_a_head_type_says_where_it_stands(tiny: Contents) -> None:
    body = heads_index(tiny).body
    induction = row(body, "Repeats what followed")
    for words in ('data-stage="LR"', 'data-place="framework"', 'data-detector="here"', 'data-verdict="reproduced"',
                  "In-context Learning", "1 paper", "3 heads named"):  # fmt: skip
        assert words in induction, words
    nasty = row(body, "heads/nasty/")
    for words in ('data-stage="EP"', 'data-place="suggested"', 'data-detector="planned"', 'data-verdict="not-run-yet"',
                  "no detector yet"):  # fmt: skip
        assert words in nasty, words


def test_types_without_a_stage_come_last(tiny: Contents) -> None:
    nasty = tiny.survey.head_types["nasty"].model_copy(update={"staging": None})
    heads = {**tiny.survey.head_types, "nasty": nasty}
    contents = dataclasses.replace(tiny, survey=dataclasses.replace(tiny.survey, head_types=heads))
    assert 'data-stage="outside"' in heads_index(contents).body.split("## Outside the framework")[1]
    assert "1 type without a stage" in home_page(contents).body


def test_a_type_of_ours_that_was_run_is_not_folded_on_the_map(tiny: Contents) -> None:
    run = tiny.records_of("induction")[0].model_copy(update={"entry": "nasty"})
    contents = dataclasses.replace(tiny, records=(*tiny.records, run))
    body = home_page(contents).body.split('id="stage-ep"')[1]
    assert "<h4>Suggested by us</h4>" in body
    assert "<details>" not in body


def test_what_notebooks_need_is_counted(tiny: Contents) -> None:
    assert needs(tiny) == {"a larger text model": 1}
    assert value_of("the authors' data") == "the-authors-data"


def test_papers_in_few_words(tiny: Contents) -> None:
    assert short_authors(["A", "B", "C"]) == "A et al."
    assert cited("olsson-2022-induction-heads", tiny) == "Lovelace and Olsson 2022"
    assert cited("gone-2020", tiny) == "gone-2020"


def test_ids_within_a_sentence_become_links(tiny: Contents) -> None:
    shown = with_links("the abstract of olsson-2022-induction-heads; gone-2020-x & <b>", tiny)
    assert shown.startswith(
        'the abstract of <a href="@/papers/olsson-2022-induction-heads/">Lovelace and Olsson 2022</a>'
    )
    assert "gone-2020-x &#38; &#60;b&#62;" in shown


def test_each_of_several_models_is_linked(tiny: Contents) -> None:
    assert model_links("lab/tiny; LAB 7B", tiny) == '<a href="@/models/tiny/">lab/tiny</a>; LAB 7B'


def test_a_long_table_of_published_heads_is_folded(tiny: Contents) -> None:
    heads = [
        PublishedHead(
            model=f"lab/{number}", layer=1, head=2, head_type="induction", where="Fig. 1", evidence="paper",
            certainty="certain",
        )
        for number in range(20)
    ]  # fmt: skip
    shown = published_by_paper("olsson-2022-induction-heads", heads, tiny)
    assert "<summary>14 more rows</summary>" in shown
    assert shown.split("<details>")[0].count("L1H2") == 6
    assert "<details>" not in published_by_paper("olsson-2022-induction-heads", heads[:8], tiny)


def test_a_long_list_stands_open_only_at_its_beginning() -> None:
    rows = [f"row {number}" for number in range(9)]
    assert first_of(rows, 7).count("<li>") == 9
    assert "details" not in first_of(rows, 7), "two rows are not worth a click"
    opened, folded = first_of(rows, 4).split("<details><summary>5 more</summary>")
    assert (opened.count("<li>"), folded.count("<li>")) == (4, 5)
    assert first_of([], 4) == ""


def test_papers_that_introduce_a_type_come_first(tiny: Contents) -> None:
    paper = tiny.survey.papers["olsson-2022-induction-heads"]
    older = [
        paper.model_validate({
            **paper.model_dump(), "id": f"earlier-{number}", "published": f"19{number}", "reproduction": {
                "not_reproducible": "No."}, "head_types": ({"id": "induction", "role": "studies"},),
        })
        for number in range(80, 95)
    ]  # fmt: skip
    contents = tiny
    for one in older:
        contents = with_paper(contents, one)
    body = head_page(contents.survey.head_types["induction"], contents, tiny.survey.root / "build/svg").body
    papers = body.split("### Papers")[1].split("## Relations")[0]
    assert papers.index("tag--introduces") < papers.index("earlier-80")
    assert "<summary>4 more</summary>" in papers
    assert "papers/#type=induction" in papers
