import os
import subprocess
from pathlib import Path

from survey_tools import __version__
from survey_tools.notebooks.engines import LocalProcesses, default_jobs
from survey_tools.notebooks.environment import commit_of, installed_versions, other_versions


def test_versions_name_this_package_and_the_libraries_that_compute() -> None:
    versions = installed_versions()
    assert versions["survey_tools"] == __version__
    assert {"python", "torch", "transformers", "numpy"} <= versions.keys()


def test_only_libraries_on_both_sides_are_compared() -> None:
    recorded = {"torch": "1", "numpy": "1", "python": "3.11.1", "survey_tools": "0"}
    assert other_versions(recorded, {"torch": "2", "python": "3.12.0", "transformers": "5"}) == ("torch 1, here 2",)
    assert other_versions(recorded, recorded) == ()


def test_the_commit_is_that_of_the_folder_itself(tmp_path: Path) -> None:
    assert commit_of(tmp_path) is None
    identity = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x", "--no-gpg-sign"]):
        subprocess.run(["git", "-C", str(tmp_path), *command], check=True, env={**os.environ, **identity})
    head = subprocess.run(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    commit = commit_of(tmp_path)
    assert commit
    assert head.stdout.startswith(commit)
    inside = tmp_path / "inside"
    inside.mkdir()
    assert commit_of(inside) is None


def test_two_runs_side_by_side_where_there_are_cores() -> None:
    cores = os.cpu_count() or 1
    assert LocalProcesses().jobs == default_jobs() == min(2, cores)
    assert LocalProcesses(10_000).jobs == cores
