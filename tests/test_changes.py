"""What a branch changes: git's answer read, pages found for files, measurements found for code."""

import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from survey_tools import changes
from survey_tools.changes import ChangedFile, ChangedPage
from survey_tools.cli import main
from survey_tools.errors import ModelUnknown, SurveyError
from survey_tools.knowledge.records import Detection
from survey_tools.knowledge.survey import load_survey
from survey_tools.results.store import ResultStore

REPOSITORY = Path(__file__).resolve().parents[1]
SMOL = "smollm2-135m-instruct"


@pytest.fixture(scope="module")
def survey():
    return load_survey(REPOSITORY)


@pytest.fixture
def git(tmp_path):
    """Runs git in tmp_path, away from whatever repository and settings are around."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    here |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]

    def run(*words):
        subprocess.run(["git", *who, *words], cwd=tmp_path, env=here, check=True, capture_output=True)

    run("init", "--quiet", "--initial-branch", "main")
    return run


def commit(git, root, **files):
    for name, text in files.items():
        path = root / name
        path.write_text(text) if text is not None else path.unlink()
    git("add", "--all")
    git("commit", "--quiet", "-m", "step")


def test_files_are_compared_with_where_the_branch_left(git, tmp_path):
    commit(git, tmp_path, kept="1", old="1", gone="1")
    git("switch", "--quiet", "--create", "branch")
    commit(git, tmp_path, old="2", gone=None, **{"näw name\nwith two lines": "1"})
    git("switch", "--quiet", "main")
    commit(git, tmp_path, kept="what main did meanwhile is not the branch's")
    git("switch", "--quiet", "branch")
    assert changes.changed_files(tmp_path, "main") == [
        ChangedFile("gone", "removed"),
        ChangedFile("näw name\nwith two lines", "new"),
        ChangedFile("old", "changed"),
    ]


@pytest.mark.parametrize(
    ("base", "sentence"),
    [
        ("nobody", r"git cannot compare HEAD with 'nobody': .*; fetch that revision"),
        ("--output=x", "'--output=x' is no revision"),
    ],
)
def test_a_base_that_is_none_is_one_sentence(git, tmp_path, base, sentence):
    commit(git, tmp_path, a="1")
    with pytest.raises(SurveyError, match=sentence):
        changes.changed_files(tmp_path, base)
    assert not (tmp_path / "x").exists()


def test_each_kind_of_file_has_its_page(survey):
    files = {
        "papers/olsson-2022-induction-heads.yml": (
            "papers/olsson-2022-induction-heads/",
            "In-context Learning and Induction Heads",
        ),
        "head_taxonomy/induction.yml": ("heads/induction/", survey.head_types["induction"].name),
        "head_taxonomy/framework.yml": ("heads/", "framework"),
        "head_taxonomy/schemes/kowalczyk.yml": ("background/naming/", "kowalczyk"),
        f"models/{SMOL}.yml": (f"models/{SMOL}/", survey.models[SMOL].name),
        "background/glossary.yml": ("background/glossary/", "glossary"),
        "docs/about.md": ("about/", "docs/about.md"),
        f"results/{SMOL}/successor.json": (
            "heads/successor/",
            f"{survey.head_types['successor'].name}: the record on {SMOL}",
        ),
    }
    for path, (address, name) in files.items():
        assert changes.changed_pages([ChangedFile(path)], survey) == [ChangedPage(address, name)]


def test_files_without_a_page_bring_none(survey):
    paths = ("README.md", "src/survey_tools/errors.py", "docs/assets/logo.svg", f"results/{SMOL}/successor.ipynb")
    assert changes.changed_pages(map(ChangedFile, paths), survey) == []


def test_an_entry_that_is_gone_has_its_id_for_a_name(survey):
    [page] = changes.changed_pages([ChangedFile("papers/gone-2020-x.yml", "removed")], survey)
    assert page == ChangedPage("papers/gone-2020-x/", "gone-2020-x", "removed")


def test_a_new_entry_says_more_than_its_record(survey):
    files = [ChangedFile(f"results/{SMOL}/induction.json", "new"), ChangedFile("head_taxonomy/induction.yml", "new")]
    for order in (files, files[::-1]):
        assert changes.changed_pages(order, survey) == [
            ChangedPage("heads/induction/", survey.head_types["induction"].name, "new")
        ]


def test_pages_as_markdown():
    pages = [ChangedPage("papers/x/", "A | <b>Title</b>\n# of a stranger", "new"), ChangedPage("heads/y/", "Y")]
    assert changes.pages_text(pages).splitlines() == [
        "2 pages to look at:",
        "",
        "- <code>/papers/x/</code> A &#124; &#60;b&#62;Title&#60;/b&#62; &#35; of a stranger (new)",
        "- <code>/heads/y/</code> Y (changed)",
    ]
    assert changes.pages_text([]) == "No page of an entry changes.\n"
    many = [ChangedPage(f"papers/{n}/", "x") for n in range(changes.MOST_LISTED + 2)]
    assert changes.pages_text(many).splitlines()[-1] == "- and 2 more pages"


def touched(survey, path, *models):
    return set(changes.touched_entries([ChangedFile(path)], survey, REPOSITORY, models))


def test_measurements_that_code_and_entries_reach(survey):
    detections = {e.id: e.detection for e in survey.head_types.values() if isinstance(e.detection, Detection)}
    sharing = {entry for entry, how in detections.items() if how.notebook == "repeated-tokens"}
    assert touched(survey, "head_taxonomy/induction.yml") == {"induction"}
    assert touched(survey, "src/survey_tools/heads/detectors/induction.py") == {"induction"}
    assert {"induction", "previous-token"} <= touched(survey, "notebooks/repeated-tokens.py") == sharing
    assert touched(survey, "src/survey_tools/heads/calibrate/nulls.py") == set(detections)
    assert touched(survey, f"models/{SMOL}.yml", SMOL) == set(detections)


def test_measurements_that_nothing_reaches(survey):
    quiet = (
        "papers/olsson-2022-induction-heads.yml",
        "src/survey_tools/site/page.py",
        "README.md",
        f"models/{SMOL}.yml",
    )
    for path in quiet:
        assert touched(survey, path) == set()


def test_a_model_that_is_none_is_not_passed_over(survey):
    with pytest.raises(ModelUnknown, match=f"no entry for model 'smolm2-135m-instruct'; did you mean '{SMOL}'"):
        touched(survey, "README.md", "smolm2-135m-instruct")


def test_names_of_files_in_other_encodings_change_no_page(git, tmp_path):
    commit(git, tmp_path, kept="1")
    git("switch", "--quiet", "--create", "branch")
    commit(git, tmp_path, **{os.fsdecode(b"latin-\xe9.yml"): "1"})
    assert changes.changed_files(tmp_path, "main") == [ChangedFile("latin-\ufffd.yml", "new")]


def test_verdicts_beside_the_committed_ones(tmp_path):
    committed = ResultStore(REPOSITORY / "results")
    same, other = committed.get(SMOL, "successor"), committed.get(SMOL, "induction")
    fresh = ResultStore(tmp_path)
    for record in (same, other.model_copy(update={"verdict": "partly", "reason": "of a test"})):
        place = tmp_path / record.model
        place.mkdir(exist_ok=True)
        (place / f"{record.entry}.json").write_text(record.model_dump_json())
    heads = f"{len(other.found)} heads"
    assert changes.verdicts_text(fresh, committed).splitlines()[2:] == [
        f"| induction | {SMOL} | {other.verdict}, {heads} | **partly, {heads}** |",
        f"| successor | {SMOL} | not reproduced, 0 heads | not reproduced, 0 heads |",
    ]
    assert "no record" in changes.verdicts_text(fresh, ResultStore(tmp_path / "none"))
    assert changes.verdicts_text(ResultStore(tmp_path / "none"), committed) == "No notebook was executed.\n"


def test_the_commands(git, tmp_path):
    for folder in ("papers", "head_taxonomy"):
        (tmp_path / folder).mkdir()
    result = CliRunner().invoke(main, ["changes", "pages", "--base", "nobody", "--root", str(REPOSITORY)])
    assert result.exit_code == 2
    assert "git cannot compare HEAD with 'nobody'" in result.output
    head = [main, ["changes", "pages", "--base", "HEAD", "--root", str(REPOSITORY)]]
    assert CliRunner().invoke(*head).output == "No page of an entry changes.\n"
    result = CliRunner().invoke(main, ["changes", "entries", "--base", "HEAD", "--root", str(REPOSITORY)])
    assert (result.exit_code, result.output) == (0, "")
    result = CliRunner().invoke(main, ["changes", "verdicts", str(tmp_path / "none"), "--root", str(REPOSITORY)])
    assert result.output == "No notebook was executed.\n"
