"""The pages for contributors, followed: what they tell people to type exists and ends as they say."""

import re
import shutil
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from command_lines import refused, survey_calls
from survey_tools.cli import main
from survey_tools.knowledge.kinds import KINDS
from survey_tools.knowledge.records import Paper

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "CONTRIBUTING.md", REPOSITORY / "docs" / "contributing.md"]
PAGE = PAGES[0].read_text(encoding="utf-8")
BIBTEX = """@inproceedings{doe2026bracket,
  title     = {Bracket Matching Heads: How Small Transformers Close What They Opened},
  author    = {Doe, Jane and M{\\"u}ller, Max},
  booktitle = {Workshop on Examples},
  year      = {2026},
  url       = {https://example.org/bracket.pdf},
  abstract  = {A study of induction heads.}
}
"""


def blocks(text):
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def typed(text):
    """Calls of `survey`, with words in place of what a reader fills in."""
    return [call for block in blocks(text) for call in survey_calls(re.sub(r"<([a-z ]+)>", r"\1", block))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_commands_exist(page):
    calls = typed(page.read_text(encoding="utf-8"))
    assert calls
    assert [(call, refused(call)) for call in calls if refused(call)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_files_that_are_named_exist(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    named = re.findall(r"`((?:papers|head_taxonomy|src|tests|docs)/[\w./-]+\.\w+)`", text)
    assert [name for name in links if not (page.parent / name).exists()] == []
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_the_environment_is_the_light_one():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    [extras] = re.findall(r"pip install -c constraints.txt -e '\.\[([\w,]+)\]'", PAGE)
    for extra in extras.split(","):
        wanted = project["optional-dependencies"][extra]
        assert not any(name.startswith(("torch", "transformers")) for name in wanted)


def test_the_table_names_fields_of_a_paper():
    rows = re.findall(r"^\| (`[^|]+`) \|", PAGE, re.MULTILINE)
    fields = [field for row in rows for field in re.findall(r"`(\w+)`", row)]
    assert len(fields) == 9
    assert set(fields) <= set(Paper.model_fields)
    example = yaml.safe_load((REPOSITORY / "papers" / "wang-2022-ioi.yml").read_text())
    assert set(fields) <= set(example), "the page calls this entry complete"


def test_the_page_followed_ends_with_a_passing_check(tmp_path, monkeypatch):
    """Its own commands in its order, on a copy of the entries; the reader's part is one sentence each."""
    for folder in (*{kind.folder.partition("/")[0] for kind in KINDS}, "notebooks"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    (tmp_path / "paper.bib").write_text(BIBTEX, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    calls = [call for call in typed(PAGE) if call[0] != "site" and not call[-1].startswith("arxiv:")]
    add, check = [[str(tmp_path / "paper.bib") if word == "file" else word for word in call] for call in calls]
    assert (add[:2], check) == (["add", "--bibtex"], ["check", "--fix"])

    added = CliRunner().invoke(main, add, catch_exceptions=False)
    assert added.exit_code == 0, added.output
    [entry] = [path for path in (tmp_path / "papers").iterdir() if not (REPOSITORY / "papers" / path.name).exists()]
    assert f"Draft: papers/{entry.name}" in added.output
    filled = entry.read_text(encoding="utf-8").replace("  - summary\n", "") + (
        "summary_source: paper\n"
        "summary:\n"
        "    innovation: Names the heads that close brackets in a small model trained on nested words alone.\n"
        "    method: Trains twelve small models and removes single heads while they close what was opened before.\n"
        "    result: One head of the last layer is enough, and every one of the models turns out to have it.\n"
    )
    entry.write_text(filled, encoding="utf-8")
    checked = CliRunner().invoke(main, check, catch_exceptions=False)
    assert checked.exit_code == 0, checked.output
    again = CliRunner().invoke(main, add, catch_exceptions=False)
    assert again.exit_code == 2
    assert f"papers/{entry.name}" in again.output
