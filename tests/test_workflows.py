"""Workflows and forms: linted by those who know GitHub, held to rules of our own, and true to the command line."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from command_lines import refused, survey_calls
from survey_tools.literature.form import LABELS

REPOSITORY = Path(__file__).resolve().parents[1]
GITHUB = REPOSITORY / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
ACTIONLINT = REPOSITORY / "build" / "actionlint"
"""Where `make actionlint` puts it; .ci/run does, and asks that it be there."""

BROKEN = """
on:
  pull_request_target:
jobs:
  careless:
    runs-on: ubuntu-latest
    needs: nobody
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
      - run: curl -H "${{ secrets.TOKEN }}" example.org
"""
SOUND = """
on: [pull_request]
permissions: {}
concurrency: {group: sound, cancel-in-progress: true}
defaults: {run: {shell: bash}}
jobs:
  careful:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with: {persist-credentials: false}
      - run: echo "$TITLE"
        env: {TITLE: "${{ github.event.pull_request.title }}"}
"""


def named(path):
    return path.stem


# The linters.

LINT = """
const { runLint } = require(process.argv[1]);
(async () => {
  const found = [];
  for (const text of JSON.parse(require("fs").readFileSync(0, "utf8")))
    for (const finding of await runLint(text, "<stdin>")) found.push(finding); // with a path it waits for a file system
  console.log(JSON.stringify(found));
  process.exit(0);
})();
"""


@pytest.fixture(scope="module")
def actionlint():
    """What actionlint finds in the texts of workflows; npm ships it as WebAssembly."""
    module = ACTIONLINT / "node_modules" / "@tktco" / "node-actionlint"
    if not (shutil.which("node") and module.is_dir()):
        reason = "actionlint is not there: `make actionlint` brings it, and needs node 20 or newer with npm"
        if os.environ.get("SURVEY_REQUIRE_ACTIONLINT"):
            pytest.fail(reason)
        pytest.skip(reason)

    def lint(*workflows):
        command, given = ["node", "-e", LINT, str(module)], json.dumps(workflows)
        run = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)
        assert run.returncode == 0, run.stderr
        return [finding["message"] for finding in json.loads(run.stdout)]

    return lint


def test_actionlint_finds_nothing(actionlint):
    known = yaml.safe_load((GITHUB / "actionlint.yaml").read_text())["self-hosted-runner"]["labels"]
    findings = actionlint(*(path.read_text() for path in WORKFLOWS))
    ours = tuple(f'label "{label}" is unknown' for label in known)  # this build of actionlint reads no configuration
    assert [finding for finding in findings if not finding.startswith(ours)] == []


def test_actionlint_sees_a_broken_workflow(actionlint):
    assert actionlint(SOUND) == []
    findings = " ".join(actionlint(BROKEN))
    assert 'job "careless" needs job "nobody" which does not exist' in findings
    assert '"github.event.pull_request.title" is potentially untrusted' in findings


def zizmor(*paths):
    command = [
        str(Path(sys.executable).with_name("zizmor")),
        "--offline",
        "--no-progress",
        "--format",
        "json",
        *map(str, paths),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.stdout.startswith("["), run.stderr
    return sorted({finding["ident"] for finding in json.loads(run.stdout)})


def test_zizmor_finds_nothing():
    assert zizmor(GITHUB) == []


def test_zizmor_sees_a_broken_workflow(tmp_path):
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "sound.yml").write_text(SOUND)
    assert zizmor(tmp_path) == []
    (folder / "broken.yml").write_text(BROKEN)
    expected = {"dangerous-triggers", "excessive-permissions", "template-injection", "unpinned-uses"}
    assert expected <= set(zizmor(tmp_path))


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("github-workflows", WORKFLOWS),
        ("github-issue-forms", FORMS),
        ("github-issue-config", [GITHUB / "ISSUE_TEMPLATE" / "config.yml"]),
        ("dependabot", [GITHUB / "dependabot.yml"]),
        ("citation-file-format", [REPOSITORY / "CITATION.cff"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_schemas_that_others_read_these_files_by(schema, files, tmp_path):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    run = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    (tmp_path / "wrong.yml").write_text("no-such-key: 1\n")
    assert subprocess.run([*command, str(tmp_path / "wrong.yml")], capture_output=True, check=False).returncode == 1


# Rules of our own.

PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
ROUND_ABOUT = {"pull_request_target", "workflow_run"}
"""Triggers that give the code of a fork the rights of this repository."""


def broken_rules(text):
    workflow = yaml.safe_load(text)
    triggers = workflow[True]  # YAML reads the key `on` as a boolean
    found = {f"runs on {trigger}" for trigger in ROUND_ABOUT & set(triggers)}
    top = workflow.get("permissions")
    if top is None or "write" in (top if isinstance(top, str) else top.values()):
        found.add("grants no job less than it needs")
    if "concurrency" not in workflow:
        found.add("no concurrency")
    if workflow.get("defaults", {}).get("run", {}).get("shell") != "bash":  # which GitHub runs with -o pipefail
        found.add("a command may fail at the head of a pipe, unseen")
    if re.search(r"\bsecrets[.\[]|secrets: inherit", text):
        found.add("uses secrets")
    for line in text.splitlines():
        if "uses:" in line and not PINNED.search(line):
            found.add("an action without its commit and version")
    for name, job in workflow["jobs"].items():
        if "timeout-minutes" not in job:
            found.add(f"{name}: no timeout")
        for step in job["steps"]:
            if "${{" in step.get("run", ""):
                found.add(f"{name}: an expression inside a script; give it through env")
            checkout = step.get("uses", "").startswith("actions/checkout@")
            if checkout and step.get("with", {}).get("persist-credentials") is not False:
                found.add(f"{name}: the checkout keeps its token")
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=named)
def test_workflows_keep_our_rules(path):
    assert broken_rules(path.read_text()) == set()


def test_a_careless_workflow_breaks_every_rule():
    assert broken_rules(SOUND) == set()
    assert broken_rules(BROKEN) == {
        "runs on pull_request_target",
        "grants no job less than it needs",
        "no concurrency",
        "a command may fail at the head of a pipe, unseen",
        "uses secrets",
        "an action without its commit and version",
        "careless: no timeout",
        "careless: an expression inside a script; give it through env",
        "careless: the checkout keeps its token",
    }


def test_only_maintainers_reach_the_machine_with_a_gpu():
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        if any("self-hosted" in job["runs-on"] for job in workflow["jobs"].values()):
            assert list(workflow[True]) == ["workflow_dispatch"], path.name


def test_jobs_that_may_write_install_nothing():
    """What an issue or a stranger's package says never runs beside a token that can write."""
    for path in WORKFLOWS:
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            if "write" in job.get("permissions", {}).values():
                scripts = " ".join(step.get("run", "") for step in job["steps"])
                assert not re.search(r"\b(pip|npm|survey|python|make)\s", scripts), path.name


# The command line that workflows speak of.


def scripts():
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield from (
                pytest.param(step["run"], id=f"{path.stem}-{name}-{number}")
                for number, step in enumerate(job["steps"])
                if "survey " in step.get("run", "")
            )


@pytest.mark.parametrize("script", list(scripts()))
def test_every_survey_command_in_a_workflow_exists(script):
    calls = list(survey_calls(script))
    assert calls
    assert [(call, refused(call)) for call in calls if refused(call)] == []


def test_what_is_asked_of_a_change_is_asked_of_every_model_that_runs():
    text = (GITHUB / "workflows" / "check.yml").read_text()
    asked, run = (
        set(re.findall(r"--model (\S+)", re.search(command, text)[0]))
        for command in (r"survey changes entries .*", r"survey run .*")
    )
    assert asked == run != set()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("survey chekc", "no command chekc"),
        ("set -e; survey check --formt github | tee log", "No such option '--formt'"),
        ("survey check --format xml", "layout is none of"),
        ("survey release data", "out is missing"),
        ("if survey site build extra > log; then true; fi", "too many arguments"),
    ],
)
def test_a_survey_command_that_does_not_exist_is_seen(script, reason):
    [call] = survey_calls(script)
    assert reason in refused(call)


# Issue forms, and the script that answers one.


def test_the_form_asks_what_survey_add_reads():
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "paper.yml").read_text())
    labels = [field["attributes"]["label"] for field in form["body"] if field["type"] != "markdown"]
    assert labels == list(LABELS.values())
    assert form["name"] == "Add a paper"
    [label] = form["labels"]
    condition = yaml.safe_load((GITHUB / "workflows" / "paper-form.yml").read_text())["jobs"]["draft"]["if"]
    assert condition.count(f"'{label}'") == 2


GH = """#!/usr/bin/env bash
# Stands in for GitHub's command: notes what it was asked, answers like it.
{ printf '%q ' "$@"; echo; } >> "$GH_LOG"
case "$*" in
  *"--body-file -"*) cat >> "$GH_LOG" ;;
  "pr list"*) cat "$GH_OPEN" ;;
  "pr view"*) echo https://example.org/pull/8 ;;
esac
"""
NASTY = "survey: no paper `$(touch broke-out)` '; touch broke-out; # ```\n````\n@everyone\n"


@pytest.fixture
def proposal(tmp_path):
    """Runs propose-paper.sh on a draft in a clone, with a stand-in for `gh`; gives its log."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "GH_LOG": str(tmp_path / "log"),
        "GH_OPEN": str(tmp_path / "open"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }

    def git(*words, cwd):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
        return subprocess.run(
            ["git", *who, *words], cwd=cwd, env=environment, check=True, capture_output=True, text=True
        ).stdout

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    (tmp_path / "open").write_text("0\n")
    seed = tmp_path / "seed"
    (seed / "papers").mkdir(parents=True)
    (seed / "papers" / "a-2020-x.yml").write_text("id: a-2020-x\n")
    git("init", "--quiet", cwd=seed)
    git("add", ".", cwd=seed)
    git("commit", "--quiet", "-m", "seed", cwd=seed)
    git("clone", "--quiet", "--bare", str(seed), str(tmp_path / "origin"), cwd=tmp_path)

    class Proposal:
        origin = tmp_path / "origin"

        def run(self, **draft):
            folder, clone = tmp_path / "draft", tmp_path / "clone"
            for old in (folder, clone):
                shutil.rmtree(old, ignore_errors=True)
            folder.mkdir()
            for name, text in draft.items():
                (folder / name.replace("_yml", ".yml")).write_text(text)
            (tmp_path / "log").write_text("")
            git("clone", "--quiet", str(self.origin), str(clone), cwd=tmp_path)
            command = ["bash", str(GITHUB / "propose-paper.sh"), str(folder), "7", "paper-form/7"]
            done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
            assert not list(tmp_path.rglob("broke-out"))
            return done.returncode, (tmp_path / "log").read_text()

        def git(self, *words):
            return git(*words, cwd=self.origin)

        def pull_request_is_open(self):
            (tmp_path / "open").write_text("1\n")

        def someone_works_on_the_branch(self):
            work = tmp_path / "work"
            git("clone", "--quiet", "--branch", "paper-form/7", str(self.origin), str(work), cwd=tmp_path)
            git("commit", "--quiet", "--allow-empty", "-m", "by hand", cwd=work)
            git("push", "--quiet", "origin", "paper-form/7", cwd=work)

    return Proposal()


def test_a_draft_becomes_a_pull_request(proposal):
    code, log = proposal.run(b_2021_y_yml="id: b\n", said="Draft: papers/b.yml\n", problems="no problems\n")
    assert code == 1, "underscores are in no id"
    code, log = proposal.run(**{"b-2021-y_yml": "id: b-2021-y\n", "said": NASTY, "problems": "no problems\n"})
    assert code == 0
    assert proposal.git("show", "paper-form/7:papers/b-2021-y.yml") == "id: b-2021-y\n"
    assert proposal.git("diff", "--name-only", "main", "paper-form/7") == "papers/b-2021-y.yml\n"
    assert "pr create --head paper-form/7 --title Add\\ papers/b-2021-y.yml" in log
    assert "workflow run check.yml --ref paper-form/7" in log
    assert "Closes #7" in log
    assert f"`````\n{NASTY.rstrip()}\n`````" in log, "as code, in a fence that nothing inside ends"
    assert "issue comment 7 --edit-last --create-if-none" in log
    assert "https://example.org/pull/8" in log


def test_an_edited_issue_changes_the_same_pull_request(proposal):
    draft = {"said": "first\n", "problems": "no problems\n"}
    proposal.run(**draft, **{"b-2021-y_yml": "id: b-2021-y\n"})
    proposal.pull_request_is_open()
    code, log = proposal.run(**draft, **{"c-2021-z_yml": "id: c-2021-z\n"})
    assert code == 0
    assert "pr edit paper-form/7" in log
    assert "pr create" not in log
    assert proposal.git("diff", "--name-only", "main", "paper-form/7") == "papers/c-2021-z.yml\n"


def test_work_of_a_person_is_never_overwritten(proposal):
    draft = {"said": "first\n", "problems": "no problems\n", "b-2021-y_yml": "id: b-2021-y\n"}
    proposal.run(**draft)
    proposal.someone_works_on_the_branch()
    before = proposal.git("rev-parse", "paper-form/7")
    code, log = proposal.run(**draft)
    assert code == 0
    assert proposal.git("rev-parse", "paper-form/7") == before
    assert "Someone has worked on the branch" in log
    assert "pr " not in log


def test_where_there_is_no_draft_the_answer_is_the_error(proposal):
    code, log = proposal.run(said=NASTY)
    assert code == 0
    assert log.startswith("issue comment 7 --edit-last --create-if-none")
    assert f"`````\n{NASTY.rstrip()}\n`````" in log
    assert proposal.git("branch", "--list") == "* main\n"
