"""Commands: one sentence for what goes wrong, the right exit code, examples in every help text."""

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from survey_tools.cli import main

REPOSITORY = Path(__file__).resolve().parents[1]


def survey(*arguments):
    return CliRunner().invoke(main, list(arguments), catch_exceptions=False)


def commands(group=main, path=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


@pytest.mark.parametrize(
    ("path", "command"), list(commands()), ids=lambda v: "-".join(v) if isinstance(v, tuple) else ""
)
def test_every_command_shows_an_example_that_names_it(path, command):
    assert f"Example: survey {' '.join(path)}" in command.help


def test_the_entries_of_this_repository_are_without_problems():
    result = survey("check", "--root", str(REPOSITORY))
    assert result.exit_code == 0, result.output
    assert result.output.strip() == "no problems"


def test_check_gives_problems_for_machines(tmp_path):
    for folder in ("papers", "head_taxonomy", "models", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "papers" / "bad.yml").write_text("id: other\n")
    result = survey("check", "--format", "json", "--root", str(tmp_path))
    assert result.exit_code == 1
    assert any("bad.yml" in str(problem) for problem in json.loads(result.output)["problems"])


def test_an_unknown_entry_is_one_sentence_and_exit_2():
    result = survey("run", "inducton", "--dry-run", "--root", str(REPOSITORY))
    assert result.exit_code == 2
    assert "inducton" in result.output
    assert "induction" in result.output
    assert "Traceback" not in result.output


def test_an_unknown_model_is_one_sentence_and_exit_2():
    result = survey("detect", "no-such-model", "--head", "induction")
    assert result.exit_code == 2
    assert "no model 'no-such-model'" in result.output


def test_an_unknown_detector_is_one_sentence_and_exit_2():
    result = survey("detect", "planted-gpt2", "--head", "sucessor")
    assert result.exit_code == 2
    assert "did you mean 'successor'" in result.output


def test_a_shard_that_is_none_is_refused():
    result = survey("run", "--shard", "five", "--force", "--dry-run", "--root", str(REPOSITORY))
    assert result.exit_code == 2
    assert "is not I/N" in result.output


def test_dry_run_says_and_runs_nothing(tmp_path):
    result = survey("run", "--dry-run", "--results", str(tmp_path / "none"), "--root", str(REPOSITORY))
    assert result.exit_code == 0
    assert "smollm2-135m-instruct  repeated-tokens: duplicate-token, induction, previous-token" in result.output
    assert not (tmp_path / "none").exists()


def test_models_are_listed():
    result = survey("models", "list", "--root", str(REPOSITORY))
    assert result.exit_code == 0
    assert "smollm2-135m-instruct" in result.output
    assert "Apache-2.0" in result.output


def test_status_for_machines():
    rows = json.loads(survey("status", "--json", "--root", str(REPOSITORY)).output)
    assert {"entry", "model", "state", "detail"} == set(rows[0])
    assert {row["entry"] for row in rows} >= {"induction", "successor"}
