"""Problems as text, GitHub annotations and JSON."""

from __future__ import annotations

import json

from survey_tools.knowledge.problems import Problem, field_name, shown
from survey_tools.knowledge.reports import as_github, as_json, as_text, summary

ONE = Problem("papers/a.yml", 3, 5, "ids.arxiv", "is wrong", "write it right")
TWO = Problem("papers/a,b.yml", 1, 1, "", "100 % wrong\n::set-env name=X::y")


def test_text():
    assert as_text([ONE]) == "papers/a.yml:3:5: ids.arxiv: is wrong; write it right\n1 problem in 1 file\n"


def test_text_keeps_a_problem_on_one_line():
    line, counts = as_text([TWO]).splitlines()
    assert line == "papers/a,b.yml:1:1: 100 % wrong\\n::set-env name=X::y"
    assert counts == "1 problem in 1 file"


def test_github_escapes_what_would_end_the_annotation():
    first, second, counts = as_github([ONE, TWO]).splitlines()
    assert first == "::error file=papers/a.yml,line=3,col=5::ids.arxiv: is wrong; write it right"
    assert second == "::error file=papers/a%2Cb.yml,line=1,col=1::100 %25 wrong\\n::set-env name=X::y"
    assert counts == "2 problems in 2 files"


def test_json():
    report = json.loads(as_json([ONE, TWO]))
    assert report["count"] == 2
    assert report["files"] == 2
    assert report["problems"][0] == {
        "path": "papers/a.yml",
        "line": 3,
        "column": 5,
        "field": "ids.arxiv",
        "message": "is wrong",
        "hint": "write it right",
    }


def test_nothing_to_report():
    assert as_text([]) == "no problems\n"
    assert as_github([]) == "no problems\n"
    assert json.loads(as_json([])) == {"problems": [], "count": 0, "files": 0}


def test_counts():
    assert summary([ONE, ONE, TWO]) == "3 problems in 2 files"
    assert summary([ONE] * 1200) == "1,200 problems in 1 file"


def test_field_names():
    assert field_name(("heads", 2, "layer")) == "heads[2].layer"
    assert field_name(("a", 0, 1)) == "a[0][1]"
    assert field_name(()) == ""


def test_found_values():
    assert shown("x" * 100) == "'" + "x" * 59 + "…'"
    assert [shown(v) for v in ({}, [], None, True, 5)] == ["a mapping", "a list", "empty", "true", "5"]
