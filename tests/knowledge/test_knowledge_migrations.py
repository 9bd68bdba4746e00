"""Entries of older versions: named by `check`, brought up to date by `check --fix`, comments and all."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from survey_tools.cli import main
from survey_tools.knowledge import migrations
from survey_tools.knowledge.kinds import PAPER
from survey_tools.knowledge.migrations import Migration, migrate
from survey_tools.knowledge.repair import repair
from survey_tools.knowledge.text_edits import rename_key, replace_value

PATH = "papers/wang-2022-ioi.yml"


def renamed(data, kind):
    return {"title" if key == "titel" else key: value for key, value in data.items()}


RENAME = Migration("renames titel to title", renamed, lambda text, kind: rename_key(text, ("titel",), "title"))


@pytest.fixture
def old(tree, monkeypatch):
    """A tree with one entry of version 0, which called the title `titel`, and the migration that knows it."""
    monkeypatch.setitem(migrations.MIGRATIONS, 0, RENAME)
    repair(tree.root)
    tree.replace(PATH, "schema_version: 1", "schema_version: 0  # the first of all")
    tree.replace(PATH, "title: ", "# as printed\ntitel: ")
    return tree


def test_an_older_entry_is_one_problem_that_says_what_to_do(old):
    problem = old.only()
    assert (problem.path, problem.line, problem.column, problem.field) == (PATH, 2, 17, "schema_version")
    assert problem.message == "is 0, but entries are written in version 1 by now"
    assert problem.hint == "run `survey check --fix`, which renames titel to title"


def test_fix_brings_it_up_to_date_in_place(old):
    was = old.text(PATH)
    done = CliRunner().invoke(main, ["check", "--fix", "--root", str(old.root)])
    assert done.output == f"{PATH}: renames titel to title\nno problems\n"
    assert old.text(PATH) == was.replace("schema_version: 0", "schema_version: 1").replace("titel", "title")
    assert "# the first of all" in old.text(PATH)
    assert "# as printed\ntitle: " in old.text(PATH)
    assert repair(old.root) == []


def test_a_migrated_entry_is_mended_like_any_other(old):
    old.replace(PATH, '"2211.00593"', "2211.00593")
    (done,) = repair(old.root)
    assert done.done == ("renames titel to title", "quoted ids.arxiv")
    assert old.check() == []


def test_text_and_data_of_a_migration_must_agree(old, monkeypatch):
    wrong = Migration("renames titel to title", renamed, lambda text, kind: text)
    monkeypatch.setitem(migrations.MIGRATIONS, 0, wrong)
    before = old.state()
    assert repair(old.root) == []
    assert old.state() == before
    assert old.only().field == "schema_version"


def test_several_steps_are_taken_in_turn(monkeypatch):
    monkeypatch.setitem(migrations.MIGRATIONS, 0, RENAME)
    monkeypatch.setitem(migrations.MIGRATIONS, -1, Migration("drops x", lambda d, k: {"titel": d["titel"]}, None))
    assert migrate({"schema_version": -1, "titel": "T", "x": 1}, PAPER) == {"schema_version": 1, "title": "T"}
    assert migrations.notes({"schema_version": -1}) == ["drops x", "renames titel to title"]


def test_what_is_given_to_a_migration_is_not_changed(monkeypatch):
    monkeypatch.setitem(migrations.MIGRATIONS, 0, RENAME)
    data = {"schema_version": 0, "titel": "T"}
    migrate(data, PAPER)
    assert data == {"schema_version": 0, "titel": "T"}


def test_a_newer_entry_asks_for_a_newer_package(tree):
    tree.replace(PATH, "schema_version: 1", "schema_version: 2")
    tree.replace(PATH, "relevance: core", "relevanz: core")
    problem = tree.only()
    assert problem.message == "is 2, which is newer than this package knows (1)"
    assert problem.hint == "update the package: pip install --upgrade attention-head-survey"
    before = tree.text(PATH)
    repair(tree.root, [PATH])
    assert tree.text(PATH) != before  # the order of fields: nothing that is read
    assert tree.only().field == "schema_version"


@pytest.mark.parametrize("version", ["0", "-3", "true", '"1"', "1.0", "null"])
def test_a_version_that_never_was(tree, version):
    tree.replace(PATH, "schema_version: 1", f"schema_version: {version}")
    problem = tree.only()
    assert (problem.line, problem.column, problem.field) == (2, 17, "schema_version")
    assert "must be 1" in problem.message


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        (("a",), "z: 1 # one\nb:\n  - {c: 'x', d: y}\n"),
        (("b", 0, "c"), "a: 1 # one\nb:\n  - {z: 'x', d: y}\n"),
        (("b", 0, "e"), "a: 1 # one\nb:\n  - {c: 'x', d: y}\n"),
    ],
)
def test_a_key_by_another_name(path, changed):
    assert rename_key("a: 1 # one\nb:\n  - {c: 'x', d: y}\n", path, "z") == changed


def test_a_value_written_anew():
    text = "a: 1 # é\nb:\n  - {c: 'x', d: y}\n"
    assert replace_value(text, ("b", 0, "c"), "z") == "a: 1 # é\nb:\n  - {c: z, d: y}\n"
    assert replace_value(text, ("b",), "z") == text
