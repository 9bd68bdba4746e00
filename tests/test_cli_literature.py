"""`survey add`, `survey watch`, `survey new-head` as typed: output, exit codes, and nothing written on refusal."""

import pytest
from click.testing import CliRunner

from knowledge.conftest import Tree
from literature.replayed_sources import VARIABLES, atom, atom_entry, openalex_work, replaying
from survey_tools.cli import main

BIBTEX = "@misc{e, title={Echo Heads}, author={Li, Bo}, year=2026, eprint={2611.01234}}"


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path / "survey")


@pytest.fixture
def sources(monkeypatch):
    with replaying() as (server, address):
        for variable, path in VARIABLES.items():
            monkeypatch.setenv(variable, address + path)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server


@pytest.fixture
def offline(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "http://127.0.0.1:9")


def survey(tree, *arguments):
    return CliRunner().invoke(main, [*arguments, "--root", str(tree.root)], catch_exceptions=False)


def files(tree):
    return sorted(path.relative_to(tree.root).as_posix() for path in tree.root.rglob("*") if path.is_file())


def test_add_then_check(tree, sources):
    sources.answer("/arxiv", atom(atom_entry()))
    added = survey(tree, "add", "arxiv:2611.01234")
    assert added.exit_code == 0, added.output
    assert added.output.startswith("Draft: papers/perez-ruiz-2026-echo-heads.yml\n")
    assert "Abstract, for you to read; it is not in the file:" in added.output
    assert added.output.rstrip().endswith("survey site serve      # its page: /papers/perez-ruiz-2026-echo-heads/")
    checked = survey(tree, "check", "papers/perez-ruiz-2026-echo-heads.yml")
    assert (checked.exit_code, checked.output.strip()) == (0, "no problems")
    again = survey(tree, "add", "https://arxiv.org/abs/2611.01234v9")
    assert again.exit_code == 2
    assert "is here already: papers/perez-ruiz-2026-echo-heads.yml has the same arXiv id 2611.01234" in again.output


def test_add_bibtex_offline(tree, tmp_path, offline):
    (tmp_path / "echo.bib").write_text(BIBTEX)
    arguments = ("--bibtex", str(tmp_path / "echo.bib"), "--head", "nmh", "--id", "li-2026-mine", "--offline")
    added = survey(tree, "add", *arguments)
    assert added.exit_code == 0, added.output
    assert "id: name-mover" in tree.text("papers/li-2026-mine.yml")


def test_add_form(tree, tmp_path, offline):
    (tmp_path / "issue.md").write_text(f"### Identifier\n\n_No response_\n\n### BibTeX\n\n```bibtex\n{BIBTEX}\n```\n")
    added = survey(tree, "add", "--form", str(tmp_path / "issue.md"))
    assert added.exit_code == 0, added.output
    assert (tree.root / "papers/li-2026-echo-heads.yml").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("add", "arxiv:2611.01234"), "arxiv:2611.01234 cannot be looked up: arXiv cannot be reached"),
        (
            ("add", "arxiv:2611.01234", "--offline"),
            "arxiv:2611.01234 cannot be looked up offline; `survey add --bibtex FILE`",
        ),
        (("add",), "name a paper: arxiv:2312.09230, doi:"),
        (("add", "echo heads"), "'echo heads' names no paper that can be looked up"),
        (("add", "--bibtex", "none.bib"), "does not exist"),
        (("watch",), "the literature cannot be watched: arXiv cannot be reached"),
        (("watch", "--since", "soon"), "'soon' does not match the format"),
        (("new-head", "induction"), "head_taxonomy/induction.yml is here already"),
    ],
)
def test_refusals_are_one_sentence_and_exit_2(tree, offline, arguments, message):
    before = files(tree)
    result = survey(tree, *arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output
    assert files(tree) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"@misc{e, title={", "echo.bib:1: the entry that starts"),
        (b"\xff\xfe", "echo.bib is not UTF-8"),
        (b" " * 1_000_001, "echo.bib is larger than 1 MB"),
    ],
)
def test_files_that_cannot_be_read(tree, tmp_path, content, message):
    (tmp_path / "echo.bib").write_bytes(content)
    result = survey(tree, "add", "--bibtex", str(tmp_path / "echo.bib"))
    assert result.exit_code == 2
    assert message in result.output


def test_a_form_says_everything_itself(tree, tmp_path):
    (tmp_path / "issue.md").write_text("### Identifier\n\n2611.01234\n")
    result = survey(tree, "add", "--form", str(tmp_path / "issue.md"), "--head", "induction")
    assert result.exit_code == 2
    assert "give no paper, --bibtex, --head or --id with it" in result.output


def test_watch(tree, sources):
    sources.answer("/arxiv", atom(atom_entry()))
    sources.answer("/openalex/works", {"results": [openalex_work()]})
    before = files(tree)
    result = survey(tree, "watch", "--since", "2026-11-01")
    assert result.exit_code == 0, result.output
    assert "2026-11-02  perez-ruiz-2026-echo-heads  Echo Heads: Attention Heads That Repeat" in result.output
    assert "1 draft since 2026-11-01; 0 more past the limit; 0 papers found that are here already." in result.output
    new = ["build/watch/issue.md", "build/watch/perez-ruiz-2026-echo-heads.yml"]
    assert files(tree) == sorted([*before, *new])


def test_new_head(tree):
    result = survey(tree, "new-head", "two-back", "--name", "Two-Back Head")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Draft: head_taxonomy/two-back.yml\n\nNext:\n  1. write head_taxonomy/two-back.yml")
    assert (tree.root / "head_taxonomy/two-back.yml").is_file()
