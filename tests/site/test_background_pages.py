"""Methods, benchmarks, glossary, open questions, names of other schemes, what is missing; with and without entries."""

from __future__ import annotations

import dataclasses
import json
from xml.etree import ElementTree

import pytest
from site_samples import REPOSITORY

from survey_tools.knowledge.records import Correction, HubSource
from survey_tools.site.benchmarks_page import benchmarks_page
from survey_tools.site.circuit_page import circuit_page
from survey_tools.site.contents import Contents
from survey_tools.site.downloads import DOWNLOADS, download_files
from survey_tools.site.exports import export_files
from survey_tools.site.head_page import head_page
from survey_tools.site.links import HOW_TO_DETECTOR, HOW_TO_HEAD_TYPE, HOW_TO_PAPER
from survey_tools.site.methods_page import methods_page
from survey_tools.site.naming_page import name_anchor, naming_page
from survey_tools.site.paper_page import paper_page
from survey_tools.site.wanted_page import NEEDS, OTHERWISE, need_of, wanted_page
from survey_tools.site.words_pages import glossary_page, open_questions_page


@pytest.fixture
def bare(tiny: Contents) -> Contents:
    """The same survey before anybody wrote its background."""
    heads = {name: head.model_copy(update={"counterparts": ()}) for name, head in tiny.survey.head_types.items()}
    survey = dataclasses.replace(
        tiny.survey, head_types=heads, schemes={}, methods=None, benchmarks=None, glossary=None, open_questions=None
    )
    return dataclasses.replace(tiny, survey=survey)


def test_pages_exist_before_their_entries_do(bare: Contents) -> None:
    for page in (methods_page, benchmarks_page, glossary_page, open_questions_page, naming_page, wanted_page):
        assert page(bare).body.startswith("# ")
    assert "{ #probing }" in methods_page(bare).body, "a paper lists it, so its page links there"
    assert "background/methods.json" not in export_files(bare)


def test_methods_stand_in_the_tree_with_their_papers(tiny: Contents) -> None:
    body = methods_page(tiny).body
    assert body.index("## Modeling-free") < body.index("### Replaced") < body.index("#### Zero ablation")
    assert "<code>survey&#95;tools.heads.intervene</code>" in body
    zero, probing = body.split("#### Zero ablation")[1].split("### Probing")
    assert "Someone 2020" in zero
    assert "none of this survey" in zero
    assert "<summary>2 papers</summary>" in probing, "one names it, the survey names one for it"
    assert "papers/#method=probing" in probing
    assert "added here" in probing.split("### Guessing")[1]


def test_a_paper_links_to_the_methods_the_survey_names_it_for(tiny: Contents) -> None:
    body = paper_page(tiny.survey.papers["olsson-2022-induction-heads"], tiny).body
    assert '<a href="@/background/methods/#probing">Probing</a>' in body


def test_benchmarks_link_to_what_exists(tiny: Contents) -> None:
    body = benchmarks_page(tiny).body
    assert "2 benchmarks" in body
    assert '<a href="@/papers/olsson-2022-induction-heads/">Copies</a>' in body
    assert 'href="https://example.org/riddles"' in body
    assert '<a href="@/tasks/copying/">Copying</a>' in body
    assert "1 of them have a task here" in body


def test_words_are_in_alphabetical_order(tiny: Contents) -> None:
    body = glossary_page(tiny).body
    assert body.index("## Bump { #bump .term }") < body.index("## Pattern { #pattern .term }")
    assert "Also: induction bump" in body
    assert '<a href="@/heads/induction/">Induction Head</a>' in body


def test_an_open_question_says_what_would_settle_it(tiny: Contents) -> None:
    body = open_questions_page(tiny).body
    assert "How many jobs has a head?" in body
    assert "All detectors on one model." in body


def test_names_are_translated_both_ways(tiny: Contents) -> None:
    body = naming_page(tiny).body
    theirs, rest = body.split("### Our types, their names")
    assert "1 with a counterpart here, 1 without" in theirs
    tone = theirs.split('id="others-tone-head"')[1]
    assert "none of ours" in tone
    assert "none of ours" not in theirs.split('id="others-induction-head"')[1].split("<tr>")[0]
    assert "<td>exact</td>" in rest
    assert "1 type of ours without a name there" in rest
    assert "1 type not compared yet" in rest


def test_depths_of_planted_models_are_left_out(tiny: Contents) -> None:
    assert "No run has found heads" in naming_page(tiny).body


def test_measured_depths_stand_beside_the_asserted_ones(tiny: Contents) -> None:
    hub = HubSource(kind="hub", repo="lab/tiny", revision="a" * 40)
    models = {**tiny.survey.models, "tiny": tiny.survey.models["tiny"].model_copy(update={"source": hub})}
    contents = dataclasses.replace(tiny, survey=dataclasses.replace(tiny.survey, models=models))
    record = contents.records_of("induction")[0]
    places = zip(record.found, (2, 3, 3), strict=True)  # of 4 layers, so depths 2/3, 1 and 1
    found = [head.model_copy(update={"layer": layer}) for head, layer in places]
    contents = dataclasses.replace(contents, records=(record.model_copy(update={"found": found}),))
    depths = naming_page(contents).body.split("{ #others-depths }")[1]
    assert "0.67 to 1.00; 1 of 3 in their band" in depths
    assert "0.00 to 0.90" in depths
    picture = depths[depths.index("<svg") : depths.index("</svg>") + 6]
    strokes = [part for part in ElementTree.fromstring(picture) if part.get("class") == "stroke"]
    assert [part.get("d") for part in strokes] == ["M110.7,1V15", "M164.0,1V15"]


def test_a_type_names_its_counterparts(tiny: Contents) -> None:
    heads = tiny.survey.head_types
    body = head_page(heads["induction"], tiny, tiny.survey.root / "build/svg").body
    assert f"background/naming/#{name_anchor(tiny.survey.schemes['others'], 'Induction Head')}" in body
    none = head_page(heads["duplicate-token"], tiny, tiny.survey.root / "build/svg").body
    assert "no name of <a" in none
    assert "Nothing like it." in none


def test_what_the_survey_says_stands_apart_from_our_words(tiny: Contents) -> None:
    body = head_page(tiny.survey.head_types["induction"], tiny, tiny.survey.root / "build/svg").body
    before, said = body.split("## In the survey")
    ours = before.split("## Measured here")[0]
    assert "middle" not in ours
    for words in ("its figure, a table", "one task: repeats", "copies", "a token", "middle", "GPT, Llama"):
        assert words in said.split("## ")[0], words


def test_a_planned_type_says_how_to_add_its_detector(tiny: Contents) -> None:
    body = head_page(tiny.survey.head_types["nasty"], tiny).body
    plan = body.split('<div class="plan"')[1].split("</div>\n")[0]
    assert HOW_TO_DETECTOR in plan
    assert "A larger model." in body
    assert 'Written from: the abstract of nasty-2025, and <a href="@/papers/olsson-2022-induction-heads/">' in body
    assert "an earlier list says <q>Tame</q>. It is not." in body


def test_a_paper_says_where_it_comes_from(tiny: Contents) -> None:
    body = paper_page(tiny.survey.papers["zheng-2024-survey"], tiny).body
    for words in (
        "the bibliography of the survey", "a list of others", "https://example.org/more", "There is no notebook yet",
        "Read it again.", "an earlier list says <q>Surveys</q>. The page says otherwise.",
    ):  # fmt: skip
        assert words in body, words


def test_a_circuit_without_heads_or_certainty(tiny: Contents) -> None:
    whole = tiny.survey.circuits["repeat"]
    correction = Correction(field="heads", listed="L9H9", why="Seen in the code.")
    bare = {"heads": (), "flow": (), "certainty": None, "in_survey": True, "corrections": (correction,)}
    body = circuit_page(whole.model_copy(update={**bare, "model": "lab/tiny; LAB 7B"}), tiny).body
    for words in ("No head of it is recorded", "Told in", "Seen in the code.", 'models/tiny/">lab/tiny</a>; LAB 7B'):
        assert words in body, words
    assert "How sure" not in body
    named = whole.model_copy(update={"heads": tuple(group.model_copy(update={"heads": ()}) for group in whole.heads)})
    assert "2 classes, without the heads by number" in circuit_page(named, tiny).body


def test_a_circuit_is_not_called_one_twice(tiny: Contents) -> None:
    circuit = tiny.survey.circuits["repeat"]
    assert circuit_page(circuit, tiny).title == "Repeats circuit"
    assert circuit_page(circuit.model_copy(update={"name": "Knowledge circuits"}), tiny).title == "Knowledge circuits"


def test_gaps_are_counted_and_listed(tiny: Contents) -> None:
    body = wanted_page(tiny).body
    for words in (
        "<strong>1</strong> summaries", "<strong>1</strong> detectors", "<strong>1</strong> papers not reproduced",
        "<strong>1</strong> head types without an entry", "Summary Reader", "papers/#needs=a-larger-text-model",
        "1 cannot be", HOW_TO_PAPER, HOW_TO_DETECTOR, HOW_TO_HEAD_TYPE, "1 definition rests",
    ):  # fmt: skip
        assert words in body, words


@pytest.mark.parametrize(
    ("needs", "group"),
    [
        ("A vision-language model, and pictures.", "A model of images, video or sound"),
        ("A toy model trained for the purpose.", "A model trained for the purpose, or two checkpoints"),
        ("Name movers found first; path patching.", "Heads of another type first"),
        ("Running text.", OTHERWISE),
    ],
)
def test_a_plan_is_grouped_by_what_it_needs(tiny: Contents, needs: str, group: str) -> None:
    nasty = tiny.survey.head_types["nasty"]
    data = {**nasty.model_dump(), "detection": {"planned": {"how": "Somehow.", "needs": needs}}}
    assert group in (*NEEDS, OTHERWISE)
    assert need_of(nasty.model_validate(data)) == group


@pytest.mark.parametrize("target", [HOW_TO_DETECTOR, HOW_TO_HEAD_TYPE, HOW_TO_PAPER])
def test_the_page_on_contributing_has_the_headings_we_link_to(target: str) -> None:
    heading = target.partition("#")[2].replace("-", " ").capitalize()
    assert f"\n## {heading}\n" in (REPOSITORY / "docs/contributing.md").read_text(encoding="utf-8")


def test_the_survey_can_be_downloaded(tiny: Contents) -> None:
    files = export_files(tiny) | download_files(tiny)
    assert set(DOWNLOADS) <= set(files)
    assert files["survey.bib"].count("@misc{") == len(tiny.survey.papers)
    assert len(json.loads(files["survey.csl.json"])) == len(tiny.survey.papers)
    assert files["data/published-heads.csv"].count("\n") == 1 + 3
    assert "croissant.json" not in files, "nobody knows where the site will be"
    there = download_files(dataclasses.replace(tiny, site_url="https://example.org/heads/"))
    addresses = [one["contentUrl"] for one in json.loads(there["croissant.json"])["distribution"]]
    assert addresses == [f"https://example.org/heads/data/{name}.csv" for name in ("published-heads", "head-scores")]


def test_background_is_data_too(tiny: Contents) -> None:
    files = export_files(tiny)
    everything = json.loads(files["survey.json"])
    assert set(everything["background"]) == {"methods", "benchmarks", "glossary", "open-questions"}
    assert everything["schemes"][0]["id"] == "others"
    for name in ("methods", "benchmarks", "glossary", "open-questions", "others"):
        assert json.loads(files[f"background/{name}.json"])["id"] == name
