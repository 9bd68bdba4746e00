"""A further detector is one new file and one YAML: then it detects, has a status, and stands on the site."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
CARRIED = ("src", "papers", "head_taxonomy", "models", "notebooks", "docs", "results", "mkdocs.yml", "pyproject.toml")

DETECTOR = '''"""Heads that look two positions back."""

import dataclasses

from survey_tools.heads.detector import Lag
from survey_tools.heads.detectors.previous_token import DETECTOR as PREVIOUS

DETECTOR = dataclasses.replace(
    PREVIOUS,
    id="two-back",
    formula=r"\\\\frac{1}{|Q|}\\\\sum_{q \\\\in Q} A_{q,\\\\,q-2}",
    relation=Lag(0, 2, "all"),
    controls=tuple(Lag(0, back, "all") for back in (0, 1, 3, 4, 5)),
    planted_at=((0, 2),),
)
'''.replace("\\\\\\\\", "\\\\")

ENTRY = """# yaml-language-server: $schema=../docs/schemas/head-type.schema.json
schema_version: 1
id: two-back
name: Two-Back Head
staging: null
summary: Each position attends to the one two before it.
definition:
  attends_to: The token two positions back.
  writes: Which token stood there.
  formula: A_{q,q-2}
detection:
  notebook: repeated-tokens
  detector: two-back
  parameters: {prompts: 12, half_length: 24, cause_draws: 5}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("fifth")
    for name in CARRIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, root / name)
    (root / "src/survey_tools/heads/detectors/two_back.py").write_text(DETECTOR)
    (root / "head_taxonomy/two-back.yml").write_text(ENTRY)
    return root


def survey(tree, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "survey_tools", *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def states(tree, *arguments):
    rows = json.loads(survey(tree, "status", "--json", *arguments))
    return {(row["model"], row["entry"]): row["state"] for row in rows}


@pytest.mark.slow
def test_it_has_a_status_and_the_others_keep_theirs(tree):
    found = states(tree)
    assert found["planted-gpt2", "two-back"] == "missing"
    assert found["smollm2-135m-instruct", "induction"].startswith("fresh"), "another detector is no reason to rerun"


@pytest.mark.slow
def test_it_detects(tree):
    out = tree / "two-back.json"
    survey(tree, "detect", "planted-gpt2", "--head", "two-back", "--out", str(out))
    [measured] = json.loads(out.read_text())
    assert [(head["layer"], head["head"]) for head in measured["found"]] == [(0, 2)]


@pytest.mark.slow
def test_its_notebook_runs_and_it_stands_on_the_site(tree):
    survey(tree, "run", "two-back", "--model", "planted-gpt2", "--results", "build/results")
    assert states(tree, "--results", "build/results")["planted-gpt2", "two-back"] == "fresh"
    survey(tree, "site", "build")
    page = (tree / "site/heads/two-back/index.html").read_text()
    assert "Two-Back Head" in page
    assert "L0H2" in page
    assert "two-back" in (tree / "site/heads/index.html").read_text()
