"""A release: one version everywhere, its notes, and an archive whose bytes depend on its content alone."""

import hashlib
import json
import os
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from survey_tools.cli import main
from survey_tools.errors import SurveyError
from survey_tools.release import DATA_FILES, DATA_FOLDERS, release_notes, release_problems, write_data_archive

REPOSITORY = Path(__file__).resolve().parents[1]
CHANGELOG = """# Changelog

Words.

## 1.2.0 (2026-12-01)

- New.

### Detail

- More.

## 1.1.0 (2026-11-01)

- Old.
"""
CITATION = """title: A survey
version: 1.2.0
date-released: "2026-12-01"
references:
  - {title: "A survey: its data", version: 1.2.0, date-released: "2026-12-01"}
  - {title: Work of others, version: "7", date-released: "1999-01-01"}
"""


@pytest.fixture
def root(tmp_path):
    """A survey that is ready to be released as v1.2.0."""
    files = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1.2.0"\n',
        "src/survey_tools/__init__.py": '"""Doc."""\n\n__version__ = "1.2.0"\n',
        "CITATION.cff": CITATION,
        "CHANGELOG.md": CHANGELOG,
        "LICENSE-DATA": "CC BY 4.0\n",
        **{f"{folder}/a.yml": f"id: {folder}\n" for folder in DATA_FOLDERS},
        "results/model/entry.json": "{}\n",
        "results/.hidden": "no",
        "papers/.cache/x": "no",
    }
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "root"


def test_a_ready_release_has_no_problems(root):
    assert release_problems(root, "v1.2.0") == []


@pytest.mark.parametrize(
    ("name", "before", "after", "problem"),
    [
        ("pyproject.toml", "1.2.0", "1.3.0", "the tag is v1.2.0, but pyproject.toml has version 1.3.0"),
        ("src/survey_tools/__init__.py", "1.2.0", "1.1.0", "__version__ 1.1.0, pyproject.toml has 1.2.0"),
        (
            "CITATION.cff",
            "version: 1.2.0",
            "version: 1.1.0",
            "CITATION.cff has version 1.1.0, pyproject.toml has 1.2.0",
        ),
        ("CITATION.cff", "version: 1.2.0\n", "", "CITATION.cff has version none"),
        (
            "CITATION.cff",
            'data", version: 1.2.0',
            'data", version: 1.1.0',
            "CITATION.cff, references[0], has version 1.1.0",
        ),
        ("CITATION.cff", '2026-12-01"}', '2026-11-30"}', "CITATION.cff, references[0], says date-released 2026-11-30"),
        ("CITATION.cff", "2026-12-01", "2026-11-30", "dates it 2026-12-01, CITATION.cff says date-released 2026-11-30"),
        ("CHANGELOG.md", "## 1.2.0 (2026-12-01)", "", "the newest heading of CHANGELOG.md is 1.1.0"),
        ("CHANGELOG.md", "(2026-12-01)", "(unreleased)", "CHANGELOG.md dates it 'unreleased'; write the day"),
        ("CHANGELOG.md", " (2026-12-01)", "", "CHANGELOG.md dates it ''; write the day"),
        ("CHANGELOG.md", CHANGELOG, "nothing", "CHANGELOG.md has no heading such as '## 1.2.0 (2026-01-31)'"),
    ],
)
def test_what_disagrees_is_named(root, name, before, after, problem):
    path = root / name
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))
    assert any(problem in found for found in release_problems(root, "v1.2.0"))


def test_a_wrong_tag_is_named():
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert f"the tag must be v{version}" in release_problems(REPOSITORY, "v0.0.1")[0]


def test_here_only_the_date_of_the_release_is_open():
    """Between releases too, every file says the same version."""
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    problems = release_problems(REPOSITORY, f"v{version}")
    assert [problem for problem in problems if "dates it" not in problem] == []


def test_notes_are_what_stands_below_the_heading(root):
    assert release_notes(root, "1.2.0") == "- New.\n\n### Detail\n\n- More.\n"
    assert release_notes(root, "1.1.0") == "- Old.\n"
    with pytest.raises(SurveyError, match=r"nothing under a heading '## 1.3.0'; it has: 1.2.0, 1.1.0"):
        release_notes(root, "1.3.0")


def test_the_archive_holds_the_data_and_nothing_else(root, tmp_path):
    exports = tmp_path / "exports"
    exports.mkdir()
    (exports / "survey.bib").write_text("@misc{}")
    out = tmp_path / "dist" / "data-1.2.0.zip"
    number = write_data_archive(root, out, exports)
    with zipfile.ZipFile(out) as archive:
        names = archive.namelist()
        assert archive.read("data-1.2.0/results/model/entry.json") == b"{}\n"
    expected = {*DATA_FILES, *(f"{folder}/a.yml" for folder in DATA_FOLDERS), "results/model/entry.json"}
    assert names == sorted(f"data-1.2.0/{name}" for name in {*expected, "exports/survey.bib"})
    assert number == len(names)


def test_the_same_content_gives_the_same_bytes(root, tmp_path):
    digests = set()
    for number, when in enumerate((1_000_000_000, 1_500_000_000)):
        for path in root.rglob("*"):
            os.utime(path, (when, when))
        out = tmp_path / str(number) / "data.zip"
        write_data_archive(root, out)
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_missing_part_is_an_error_and_leaves_no_archive(root, tmp_path):
    (root / "LICENSE-DATA").unlink()
    out = tmp_path / "data.zip"
    with pytest.raises(SurveyError, match="LICENSE-DATA cannot be read or written: No such file"):
        write_data_archive(root, out)
    assert not out.exists()
    with pytest.raises(SurveyError, match="nothing to release of it"):
        write_data_archive(root, out, tmp_path / "none")


def test_the_commands(root, tmp_path):
    def survey(*words):
        return CliRunner().invoke(main, ["release", *words, "--root", str(root)], catch_exceptions=False)

    assert (survey("check", "v1.2.0").exit_code, survey("check", "v1.2.0").output) == (0, "")
    assert survey("check", "v1.2").exit_code == 1
    assert survey("notes", "v1.1.0").output == "- Old.\n"
    assert survey("data", "--out", str(tmp_path / "x.zip")).output.startswith("9 files in ")


# What the licences say, in each place that says it.


def test_every_kind_of_data_is_under_the_data_licence():
    text = (REPOSITORY / "LICENSE-DATA").read_text()
    header = text.partition("\n-----")[0]
    assert set(DATA_FOLDERS) == {word.rstrip("/") for word in header.split() if word.endswith("/")}
    assert "Creative Commons Attribution 4.0 International Public License" in text
    assert "Section 8" in text


def test_citation_and_zenodo_tell_the_same():
    cited = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    zenodo = json.loads((REPOSITORY / ".zenodo.json").read_text())
    [data] = cited["references"]
    assert (cited["license"], data["license"]) == ("MIT", "CC-BY-4.0")
    assert (data["version"], data["date-released"]) == (cited["version"], cited["date-released"])
    assert zenodo["license"] == "mit"
    assert zenodo["title"] == cited["title"]
    assert zenodo["keywords"] == cited["keywords"]
    assert [creator["name"] for creator in zenodo["creators"]] == [author["name"] for author in cited["authors"]]
    assert cited["abstract"] in zenodo["description"]
    for folder in DATA_FOLDERS:
        assert f"{folder}/" in zenodo["notes"]
    assert "version" not in zenodo, "Zenodo takes it from the tag"
