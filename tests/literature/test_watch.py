"""What is new: asked in both sources, what is here dropped, the rest ranked and written as drafts."""

import datetime

import pytest
from replayed_sources import ABSTRACT, atom, atom_entry, openalex_work

from survey_tools.errors import LiteratureError, SurveyError
from survey_tools.knowledge.check import check
from survey_tools.literature import watch as watching
from survey_tools.literature.watch import watch
from survey_tools.literature.watch_report import issue_text, summary, write_watch

SINCE = datetime.date(2026, 11, 1)
ONE = "On attention heads: induction heads."
IOI = "Interpretability in the Wild: a Circuit for Indirect Object Identification"


def entry(number, title, abstract=ONE, published="2026-11-02"):
    return atom_entry(f"2611.{number:05d}v1", title, abstract=abstract, published=published)


@pytest.fixture
def answered(sources):
    """Both sources answer; OpenAlex holds one of arXiv's papers and one of its own."""
    sources.answer(
        "/arxiv",
        atom(
            entry(1, "One Name"),
            atom_entry(),  # induction, previous-token
            entry(3, "None of Ours", "An attention head study.", "2026-11-03"),
            entry(4, "Nothing", "Multi-head attention everywhere."),
            entry(5, "Task Networks", "Attention for networks with detection heads and one induction head."),
            entry(8, "Heads by Name", "What previous-token heads do in a network."),
            atom_entry("2211.00593v2", "Renamed, With a Known Id"),
            entry(6, IOI + "s"),
            entry(7, "None of Ours, Older", "An attention head study.", "2026-11-01"),
        ),
    )
    other = {"landing_page_url": "https://doi.org/10.1234/own", "source": {"display_name": "Journal of Heads"}}
    own = openalex_work("Own Paper", doi="https://doi.org/10.1234/own", primary_location=other, locations=[other])
    sources.answer("/openalex/works", {"results": [openalex_work(), own]})
    return sources


def test_new_papers_are_ranked_by_the_head_types_they_name_and_heads_in_the_title(tree, answered, web):
    found = watch(tree.root, SINCE, web=web)
    assert [(sighting.rank, sighting.draft.paper.title) for sighting in found.sightings] == [
        (4, "Echo Heads: Attention Heads That Repeat"),
        (3, "Heads by Name"),
        (2, "Own Paper"),
        (1, "One Name"),
        (0, "None of Ours"),
        (0, "None of Ours, Older"),
    ]
    assert found.sightings[0].why == "title and abstract name 'Induction head', 'previous-token head', 'attention head'"
    assert found.sightings[0].draft.metadata.source == "arXiv", "the first source tells of a paper that both know"
    assert (found.known, found.beyond, found.failures) == (2, (), ())


def test_both_are_asked_for_every_name_from_that_day_on(tree, answered, web):
    watch(tree.root, SINCE, web=web)
    asked = {one.path: one.query for one in answered.asked}
    assert set(asked) == {"/arxiv", "/openalex/works"}
    for phrase in ("attention heads", "previous token heads", "pattern completion heads"):
        assert f'all:"{phrase}"' in asked["/arxiv"]["search_query"]
        assert f'"{phrase}"' in asked["/openalex/works"]["filter"]
    assert "202611010000" in asked["/arxiv"]["search_query"]
    assert "from_publication_date:2026-11-01" in asked["/openalex/works"]["filter"]


def test_questions_stay_short(tree, answered, web, monkeypatch):
    monkeypatch.setattr(watching, "PHRASES_A_QUESTION", 2)
    whole = watch(tree.root, SINCE, web=web)
    assert answered.paths.count("/arxiv") == 3, "six phrases"
    monkeypatch.setattr(watching, "PHRASES_A_QUESTION", 20)
    assert watch(tree.root, SINCE, web=web) == whole


def test_past_the_limit_papers_are_named_without_a_draft(tree, answered, web):
    found = watch(tree.root, SINCE, limit=2, web=web)
    assert len(found.sightings) == 2
    assert [metadata.title for metadata in found.beyond] == [
        "Own Paper",
        "One Name",
        "None of Ours",
        "None of Ours, Older",
    ]
    assert "- [arxiv:2611.00001](https://arxiv.org/abs/2611.00001): One Name" in issue_text(found)


def test_drafts_pass_the_check_once_they_are_entries(tree, answered, web):
    found = watch(tree.root, SINCE, web=web)
    for sighting in found.sightings:
        tree.write(sighting.draft.path, sighting.draft.text)
    assert len({sighting.draft.path for sighting in found.sightings}) == 6
    assert check(tree.root, [sighting.draft.path for sighting in found.sightings]) == []


def test_two_drafts_never_share_an_id(tree, sources, web):
    sources.answer(
        "/arxiv", atom(entry(1, "Echo Heads Repeat"), entry(2, "Echo Heads Repeat: Again and Again, Longer"))
    )
    sources.answer("/openalex/works", {"results": []})
    ids = [sighting.draft.paper.id for sighting in watch(tree.root, SINCE, web=web).sightings]
    assert len(set(ids)) == 2


# ---------------------------------------------------------------- files


def test_files(tree, answered, web, tmp_path):
    found = watch(tree.root, SINCE, web=web)
    out = tmp_path / "build" / "watch"
    files = write_watch(found, out, tree.root)
    assert sorted(out.iterdir()) == sorted(files)
    assert files[-1].name == "issue.md"
    draft = found.sightings[0].draft
    assert (out / f"{draft.paper.id}.yml").read_text(encoding="utf-8") == draft.text
    assert summary(found, files).splitlines()[-2:] == [
        "6 drafts since 2026-11-01; 0 more past the limit; 2 papers found that are here already.",
        f"Text for an issue: {files[-1]}",
    ]


def test_the_issue(tree, answered, web):
    text = issue_text(watch(tree.root, SINCE, web=web))
    assert text.startswith("New papers on attention heads since 2026-11-01 that are not here yet: 6.\n")
    section = text[text.index("### 1. ") : text.index("### 2. ")]
    assert section.startswith(
        "### 1. Echo Heads: Attention Heads That Repeat\n\n"
        "[arxiv:2611.01234](https://arxiv.org/abs/2611.01234), 2026-11-02; arXiv: title and abstract name"
    )
    assert (
        "<details><summary>papers/perez-ruiz-2026-echo-heads.yml</summary>\n\n```yaml\n# yaml-language-server"
        in section
    )
    assert section.rstrip().endswith("```\n\n</details>")
    assert ABSTRACT not in text


def test_an_earlier_watch_is_replaced_and_nothing_else(tree, answered, web, tmp_path):
    found = watch(tree.root, SINCE, web=web)
    out = tmp_path / "out"
    write_watch(found, out, tree.root)
    (out / "old-2020-draft.yml").write_text("old")
    files = write_watch(found, out, tree.root)
    assert sorted(out.iterdir()) == sorted(files)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.yml").write_text("mine")
    with pytest.raises(SurveyError, match="holds other files; give an empty folder"):
        write_watch(found, other, tree.root)
    assert [path.name for path in other.iterdir()] == ["mine.yml"]


@pytest.mark.parametrize("folder", ["papers", "head_taxonomy", "papers/drafts", "background"])
def test_drafts_never_come_among_the_entries(tree, answered, web, folder):
    found = watch(tree.root, SINCE, web=web)
    before = sorted(tree.root.rglob("*"))
    with pytest.raises(SurveyError, match="holds entries; drafts of a watch are looked at first"):
        write_watch(found, tree.root / folder, tree.root)
    assert sorted(tree.root.rglob("*")) == before


def test_hostile_titles_stay_text(tree, sources, web):
    title = "Heads ``` </details> @someone <script>alert(1)</script> [x](javascript:y)"
    sources.answer("/arxiv", atom(entry(1, title, abstract="attention head")))
    sources.answer("/openalex/works", {"results": []})
    text = issue_text(watch(tree.root, SINCE, web=web))
    heading = next(line for line in text.splitlines() if line.startswith("### 1."))
    for sign in ("<", "`", "[", "@someone"):
        assert sign not in heading
    assert "\n````yaml\n" in text, "a fence longer than the one in the title"
    assert text.count("</details>") == 2
    assert text.index("\n````\n\n</details>") > text.index(title.split()[-1])


def test_a_long_issue_leaves_drafts_to_their_files(tree, answered, web, monkeypatch):
    found = watch(tree.root, SINCE, web=web)
    whole = issue_text(found)
    monkeypatch.setattr("survey_tools.literature.watch_report.LONGEST_ISSUE", len(whole) // 2)
    cut = issue_text(found)
    assert len(cut) < len(whole) * 2 / 3
    assert "The draft would make this issue too long; `survey add` writes it." in cut
    assert all(f"### {place}. " in cut for place in range(1, 7)), "but every paper is named"


# ---------------------------------------------------------------- sources that fail


def test_one_source_is_enough_and_it_is_said(tree, sources, web):
    sources.answer("/arxiv", "", 500)
    sources.answer("/openalex/works", {"results": [openalex_work()]})
    found = watch(tree.root, SINCE, web=web)
    assert [sighting.draft.paper.title for sighting in found.sightings] == ["Echo Heads: Attention Heads That Repeat"]
    assert found.failures == ("arXiv is out of order (HTTP 500); 0 of 1 questions to arXiv were answered",)
    assert "**Not complete:** arXiv is out of order" in issue_text(found)


def test_a_source_that_stops_half_way_keeps_what_it_said(tree, sources, web, monkeypatch):
    monkeypatch.setattr(watching, "PHRASES_A_QUESTION", 3)
    sources.answer("/arxiv", atom(entry(1, "One Name")))
    sources.answer("/arxiv", "oops")
    sources.answer("/openalex/works", {"results": []})
    found = watch(tree.root, SINCE, web=web)
    assert len(found.sightings) == 1
    assert found.failures == ("arXiv answered something that is not XML; 1 of 2 questions to arXiv were answered",)


def test_one_odd_record_does_not_cost_the_others(tree, sources, web):
    sources.answer("/arxiv", atom(entry(1, "One Name")))
    odd = openalex_work("Odd Heads", doi="https://doi.org/10.1234/odd", publication_date="2026-02-31", locations=[])
    sources.answer("/openalex/works", {"results": [odd]})
    found = watch(tree.root, SINCE, web=web)
    assert [sighting.draft.paper.title for sighting in found.sightings] == ["One Name"]
    assert len(found.failures) == 1
    assert found.failures[0].startswith("'Odd Heads' was found and cannot be drafted: OpenAlex says what no entry can")


def test_an_answer_that_was_cut_is_mentioned(tree, sources, web):
    sources.answer("/arxiv", atom(entry(1, "One Name")).replace(">1</opensearch", ">300</opensearch"))
    sources.answer("/openalex/works", {"results": []})
    said = []
    found = watch(tree.root, SINCE, web=web, say=said.append)
    assert found.failures == ("arXiv gave only the newest papers to 1 of 1 questions",)
    assert said == ["asking arXiv: 1 of 1", "asking OpenAlex: 1 of 1"]


def test_offline_it_says_so(tree, web, monkeypatch):
    monkeypatch.setenv("SURVEY_ARXIV_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SURVEY_OPENALEX_URL", "http://127.0.0.1:9")
    with pytest.raises(
        LiteratureError, match=r"^the literature cannot be watched: arXiv cannot be reached .* Nothing was"
    ):
        watch(tree.root, SINCE, web=web)


def test_nothing_new(tree, sources, web, tmp_path):
    sources.answer("/arxiv", atom())
    sources.answer("/openalex/works", {"results": []})
    found = watch(tree.root, SINCE, web=web)
    files = write_watch(found, tmp_path / "out", tree.root)
    assert [file.name for file in files] == ["issue.md"]
    assert files[0].read_text() == "New papers on attention heads since 2026-11-01 that are not here yet: 0.\n"
