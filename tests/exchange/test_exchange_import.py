"""Other people's lists against the survey: what is new, what differs, what cannot be read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from exchange_samples import READING_LIST
from hypothesis import given, settings
from hypothesis import strategies as st

from survey_tools.errors import KnowledgeError
from survey_tools.exchange.addresses import same_place
from survey_tools.exchange.awesome_in import read_awesome
from survey_tools.exchange.bibtex import bibtex_of
from survey_tools.exchange.comparison import compare, compare_awesome, compare_bibtex
from survey_tools.exchange.comparison_text import MOST_LISTED, as_json, as_text
from survey_tools.exchange.files import MAX_BYTES, read_text, write
from survey_tools.exchange.listed import Listing
from survey_tools.knowledge.survey import Survey

LIST = READING_LIST.read_text(encoding="utf-8")
HEADER = "<table><tr><td>Date</td><td>Paper</td><td>Tags</td><td>Links</td></tr>"


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://arxiv.org/abs/2211.00593", "arxiv:2211.00593"),
        ("http://www.arxiv.org/pdf/2211.00593v3.pdf", "arxiv:2211.00593"),
        ("https://export.arxiv.org/abs/cs/0112017v1", "arxiv:cs/0112017"),
        ("https://doi.org/10.48550/arXiv.2211.00593", "arxiv:2211.00593"),
        ("https://doi.org/10.1000/ABC", "doi:10.1000/abc"),
        ("https://dl.acm.org/doi/abs/10.1145/3626772.3657819", "doi:10.1145/3626772.3657819"),
        ("https://doi.org/10.18653/v1/P16-1154", "acl:p16-1154"),
        ("https://aclanthology.org/2024.emnlp-main.190.pdf", "acl:2024.emnlp-main.190"),
        ("https://www.aclweb.org/anthology/P16-1154/", "acl:p16-1154"),
        ("https://openreview.net/forum?id=AwyxtyMwaG&noteId=6Qv7", "openreview:AwyxtyMwaG"),
        ("https://openreview.net/pdf?id=AwyxtyMwaG", "openreview:AwyxtyMwaG"),
        ("https://github.com/Owner/Name.git", "github.com/owner/name"),
        ("http://www.example.org/A/?q=1", "example.org/A?q=1"),
        ("https://example.org", "example.org"),
        ("http://[example.org", "http://[example.org"),  # no address at all
        ("https://a℀b.org", "https://a℀b.org"),
    ],
)
def test_spellings_of_one_place(address: str, place: str) -> None:
    assert same_place(address) == place


def test_the_rows_of_a_reading_list() -> None:
    listing = read_awesome(LIST, "list.md")
    assert [(paper.published, paper.title) for paper in listing.papers] == [
        ("2024-03-01", "Echo heads: 100 % of A & B_1 in {Braces}"),
        ("2024-01-05", "Brand New Heads: a Study"),
        ("2019-11-03", "Trees in α-space"),
    ]
    echo, new, trees = listing.papers
    assert echo.line == LIST[: LIST.index("2024-03-01")].count("\n")
    assert echo.tags == ("Echo Head", "BPE-echo Head")
    assert echo.links == ("https://openreview.net/forum?id=AbCdEf1234&noteId=77",)
    assert echo.code == ("https://github.com/Example/Echo.git",)
    assert echo.other_links == ("https://example.org/echo/",)
    assert new.tags == ("Mirror Head", "Lookback head")
    assert new.links == ("https://arxiv.org/pdf/2401.99999v2.pdf", "https://www.arxiv.org/abs/2401.99999")
    assert new.code == ("https://github.com/example/new",)
    assert trees.tags == ("Odd Head",)
    assert trees.links == ("https://aclanthology.org/D19-9999.pdf",)
    ((line, why),) = listing.unread
    assert line == LIST[: LIST.index("2024-02-30")].count("\n")
    assert why == "'Undated heads' has the date '2024-02-30 or so', expected YYYY-MM-DD"


@pytest.mark.parametrize(
    ("badge", "tag"),
    [
        ("Previous_Token_Head-blue", "Previous Token Head"),
        ("In--Context_Head-blue", "In-Context Head"),
        ("a__b-blue", "a_b"),
        ("%CE%B1_Head-blue?style=flat", "α Head"),
        ("Head_type-Echo_Head-blue", "Head type Echo Head"),
        ("Echo", "Echo"),
    ],
)
def test_the_spelling_of_badges(badge: str, tag: str) -> None:
    row = f'<tr><td>2024</td><td>T</td><td><img src="https://img.shields.io/badge/{badge}"></td></tr>'
    assert read_awesome(f"{HEADER}{row}</table>").papers[0].tags == (tag,)


def test_a_reading_list_against_the_survey(survey: Survey) -> None:
    found = compare_awesome(LIST, survey, "list.md")
    (missing,) = found.missing_here
    assert missing.listed.title == "Brand New Heads: a Study"
    assert [(change.paper, change.field, change.ours, change.theirs, change.why) for change in found.changed] == [
        ("muller-2024-echo", "date", "2024-03-09", "2024-03-01", "arXiv page of v1."),
        ("lin-2019-tree", "title", "Trees in α-space: 注意力 heads?", "Trees in α-space", None),
        ("lin-2019-tree", "date", "2019-11", "2019-11-03", None),
        ("lin-2019-tree", "tags", "look-back", "odd", None),
    ]
    assert [(unknown.tag, unknown.hint) for unknown in found.unknown_tags] == [("Mirror Head", "")]
    assert found.missing_there == ()
    assert found.repeated == ()


def test_what_the_list_no_longer_holds_and_holds_twice(survey: Survey) -> None:
    row = "<tr><td>2024</td><td>Echo heads 100 % of A & B_1 in braces</td><td>Eco Head</td><td></td></tr>"
    found = compare_awesome(f"{HEADER}\n{row}\n{row}</table>", survey)
    assert found.missing_there == ("lin-2019-tree",)
    assert found.repeated == (("muller-2024-echo", (2, 3)),)
    assert found.changed == ()  # 2024 is no other date than 2024-03-09, and without links none differs
    (unknown,) = found.unknown_tags
    assert (unknown.lines, unknown.hint) == ((2, 3), "did you mean 'Echo Head'?")


def test_a_comparison_for_people(survey: Survey) -> None:
    assert as_text(compare_awesome(LIST, survey, "list.md")) == (
        "list.md: 3 papers\n"
        "rows that could not be read: 1\n"
        "  line 43: 'Undated heads' has the date '2024-02-30 or so', expected YYYY-MM-DD\n"
        "new (missing here): 1\n"
        "  line 50: Brand New Heads: a Study (2024-01-05)\n"
        "changed: 4 fields of 2 papers, 1 of them corrected here with a reason\n"
        "  muller-2024-echo (line 27)\n"
        "    date: theirs 2024-03-01 | ours 2024-03-09\n"
        "      corrected here: arXiv page of v1.\n"
        "  lin-2019-tree (line 64)\n"
        "    title: theirs Trees in α-space | ours Trees in α-space: 注意力 heads?\n"
        "    date: theirs 2019-11-03 | ours 2019-11\n"
        "    tags: theirs odd | ours look-back\n"
        "missing there: 0\n"
        "unknown head tags: 1\n"
        "  Mirror Head (line 50)\n"
    )


def test_a_short_list_is_not_drowned_in_what_it_lacks(survey: Survey) -> None:
    first = next(iter(survey.papers.values()))
    papers = {f"paper-{i:02}": first.model_copy(update={"id": f"paper-{i:02}"}) for i in range(MOST_LISTED + 3)}
    compared = compare(Listing("a.bib", ()), survey, papers)
    assert as_text(compared).splitlines()[3:] == [
        "missing there: 23",
        *(f"  paper-{i:02}" for i in range(20)),
        "  and 3 more; --json names them all",
    ]
    assert json.loads(as_json(compared))["missing_there"] == list(papers)


def test_a_comparison_for_machines(survey: Survey) -> None:
    data = json.loads(as_json(compare_awesome(LIST, survey, "list.md")))
    assert data["papers"] == 3
    assert [new["title"] for new in data["missing_here"]] == ["Brand New Heads: a Study"]
    assert data["changed"][0] == {
        "paper": "muller-2024-echo",
        "line": 27,
        "field": "date",
        "ours": "2024-03-09",
        "theirs": "2024-03-01",
        "corrected_here": "arXiv page of v1.",
    }
    assert data["unknown_tags"] == [{"tag": "Mirror Head", "lines": [50], "hint": ""}]
    assert data["missing_there"] == data["repeated"] == []
    assert len(data["unread"]) == 1


def test_our_own_bibtex_differs_in_nothing(repository: Survey) -> None:
    found = compare_bibtex(bibtex_of(repository), repository)
    assert (found.missing_here, found.changed, found.missing_there, found.repeated) == ((), (), (), ())


BIBTEX = r"""
@article{theirs1,
  title = {{Echo heads:} 100 \% of {A} \& {B\_1} in \{braces\}},
  author = {M{\"u}ller, J{\"o}rg and others},
  journal = {arXiv preprint arXiv:2403.00001},
  year = 2024,
}
@inproceedings{theirs2,
  title = "Trees in $\alpha$-space",
  author = "Mei Lin and Someone Else",
  booktitle = {EMNLP},
  year = {2020},
  url = {https://www.aclweb.org/anthology/D19-9999},
  doi = {10.1000/new},
}
@misc{theirs3, title = {A Note on Two Heads}, author = {B. C.}, year = 2021}
@misc{theirs4, title = {Quite another paper}, author = {B. C.}, year = 2021, eprint = {2101.00001}}
"""


def test_a_bibtex_file_against_the_survey(survey: Survey) -> None:
    found = compare_bibtex(BIBTEX, survey, "theirs.bib")
    assert [(new.listed.title, new.near) for new in found.missing_here] == [("Quite another paper", None)]
    assert [(change.paper, change.field, change.ours, change.theirs) for change in found.changed] == [
        ("lin-2019-tree", "title", "Trees in α-space: 注意力 heads?", r"Trees in $\alpha$-space"),
        ("lin-2019-tree", "date", "2019-11", "2020"),
        ("lin-2019-tree", "authors", "Mei Lin, Research and Development Group", "Mei Lin, Someone Else"),
        ("lin-2019-tree", "venue", "Findings of EMNLP 2019", "EMNLP"),
        ("lin-2019-tree", "link", "acl:d19-9999", "https://doi.org/10.1000/new"),
        ("okafor-2022-note", "date", "2022", "2021"),
        ("okafor-2022-note", "authors", "Okafor", "B. C."),
    ]
    assert found.missing_there == ("unknown-2020-tables",)


def test_a_title_with_one_word_changed_is_near(survey: Survey) -> None:
    found = compare_bibtex("@misc{a, title = {A short note on (two) heads}, year = 2020}", survey)
    assert [new.near for new in found.missing_here] == ["okafor-2022-note"]


@pytest.mark.parametrize(
    "text",
    [
        "# A README\n\nwithout tables",
        "<table><tr><td>Date</td></tr></table>",
        HEADER,
        "@misc{a, title={b}}",
        "<" * 5000,
    ],
)
def test_what_is_not_the_list_is_refused(text: str) -> None:
    with pytest.raises(KnowledgeError, match=r"^x\.md is not the reading list: expected HTML tables with the columns"):
        read_awesome(text, "x.md")


def test_rows_that_could_not_be_read_are_named_where_nothing_could() -> None:
    with pytest.raises(KnowledgeError, match=r"(?s)found no paper in one\n  x:2: 'T' has the date 'soon'"):
        read_awesome(f"{HEADER}\n<tr><td>soon</td><td>T</td></tr></table>", "x")


def test_a_link_that_is_no_address_is_none() -> None:
    row = '<tr><td>2031-01-01</td><td><a href="http://[x">T</a></td><td></td><td><a href="//[">Code</a></td></tr>'
    (paper,) = read_awesome(f"{HEADER}{row}</table>").papers
    assert (paper.title, paper.links, paper.code, paper.other_links) == ("T", (), (), ())


@pytest.mark.parametrize("part", ["<a ", "<!--", "<td", "</", "```x\n", "<a <a >"])
def test_tags_without_an_end_are_read_in_good_time(part: str) -> None:
    """The parser of the standard library alone would take hours for some of them."""
    with pytest.raises(KnowledgeError, match="is not the reading list"):
        read_awesome(HEADER + part * 50_000)


markup = st.text("<>/=\"'&;-! \ntdrhablegim0123", max_size=60)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(markup, st.sampled_from([HEADER, "<tr>", "<td>2024-01-01", "<td>T", "</table>", "<!--"]))))
def test_no_markup_breaks_the_reader(parts: list[str]) -> None:
    try:
        papers = read_awesome("".join(parts)).papers
    except KnowledgeError:
        return
    assert all(paper.title and paper.published for paper in papers)


def sized(folder: Path, size: int) -> Path:
    file = folder / "large.bib"
    with file.open("wb") as stream:
        stream.truncate(size)
    return file


def test_files_that_cannot_be_lists(tmp_path: Path) -> None:
    large = sized(tmp_path, 50_000_000)
    contents = {
        "latin.bib": "é".encode("latin-1"),
        "wide.md": "é".encode("utf-16"),
        "empty.md": b" \n",
        "zero.md": b"a\0b",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    expected = {
        large: "is 50 MB large; at most 20 MB are read: split it",
        tmp_path: "is not an ordinary file; name a file",
        tmp_path / "none.md": "cannot be read: No such file or directory",
        tmp_path / "latin.bib": "is not UTF-8 (byte 0xE9 in line 1); save it as UTF-8",
        tmp_path / "wide.md": "is not UTF-8 (byte 0xFF in line 1); save it as UTF-8",
        tmp_path / "empty.md": "is empty",
        tmp_path / "zero.md": "is not a text file: it holds zero bytes",
    }
    for path, sentence in expected.items():
        with pytest.raises(KnowledgeError) as caught:
            read_text(path)
        assert str(caught.value) == f"{path} {sentence}"


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    file = tmp_path / "large.md"
    file.write_bytes(b"a" * MAX_BYTES)
    assert len(read_text(file)) == MAX_BYTES


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_bytes("é".encode("utf-8-sig"))
    assert read_text(file) == "é"


def test_what_is_no_ordinary_file_is_written_into_and_stays(tmp_path: Path) -> None:
    """As root `--out /dev/stdout` would otherwise put a file in the place of the device."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write(pipe, b"content")
        assert os.read(reader, 100) == b"content"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    with pytest.raises(KnowledgeError, match="cannot be written: Is a directory"):
        write(tmp_path, b"content")


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "folder" / "a.json"
    write(file, b"old")
    assert file.read_bytes() == b"old"

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(KnowledgeError, match="cannot be written: No space left on device"):
        write(file, b"new")
    assert [path.name for path in file.parent.iterdir()] == ["a.json"]
    assert file.read_bytes() == b"old"
