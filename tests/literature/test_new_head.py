"""Drafts of head types: they pass the check but for the paper they owe, and their detector refuses to run."""

import os
import subprocess
import sys

import pytest

from survey_tools.errors import AlreadyHere, LiteratureError, SurveyError
from survey_tools.literature.new_head import new_head


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def messages(tree, path):
    return [problem.message for problem in tree.check() if problem.path == path]


def test_a_draft_owes_only_its_paper(tree):
    made = new_head(tree.root, "two-back", "Two-Back Head")
    assert made.files == ("head_taxonomy/two-back.yml",)
    assert messages(tree, made.files[0]) == ["no paper introduces or studies this type"]
    tree.replace(
        "papers/wang-2022-ioi.yml",
        "  - {id: name-mover, role: introduces}",
        "  - {id: name-mover, role: introduces}\n  - {id: two-back, role: introduces}",
    )
    assert messages(tree, made.files[0]) == []
    text = tree.text(made.files[0])
    assert text.splitlines()[1:5] == ["schema_version: 1", "id: two-back", "name: Two-Back Head", "staging: null"]
    assert text.casefold().count("to be replaced") == 6, "nothing reads like a fact"
    assert "- {id: two-back, role: introduces}" in made.next_steps
    assert "survey check head_taxonomy/two-back.yml" in made.next_steps
    assert "awaited" not in made.next_steps


def test_a_name_is_made_from_the_id(tree):
    assert new_head(tree.root, "two-back").head_type.name == "Two Back Head"


def test_a_type_that_the_framework_awaits_gets_its_place(tree):
    made = new_head(tree.root, "positional")
    assert (made.head_type.staging.stage, made.head_type.staging.category) == ("ICI", "Overall Structure")
    assert "take positional off the list 'awaited' in head_taxonomy/framework.yml" in made.next_steps
    tree.replace("head_taxonomy/framework.yml", "awaited: [positional]\n", "")
    assert messages(tree, made.files[0]) == ["no paper introduces or studies this type"]


@pytest.mark.parametrize(
    ("head_id", "name", "error", "message"),
    [
        ("induction", None, AlreadyHere, r"^head_taxonomy/induction\.yml is here already; correct that file$"),
        ("nmh", None, AlreadyHere, r"^'nmh' already names head_taxonomy/name-mover\.yml \(as 'NMH'\)"),
        (
            "new",
            "Pattern_completion heads",
            AlreadyHere,
            r"already names head_taxonomy/induction\.yml \(as 'pattern comp",
        ),
        ("inductions", "Induction-Head", AlreadyHere, r"'Induction-Head' already names head_taxonomy/induction\.yml"),
        ("Two_Back", None, LiteratureError, "'Two_Back' cannot be an id: small letters, digits and dashes"),
        ("../x", None, LiteratureError, "cannot be an id"),
        ("two-back", "\u200b", LiteratureError, "cannot name a head type: .*is empty"),
        ("framework", None, SurveyError, r"framework\.yml exists already; it is not overwritten"),
    ],
)
def test_refusals_write_nothing(tree, head_id, name, error, message):
    before = files(tree.root)
    with pytest.raises(error, match=message):
        new_head(tree.root, head_id, name)
    assert files(tree.root) == before


def test_a_detector_needs_a_checkout(tree):
    before = files(tree.root)
    with pytest.raises(LiteratureError, match="has no src/survey_tools/heads/detectors/: a detector is drafted in a"):
        new_head(tree.root, "two-back", detector=True)
    assert files(tree.root) == before


@pytest.fixture
def checkout(tree):
    (tree.root / "src/survey_tools/heads/detectors").mkdir(parents=True)
    return tree


def test_a_detector_and_its_test_are_drafted(checkout):
    made = new_head(checkout.root, "two-back", 'Two-"Back" Head\\', detector=True)
    assert made.files == (
        "head_taxonomy/two-back.yml",
        "src/survey_tools/heads/detectors/two_back.py",
        "tests/heads/test_two_back.py",
    )
    compile(checkout.text(made.files[1]), made.files[1], "exec")
    assert "python -m pytest tests/heads/test_two_back.py" in made.next_steps


@pytest.mark.slow
def test_the_draft_refuses_to_run_and_its_test_fails_until_it_is_written(checkout):
    """In one process of its own, since PyTorch takes its time: the draft, its test, and the same test about
    previous-token heads, whose detector is written."""
    made = new_head(checkout.root, "two-back", detector=True)
    test = checkout.root / made.files[2]
    written = test.read_text().replace('HEAD_TYPE = "two-back"', 'HEAD_TYPE = "previous-token"')
    assert written.count("Settings()") == 2
    small = "Settings(prompts=12, half_length=16, null_prompts=1, write_prompts=2)"
    test.with_name("test_written.py").write_text(written.replace("Settings()", small))
    test.with_name("test_draft.py").write_text(REFUSAL.format(file=str(checkout.root / made.files[1])))
    test.with_name("conftest.py").write_text(PLANTED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "."],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=test.parent,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"},
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED", "ERROR"))]
    assert [line.split()[:2] for line in lines if line.startswith("PASSED")] == [
        ["PASSED", "test_draft.py::test_it_refuses"],
        ["PASSED", "test_written.py::test_it_knows_where_such_heads_were_planted"],
        ["PASSED", "test_written.py::test_exactly_the_planted_heads"],
        ["PASSED", "test_written.py::test_none_in_shuffled_weights"],
    ], done.stdout
    rest = [line for line in lines if not line.startswith("PASSED")]
    assert len(rest) == 3
    assert all(line.startswith("ERROR test_two_back.py") for line in rest), rest
    assert done.stdout.count("there is no detector for 'two-back'") >= 3


REFUSAL = """
from pathlib import Path
import pytest
from survey_tools.errors import DetectionError
from survey_tools.heads.detectors import detector_from_file


def test_it_refuses():
    with pytest.raises(DetectionError, match="detector of 'two-back' is a draft: replace the last lines of heads/det"):
        detector_from_file(Path({file!r}))
"""

PLANTED = """
import pytest
from survey_tools.heads.methods.controls import planted_model


@pytest.fixture(scope="session")
def planted():
    return planted_model()
"""


def test_a_detector_that_is_there_is_kept(checkout):
    path = "src/survey_tools/heads/detectors/two_back.py"
    checkout.write(path, "mine")
    before = files(checkout.root)
    with pytest.raises(SurveyError, match=r"two_back\.py exists already; it is not overwritten"):
        new_head(checkout.root, "two-back", detector=True)
    assert files(checkout.root) == before
    assert checkout.text(path) == "mine"


def test_an_id_that_is_no_module(checkout):
    with pytest.raises(SurveyError, match="begin the id with a letter"):
        new_head(checkout.root, "2-back", detector=True)
