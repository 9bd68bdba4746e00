from __future__ import annotations

import dataclasses
import json

import pytest
from site_samples import record

from survey_tools.errors import SiteError
from survey_tools.knowledge.records import Paper
from survey_tools.results.records import Cause, RunRecord
from survey_tools.site.circuit_drawing import Node, circuit_svg, layers_of
from survey_tools.site.circuit_page import circuit_page
from survey_tools.site.contents import Contents
from survey_tools.site.exports import export_files
from survey_tools.site.head_list import heads_index
from survey_tools.site.head_page import head_page
from survey_tools.site.home_page import home_page
from survey_tools.site.model_page import model_page
from survey_tools.site.notebooks import notebook_page
from survey_tools.site.pages import site_files
from survey_tools.site.paper_list import papers_index
from survey_tools.site.paper_page import paper_page


def head(contents: Contents, name: str) -> str:
    return head_page(contents.survey.head_types[name], contents, contents.survey.root / "build/svg").body


def with_records(contents: Contents, *records: RunRecord) -> Contents:
    return dataclasses.replace(contents, records=records)


def test_measured_and_published_have_headings_of_their_own(tiny: Contents) -> None:
    before, measured = head(tiny, "induction").split("## Measured here")
    measured, published = measured.split("## Published\n")
    assert "L10H7" in published
    assert "L10H7" not in measured
    assert "run-1" not in before
    assert measured.count("<figure") == 4, "map, chance and cause of the run; the training"


def test_a_card_holds_what_the_record_says(tiny: Contents) -> None:
    body = head(tiny, "induction")
    for words in (
        "verdict--reproduced", "3 heads pass every criterion", "threshold 0.28", "mean ablation", "Cause holds.",
        "0.97 (0.95 to 0.99)", "Two heads were planted", "Nothing was found on shuffled weights", "write, control",
        "survey run induction --model tiny", "records/tiny/induction.json", "notebooks/tiny/repeated-tokens/",
        "notebooks/tiny/repeated-tokens.ipynb", "torch 2.13.0", "d1d1d1", "head&#95;taxonomy/induction.yml",
    ):  # fmt: skip
        assert words in body, words
    assert body.count("threshold 0.28") == 2, "on the map and on the chart of chance"


def test_agreement_counts_published_heads_found_here(tiny: Contents) -> None:
    found = {(one.layer, one.head) for one in tiny.records_of("induction")[0].found}
    assert (2, 2) in found
    assert (3, 0) not in found
    assert "Tiny: 1 of 2 heads found here; not found: L3H0" in head(tiny, "induction")


def test_published_heads_are_found_in_the_spellings_of_papers(tiny: Contents) -> None:
    assert "10.7 a10.h7" in head(tiny, "induction")


def test_cause_that_is_not_claimed_or_not_tested_is_said(tiny: Contents) -> None:
    assert "Cause: not claimed." in head(tiny, "duplicate-token")
    untested = record(model="tiny", cause=Cause(claimed=True, tested=False, reason="Nothing was found.").model_dump())
    assert "Cause: not tested.</strong> Nothing was found." in head(with_records(tiny, untested), "induction")


def test_no_record_means_not_run_yet_with_the_command(tiny: Contents) -> None:
    body = head(with_records(tiny), "induction")
    assert "not run yet</span> on any model" in body
    assert "survey run induction --model other-1.5b" in body


def test_models_that_did_not_run_are_named_beside_those_that_did(tiny: Contents) -> None:
    assert "Other 1.5B" in head(tiny, "induction").split("### Not run yet")[1].split("## Published")[0]


def test_a_planned_type_shows_its_plan(tiny: Contents) -> None:
    body = head(tiny, "nasty")
    assert "There is no detector yet" in body
    assert "A larger model." in body
    assert "suggested by us" in body


def test_relations_are_shown_from_both_ends(tiny: Contents) -> None:
    assert "heads/duplicate-token/" in head(tiny, "induction").split("## Relations")[1]
    assert "heads/induction/" in head(tiny, "duplicate-token").split("## Relations")[1]


def test_every_verdict_keeps_its_words(tiny: Contents) -> None:
    for verdict in ("partly", "not reproduced", "not testable here", "does not apply"):
        one = record(model="tiny", verdict=verdict, reason="Because.")
        assert f'verdict--{verdict.replace(" ", "-")}">{verdict}</span>' in head(with_records(tiny, one), "induction")


def test_text_of_a_record_is_escaped(tiny: Contents) -> None:
    body = head(with_records(tiny, record(model="tiny", reason="<img src=x onerror=alert(1)>")), "induction")
    assert "<img" not in body
    assert "&#60;img" in body


def test_home_holds_the_stages_in_order_and_every_type(tiny: Contents) -> None:
    body = home_page(tiny).body
    places = [body.index(f'id="stage-{stage}"') for stage in ("kr", "ici", "lr", "ep")]
    assert places == sorted(places)
    lr = body[places[2] : places[3]]
    assert 'class="wanted"><span>Summary Reader</span>' in lr
    assert "verdict--reproduced" in lr
    assert "verdict--not-reproduced" in body[places[1] : places[2]]
    assert "<summary>1 suggested by us</summary>" in body[places[3] :]


def test_heads_index_lists_wanted_types(tiny: Contents) -> None:
    assert "Summary Reader" in heads_index(tiny).body.split("## Wanted")[1]


def test_papers_are_listed_newest_first(tiny: Contents) -> None:
    body = papers_index(tiny).body
    assert body.index("## 2025") < body.index("## 2024") < body.index("## 2022")


def test_paper_page(tiny: Contents) -> None:
    body = paper_page(tiny.survey.papers["olsson-2022-induction-heads"], tiny).body
    for words in (
        "https://arxiv.org/abs/2209.11895", "first arXiv version", "Loss falls.",
        "<dt>Summary from</dt> <dd>abstract</dd>",
        "0.3 ± 0.1", "tag--introduces", "@misc{olsson-2022-induction-heads", "verdict--reproduced",
        'href="@/heads/induction/#on-tiny"', "as <q>IH</q>",
    ):  # fmt: skip
        assert words in body, words


def test_a_paper_says_what_is_missing(tiny: Contents) -> None:
    body = paper_page(tiny.survey.papers["nasty-2025"], tiny).body
    assert "summary wanted" in body
    assert "Not confirmed" in body
    assert "Not reproduced by a notebook: No code." in body


def test_a_paper_whose_notebook_never_ran(tiny: Contents) -> None:
    paper: Paper = tiny.survey.papers["olsson-2022-induction-heads"]
    body = paper_page(paper, with_records(tiny)).body
    assert "not run yet" in body.split("## Measured here")[1]


def test_model_page_lists_verdicts_and_counts_the_rest(tiny: Contents) -> None:
    body = model_page(tiny.survey.models["tiny"], tiny).body
    assert "4 layers × 3 heads" in body
    assert "verdict--not-reproduced" in body
    assert "1 head type not run on this model yet." in body


def test_circuit_page_draws_and_tells_the_flow(tiny: Contents) -> None:
    body = circuit_page(tiny.survey.circuits["repeat"], tiny).body
    assert body.count('class="box"') == 2
    assert body.count('class="arrow"') == 1
    assert "which token came before" in body
    assert "3 heads in 2 classes" in body


def test_layers_follow_the_longest_way() -> None:
    arrows = [("a", "b"), ("b", "c"), ("a", "c")]
    assert layers_of(["a", "b", "c", "alone"], arrows) == {"a": 0, "b": 1, "c": 2, "alone": 0}


def test_a_cycle_is_cut_at_its_last_arrow_and_still_drawn() -> None:
    arrows = [("a", "b"), ("b", "a"), ("a", "a")]
    assert layers_of(["a", "b"], arrows) == {"a": 0, "b": 1}
    assert circuit_svg("c", "t", [Node("a", "A"), Node("b", "B")], arrows).count('class="arrow"') == 3


def test_an_arrow_over_a_layer_passes_beside_its_box() -> None:
    nodes = [Node(name, name) for name in "abc"]
    svg = circuit_svg("c", "t", nodes, [("a", "b"), ("b", "c"), ("a", "c")])
    assert svg.count("V") == 1, "one lane, through one layer"


def test_a_box_names_at_most_three_lines_of_heads() -> None:
    lines = Node("n", "Label", tuple(f"L{n}H{n}" for n in range(40))).lines
    assert lines[0] == "Label"
    assert lines[-1] == "… 40 heads"
    assert len(lines) == 4


def test_notebook_page_is_safe_and_keeps_our_chart_inline(tiny: Contents) -> None:
    made = notebook_page(tiny.executed["run-1"], tiny)
    body = made.page.body
    assert made.page.path == "notebooks/tiny/repeated-tokens"
    assert "<script" not in body
    assert "onclick" not in body
    assert "<img" not in body
    assert "](javascript:" not in body.lower()
    assert "search: {exclude: true}" in made.page.markdown()
    assert "alert(1)&lt;/script" in body or "&lt;script>alert(1)" in body
    assert body.count('class="survey-chart"') == 1
    assert "<math" in body
    assert "1 &#60; 2" in body
    pictures = [name for name in made.files if name.endswith(".svg")]
    assert len(pictures) == 3, "foreign pictures stay files, where nothing in them can run"
    assert "notebooks/tiny/repeated-tokens.ipynb" in made.files


def test_a_broken_notebook_is_named(tiny: Contents, tmp_path) -> None:  # type: ignore[no-untyped-def]
    broken = tmp_path / "repeated-tokens.ipynb"
    broken.write_text("{", encoding="utf-8")
    with pytest.raises(SiteError, match=r"tiny/repeated-tokens\.ipynb is not a readable notebook"):
        notebook_page(dataclasses.replace(tiny.executed["run-1"], file=broken), tiny)


def test_survey_json_holds_everything_once(tiny: Contents) -> None:
    files = export_files(tiny)
    survey = json.loads(files["survey.json"])
    assert [one["id"] for one in survey["head_types"]] == ["duplicate-token", "induction", "nasty"]
    assert {(one["entry"], one["verdict"]) for one in survey["verdicts"]} == {
        ("duplicate-token", "not reproduced"),
        ("induction", "reproduced"),
    }
    for one in survey["verdicts"]:
        assert RunRecord.model_validate_json(files[one["record"]]).entry == one["entry"]


def test_a_link_to_nowhere_is_refused_before_anything_is_written(tiny: Contents) -> None:
    with pytest.raises(SiteError, match=r"links to nowhere: .*contributing/"):
        site_files(tiny, {"about.md": b"# About"})


def test_a_hand_written_page_cannot_hide_a_made_one(tiny: Contents) -> None:
    with pytest.raises(SiteError, match=r"docs/heads/induction\.md would hide"):
        site_files(tiny, {"about.md": b"", "contributing.md": b"", "heads/induction.md": b""})


def test_records_of_unknown_entries_are_reported(tiny: Contents) -> None:
    assert with_records(tiny, record(entry="gone", model="tiny")).unplaced == ["tiny/gone"]
    assert tiny.unplaced == []
