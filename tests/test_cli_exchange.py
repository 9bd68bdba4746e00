"""`survey export` and `survey import` as a user meets them."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from survey_tools.cli import main
from survey_tools.cli.exchange import FORMATS, TABLES
from survey_tools.errors import KnowledgeError
from survey_tools.exchange import export as exports
from survey_tools.knowledge.check import check

REPOSITORY = Path(__file__).resolve().parents[1]
READING_LIST = REPOSITORY / "tests/exchange/reading-list.md"
SITE = "https://example.org/s"


def survey(*arguments: Any, root: Path = REPOSITORY) -> Result:
    result = CliRunner(env={"SITE_URL": ""}).invoke(main, [*map(str, arguments), "--root", str(root)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_command_knows_the_formats_and_tables_of_the_library() -> None:
    assert tuple(exports.FORMATS) == FORMATS
    assert exports.TABLES == TABLES


@pytest.mark.parametrize("layout", [name for name in FORMATS if name not in ("csv", "parquet")])
def test_a_format_is_the_same_on_standard_output_and_in_a_file(layout: str, tmp_path: Path) -> None:
    file = tmp_path / "new" / "file"
    shown = survey("export", layout, "--site-url", SITE)
    written = survey("export", layout, "--site-url", SITE, "--out", file)
    assert (shown.exit_code, written.exit_code, written.output) == (0, 0, "")
    assert shown.stdout_bytes == file.read_bytes()
    assert shown.stdout_bytes.endswith(b"\n")
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_croissant_and_its_tables_belong_together(tmp_path: Path) -> None:
    result = survey("export", "croissant", "--site-url", SITE, "--out", f"{tmp_path}/")
    assert result.exit_code == 0
    data = json.loads((tmp_path / "croissant.json").read_text(encoding="utf-8"))
    names = [file["name"] for file in data["distribution"]]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(names)
    for file in data["distribution"]:  # the folder is laid out as the site is
        path = tmp_path / file["contentUrl"].removeprefix(f"{SITE}/")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]


def test_croissant_without_an_address_is_one_sentence() -> None:
    result = survey("export", "croissant")
    assert result.exit_code == 2
    assert result.stderr.startswith("survey: Croissant metadata must say where the data lies; ")
    assert result.stderr.count("\n") == 1


def test_tables(tmp_path: Path) -> None:
    table = survey("export", "csv", "--table", "published-heads")
    assert table.stdout.startswith("paper,model,model_certainty,layer,head,")
    assert survey("export", "csv", "--out", tmp_path).exit_code == 0
    assert survey("export", "parquet", "--out", tmp_path).exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "head-scores.csv",
        "head-scores.parquet",
        "published-heads.csv",
        "published-heads.parquet",
    ]
    assert (tmp_path / "published-heads.csv").read_bytes() == table.stdout_bytes
    piped = survey("export", "parquet", "--table", "published-heads")
    assert pq.read_table(io.BytesIO(piped.stdout_bytes)).num_rows == table.stdout.count("\n") - 1


@pytest.mark.parametrize("out", [(), ("--out", "tables.csv")])
def test_two_tables_are_not_one_file(out: tuple[str, ...]) -> None:
    result = survey("export", "csv", *out)
    assert result.exit_code == 2
    assert "csv has two tables; choose one with --table, or give --out FOLDER/ for both" in result.stderr
    assert not Path("tables.csv").exists()


def test_a_table_of_a_format_without_tables() -> None:
    result = survey("export", "bibtex", "--table", "head-scores")
    assert (result.exit_code, result.stderr) == (2, "survey: bibtex is not a format of tables; leave out --table\n")


def test_an_unknown_format() -> None:
    result = survey("export", "bibtexx")
    assert result.exit_code == 2
    assert "'bibtexx' is not one of 'bibtex', 'csl'" in result.stderr
    with pytest.raises(KnowledgeError, match="there is no format 'x'; expected one of bibtex, csl"):
        exports.export("x", None)  # type: ignore[arg-type]  # never looked at


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = survey("export", "bibtex", "--out", tmp_path / "file" / "a.bib")
    assert result.exit_code == 2
    assert result.stderr.startswith(f"survey: {tmp_path}/file/a.bib cannot be written: ")
    assert result.stderr.count("\n") == 1


def test_our_own_bibtex_comes_back(tmp_path: Path) -> None:
    file = tmp_path / "survey.bib"
    survey("export", "bibtex", "--out", file)
    result = survey("import", "bibtex", file, "--json")
    data = json.loads(result.stdout)
    assert data.pop("papers") == len(list((REPOSITORY / "papers").glob("*.yml")))
    assert data.pop("list") == "survey.bib"
    assert set(map(str, data.values())) == {"[]"}


def test_a_reading_list_of_papers_nobody_wrote() -> None:
    result = survey("import", "awesome", READING_LIST)
    assert result.exit_code == 0
    assert result.stdout.startswith(
        "reading-list.md: 3 papers\n"
        "rows that could not be read: 1\n"
        "  line 43: 'Undated heads' has the date '2024-02-30 or so', expected YYYY-MM-DD\n"
        "new (missing here): 3\n"
    )


@pytest.mark.parametrize(
    ("command", "content", "sentence"),
    [
        ("awesome", "# Nothing", "a.txt is not the reading list: expected HTML tables with the columns Date, Paper"),
        ("bibtex", "no entry here", "a.txt holds no BibTeX entry"),
        ("bibtex", "@misc{a, title = {b", "a.txt cannot be read as BibTeX"),
        ("bibtex", " ", "{} is empty"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(command: str, content: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(content)
    result = survey("import", command, file, "--write", tmp_path / "drafts")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"survey: {sentence.format(file)}")
    assert not (tmp_path / "drafts").exists()


def drafts_of(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


BIBTEX = """
@inproceedings{one, title = {Mirror Heads {\\& Others}}, author = {Ren{\\'e} Roe and others}, year = 2031,
  booktitle = {ICLR 2032}, eprint = {3101.00001}}
@misc{two, title = {Mirror Heads {\\& Others}, again}, author = {Roe, Ren{\\'e}}, year = 2031}
@misc{three, title = {Undated}}
"""


def test_drafts_of_new_papers_are_entries(tmp_path: Path) -> None:
    file, folder = tmp_path / "theirs.bib", tmp_path / "drafts"
    file.write_text(BIBTEX, encoding="utf-8")
    assert survey("import", "bibtex", file).exit_code == 0
    assert not folder.exists()
    result = survey("import", "bibtex", file, "--write", folder)
    assert result.exit_code == 0
    assert "no draft for line 5: theirs.bib:5: entry 'three' has no year" in result.stderr
    drafts = drafts_of(folder)
    assert len(drafts) == 2
    assert len([name for name in drafts if name.startswith("roe-2031-")]) == 2
    (first,) = [text for text in drafts.values() if "3101.00001" in text]
    assert 'title: "Mirror Heads & Others"' in first or "title: Mirror Heads & Others\n" in first
    assert "venue: ICLR 2032" in first
    assert "and others" in first  # under missing
    again = survey("import", "bibtex", file, "--write", folder)
    assert again.exit_code == 2
    assert "exists already; it is not overwritten" in again.stderr
    assert drafts_of(folder) == drafts


def test_drafts_of_a_reading_list_pass_the_check(tmp_path: Path) -> None:
    """In a survey of their own, with the head types of ours."""
    folder = tmp_path / "papers"
    result = survey("import", "awesome", READING_LIST, "--write", folder)
    assert result.exit_code == 0
    drafts = drafts_of(folder)
    assert len(drafts) == 3
    new = next(text for text in drafts.values() if "2401.99999" in text)
    assert 'published: "2024-01-05"' in new
    assert "date_source: readme" in new
    assert "code: https://github.com/example/new" in new
    for place in ("head_taxonomy", "models", "background", "notebooks"):
        (tmp_path / place).symlink_to(REPOSITORY / place)
    about_drafts = [problem for problem in check(tmp_path) if problem.path.removeprefix("papers/") in drafts]
    assert about_drafts == []
