"""`survey add` as a function: what is drafted passes the check; what is refused leaves nothing behind."""

import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from replayed_sources import ABSTRACT, ACL_BIB, atom, atom_entry, crossref_work

from survey_tools.errors import AlreadyHere, KnowledgeError, LiteratureError, SurveyError
from survey_tools.knowledge.check import check
from survey_tools.knowledge.kinds import PAPER
from survey_tools.knowledge.load import load_entries, load_entry
from survey_tools.literature.add import Wanted, add_paper
from survey_tools.literature.draft import PROPOSED, UNSEEN, VENUE_DATE, draft_paper
from survey_tools.literature.metadata import PaperMetadata, plain
from survey_tools.literature.new_file import write_new
from survey_tools.literature.next_steps import next_steps

DRAFT = """\
# yaml-language-server: $schema=../docs/schemas/paper.schema.json
schema_version: 1
id: perez-ruiz-2026-echo-heads
title: "Echo Heads: Attention Heads That Repeat"
authors: [Ana Pérez-Ruiz, Bo Li]
published: "2026-11-02"
date_source: arxiv-v1
ids: {arxiv: "2611.01234"}
links: {code: https://github.com/example/echo-heads}
kind: llm-analysis
relevance: core
head_types:
  - {id: induction, role: studies}
  - {id: previous-token, role: studies}
reproduction:
  planned:
    how: To be replaced. Nobody has looked yet at which claim of this paper a run could test.
    needs: To be replaced together with the line above.
missing:
  - summary
  - "head_types: proposed by name from title and abstract; to be confirmed by who reads the paper"
  - "kind, relevance, reproduction: as every draft begins; to be set by who reads the paper"
"""
BIBTEX = "@misc{e, title={Echo Heads}, author={Li, Bo}, year=2026, eprint={2611.01234}, archiveprefix={arXiv}}"


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def problems(tree, draft):
    return check(tree.root, [draft.path])


def test_a_draft_is_complete_and_passes_the_check(tree, sources, web):
    sources.answer("/arxiv", atom(atom_entry()))
    before = files(tree.root)
    draft = add_paper(tree.root, Wanted("arxiv:2611.01234"), web)
    assert tree.text(draft.path) == draft.text == DRAFT
    assert problems(tree, draft) == []
    assert files(tree.root) == sorted([*before, "papers/perez-ruiz-2026-echo-heads.yml"])


def test_the_abstract_is_shown_and_never_written(tree, sources, web):
    sources.answer("/arxiv", atom(atom_entry(more="<arxiv:comment>12 pages</arxiv:comment>")))
    draft = add_paper(tree.root, Wanted("arxiv:2611.01234"), web)
    shown = " ".join(next_steps(draft).split())
    assert ABSTRACT in shown
    assert "We study" not in draft.text
    for words in (
        "Draft: papers/perez-ruiz-2026-echo-heads.yml",
        "Ana Pérez-Ruiz, Bo Li; 2026-11-02, from arXiv",
        "arXiv adds: 12 pages",
        "head_types, to review: induction ('Induction head'), previous-token ('previous-token head').",
        "kind: one of theory, training-dynamics, architecture,",
        "relevance: one of core, related, tangential; now 'core'",
        "https://github.com/example/echo-heads stands beside the abstract",
        "survey check papers/perez-ruiz-2026-echo-heads.yml",
        "survey site serve",
    ):
        assert words in shown, words


def test_a_paper_of_a_journal(tree, sources, web):
    sources.answer("/crossref/works/10.1234/echo.5", crossref_work())
    draft = add_paper(tree.root, Wanted("https://doi.org/10.1234/ECHO.5"), web)
    assert (draft.paper.venue, draft.paper.date_source) == ("Journal of Heads", "venue")
    assert draft.paper.missing == ("summary", VENUE_DATE, PROPOSED, UNSEEN)
    assert problems(tree, draft) == []


def test_a_paper_of_the_anthology(tree, sources, web):
    sources.answer("/acl/2026.invented-main.7.bib", ACL_BIB)
    draft = add_paper(tree.root, Wanted("acl:2026.invented-main.7"), web)
    assert draft.paper.ids.acl == "2026.invented-main.7"
    assert draft.paper.id == "perez-ruiz-2026-echo-heads-english"
    assert problems(tree, draft) == []


def test_bibtex_needs_no_network(tree, web, monkeypatch):
    monkeypatch.setattr(type(web), "get", lambda *_, **__: pytest.fail("the network was used"))
    draft = add_paper(tree.root, Wanted(bibtex=BIBTEX, offline=True), web)
    assert (draft.paper.published, draft.paper.date_source) == ("2026-11", "arxiv-month")
    assert draft.paper.missing == ("summary", UNSEEN)
    assert problems(tree, draft) == []


def test_bibtex_beside_an_identifier(tree):
    draft = add_paper(tree.root, Wanted("doi:10.1234/echo.5", bibtex=BIBTEX))
    assert (draft.paper.ids.arxiv, draft.paper.ids.doi) == ("2611.01234", "10.1234/echo.5")
    with pytest.raises(
        LiteratureError, match=r"arxiv:2611\.99999 was asked for, but the BibTeX is that of arxiv:2611\.01234"
    ):
        add_paper(tree.root, Wanted("arxiv:2611.99999", bibtex=BIBTEX))


def test_head_types_that_are_named_count_alone(tree, sources, web):
    sources.answer("/arxiv", atom(atom_entry()))
    draft = add_paper(tree.root, Wanted("arxiv:2611.01234", heads=("NMH", "name-mover", "positional")), web)
    assert [use.id for use in draft.paper.head_types] == ["name-mover", "positional"]
    assert PROPOSED not in draft.paper.missing
    assert "the abstract also names induction ('Induction head')" in " ".join(next_steps(draft).split())
    assert problems(tree, draft) == []


def test_a_paper_that_names_no_type(tree):
    draft = add_paper(tree.root, Wanted(bibtex=BIBTEX))
    assert draft.paper.head_types == ()
    assert "title and abstract name none that is known here" in next_steps(draft)


def test_it_is_said_when_another_source_stood_in(tree, sources, web):
    sources.answer("/crossref/works/10.18653/v1/2026.invented-main.7", crossref_work())
    draft = add_paper(tree.root, Wanted("acl:2026.invented-main.7"), web)
    assert draft.remarks == ("the ACL Anthology knows no such paper",)
    assert draft.remarks[0] in next_steps(draft)


def test_broken_entries_do_not_stop_anyone_and_are_mentioned(tree):
    tree.write("papers/broken.yml", "x: [")
    draft = add_paper(tree.root, Wanted(bibtex=BIBTEX))
    assert draft.remarks == (
        "1 file in papers/ cannot be read, so that a double would not have been seen there; `survey check` names them",
    )
    with pytest.raises(LiteratureError, match=r"the id broken is taken: papers/broken\.yml"):
        add_paper(
            tree.root,
            Wanted(bibtex=BIBTEX.replace("2611.01234", "2611.4321").replace("Echo", "Other"), entry_id="broken"),
        )


# ---------------------------------------------------------------- refusals

IOI = "Interpretability in the Wild: a Circuit for Indirect Object Identification"


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        (Wanted("arxiv:2211.00593v2"), AlreadyHere, r"papers/wang-2022-ioi\.yml has the same arXiv id 2211\.00593"),
        (Wanted("doi:10.48550/arXiv.2211.00593"), AlreadyHere, r"papers/wang-2022-ioi\.yml has the same arXiv id"),
        (
            Wanted(bibtex=f"@misc{{x, title={{{IOI}}}, year=2026}}"),
            AlreadyHere,
            "has the same title; correct that file",
        ),
        (Wanted(bibtex=BIBTEX, heads=("inducton",)), LiteratureError, r"called 'inducton'; did you mean 'induction'\?"),
        (Wanted(bibtex=BIBTEX, heads=("zzz",)), LiteratureError, "called 'zzz'; `survey new-head` drafts a new one"),
        (Wanted(bibtex=BIBTEX, entry_id="wang-2022-ioi"), LiteratureError, r"the id wang-2022-ioi is taken"),
        (Wanted(bibtex=BIBTEX, entry_id="No Id"), LiteratureError, "BibTeX says what no entry can hold: id: "),
        (Wanted(bibtex="@misc{e, title={"), KnowledgeError, "cannot be read as BibTeX"),
        (
            Wanted("arxiv:2611.01234", offline=True),
            LiteratureError,
            "cannot be looked up offline; `survey add --bibtex",
        ),
        (Wanted("arxiv:99"), LiteratureError, "'arxiv:99' names no paper"),
        (Wanted(), LiteratureError, "name a paper: arxiv:2312.09230"),
        (Wanted("arxiv:2611.01234"), LiteratureError, "arxiv:2611.01234 cannot be looked up: arXiv answered something"),
    ],
)
def test_nothing_is_written_on_refusal(tree, sources, web, wanted, error, message):
    sources.answer("/arxiv", "oops")
    sources.answer("/openalex/works/doi:10.48550/arxiv.2611.01234", "oops")
    before = files(tree.root)
    with pytest.raises(error, match=message):
        add_paper(tree.root, wanted, web)
    assert files(tree.root) == before


def test_what_is_here_is_found_before_anyone_is_asked(tree, sources, web):
    with pytest.raises(AlreadyHere):
        add_paper(tree.root, Wanted("arxiv:2211.00593"), web)
    assert sources.paths == []


def test_the_title_that_a_source_gives_is_compared(tree, sources, web):
    sources.answer("/arxiv", atom(atom_entry(title=IOI + "s")))
    with pytest.raises(AlreadyHere, match="--unlike wang-2022-ioi"):
        add_paper(tree.root, Wanted("arxiv:2611.01234"), web)
    draft = add_paper(tree.root, Wanted("arxiv:2611.01234", unlike=("wang-2022-ioi",)), web)
    assert problems(tree, draft) == []


def test_a_paper_cannot_be_added_twice(tree):
    add_paper(tree.root, Wanted(bibtex=BIBTEX))
    with pytest.raises(AlreadyHere, match=r"has the same arXiv id 2611\.01234"):
        add_paper(tree.root, Wanted(bibtex=BIBTEX))


def test_entries_of_an_installed_package_are_left_alone(tree, monkeypatch):
    monkeypatch.setattr("survey_tools.literature.new_file.PACKAGED", tree.root.resolve())
    before = files(tree.root)
    with pytest.raises(SurveyError, match="run this in a checkout of the survey"):
        add_paper(tree.root, Wanted(bibtex=BIBTEX))
    assert files(tree.root) == before


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(title=st.text(min_size=1, max_size=200), author=st.text(max_size=60), venue=st.text(max_size=60))
def test_whatever_a_source_says_can_be_read_back(tree, title, author, venue):
    """Every text is the one that was meant, and no text becomes a field."""
    said = PaperMetadata(
        source="arXiv",
        title=plain(title) or "Echo",
        authors=(plain(author),) if plain(author) else (),
        published="2026-11-02",
        date_source="arxiv-v1",
        venue=plain(venue) or None,
    )
    draft = draft_paper(said, load_entries(tree.root))
    tree.write(draft.path, draft.text)
    record, source = load_entry(tree.root / draft.path, PAPER, draft.path)
    (tree.root / draft.path).unlink()
    assert source.problems == []
    assert record == draft.paper


def test_drafting_needs_no_torch():
    modules = ", ".join(f"survey_tools.literature.{name}" for name in ("add", "watch_report", "new_head", "next_steps"))
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---------------------------------------------------------------- files that are made whole


def test_several_files_or_none(tmp_path):
    (tmp_path / "b").write_text("old")
    with pytest.raises(SurveyError, match=r"b exists already; it is not overwritten"):
        write_new({tmp_path / "a": "new", tmp_path / "b": "new"})
    assert files(tmp_path) == ["b"]
    assert (tmp_path / "b").read_text() == "old"


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    """As when two people add the same id at once."""
    link = os.link

    def late(source, target):
        if target.name == "b":
            target.write_text("theirs")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(SurveyError, match="b exists already"):
        write_new({tmp_path / "a": "ours", tmp_path / "b": "ours"})
    assert files(tmp_path) == ["b"]
    assert (tmp_path / "b").read_text() == "theirs"


def test_a_file_system_without_links(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError("no links here")))
    write_new({tmp_path / "a": "ours"})
    assert (tmp_path / "a").read_text() == "ours"
    assert files(tmp_path) == ["a"]
