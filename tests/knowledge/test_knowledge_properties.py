"""Whatever is in the files, the answer is records or problems; and none is lost among many."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey_tools.knowledge.kinds import kind_of
from survey_tools.knowledge.problems import Problem
from survey_tools.knowledge.read_ahead import _json_texts, _processes, read_ahead
from survey_tools.knowledge.repair import repair
from survey_tools.knowledge.reports import as_github, as_json, as_text
from survey_tools.knowledge.validation import to_record
from survey_tools.knowledge.yaml_source import Source, parse, plain_scalar, read_source

ENTRY_PATHS = (
    "papers/wang-2022-ioi.yml",
    "papers/olsson-2022-induction.yml",
    "head_taxonomy/induction.yml",
    "head_taxonomy/name-mover.yml",
    "head_taxonomy/framework.yml",
    "head_taxonomy/circuits/ioi.yml",
    "head_taxonomy/schemes/stacks.yml",
    "models/gpt2-small.yml",
    "background/methods.yml",
    "background/benchmarks.yml",
    "background/glossary.yml",
    "background/open-questions.yml",
)
SNIPPETS = (
    *("\t", "\n", ": ", "- ", "[", "]", "{", "}", "&a ", "*a", "!!x ", "<<: ", "---\n", "? "),
    *("'", '"', "#", "|", ">", "%", "@", "`", "no", "null", "5", "2310.04625"),
    *("\ufeff", "\x00", "\u202e", "é", "\udcff"),
)


def record_or_problems(source: Source, record, text: str) -> None:
    """One file through the whole reading: it must end in a record or in problems placed inside `text`."""
    found = to_record(source, record)
    assert (found is None) == bool(source.problems), source.text
    lines = text.count("\n") + text.count("\r") + 2
    for problem in source.problems:
        assert isinstance(problem, Problem)
        assert 1 <= problem.line <= lines
        assert problem.column >= 1
        assert problem.message
    assert len(as_text(source.problems).splitlines()) == len(source.problems) + 1
    assert len(as_github(source.problems).splitlines()) == len(source.problems) + 1


def kind_of_path(path: str):
    folder, name = path.rsplit("/", 1)
    return kind_of(folder, name.removesuffix(".yml"))


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_entries_give_problems_or_a_record(tree, data):
    path = data.draw(st.sampled_from(ENTRY_PATHS))
    raw = bytearray(tree.text(path).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        cut = data.draw(st.integers(0, 12))
        piece = data.draw(st.one_of(st.sampled_from(SNIPPETS), st.text(max_size=5)))
        raw[start : start + cut] = piece.encode("utf-8", "surrogateescape" if "\udcff" in piece else "replace")
    file = tree.root / "mutated.yml"
    file.write_bytes(bytes(raw))
    record_or_problems(read_source(file, "mutated.yml"), kind_of_path(path).record, raw.decode("utf-8", "replace"))


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_lines_give_problems_in_the_check_of_all_and_nothing_is_written(tree, data):
    """Lines dropped, doubled, swapped, indented, joined or cut, in entries of every kind, through all layers."""
    path = data.draw(st.sampled_from(ENTRY_PATHS))
    good = tree.text(path)
    lines = good.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        i, j = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(("drop", "double", "swap", "indent", "dedent", "join", "cut", "comment")))
        if change == "drop" and len(lines) > 1:
            del lines[i]
        elif change == "double":
            lines.insert(j, lines[i])
        elif change == "swap":
            lines[i], lines[j] = lines[j], lines[i]
        elif change == "join":
            lines[i] = f"{lines[i]} {lines[j].strip()}"
        else:
            half = lines[i][: len(lines[i]) // 2]
            lines[i] = {"indent": f"  {lines[i]}", "dedent": lines[i].lstrip(), "cut": half}.get(
                change, f"# {lines[i]}"
            )
    tree.write(path, "\n".join(lines) + "\n")
    before = tree.state()
    try:
        problems = tree.check()
        files = {str(file.relative_to(tree.root)) for file in tree.root.rglob("*.yml")}
        for problem in problems:
            assert problem.path in files
            assert problem.line >= 1
            assert problem.column >= 1
            assert problem.message
        assert problems == sorted(problems)
        assert len(as_text(problems).splitlines()) == len(problems) + 1
        assert tree.state() == before
        assert sorted(before) == sorted(tree.state())
    finally:
        tree.write(path, good)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_value_in_any_place_gives_problems_or_a_record(tree, data):
    """Well-formed files with a wrong value somewhere: where most sentences come from."""
    path = data.draw(st.sampled_from(ENTRY_PATHS))
    entry = yaml.safe_load(tree.text(path))
    holder, key = data.draw(st.sampled_from(list(places(entry))))
    holder[key] = data.draw(VALUES)
    source = Source(path, yaml.safe_dump(entry, allow_unicode=True, sort_keys=False))
    parse(source)
    record_or_problems(source, kind_of_path(path).record, source.text)


def places(node):
    """Every (container, key) below a node."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(pairs):
        yield node, key
        yield from places(value)


@given(st.text(max_size=12))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_plain_scalars_are_text_unless_the_core_schema_says_otherwise(text):
    value, complaint, _ = plain_scalar(text)
    if isinstance(value, str):
        assert value == text
    elif not isinstance(value, bool) and value is not None:
        assert float(text) == value
        assert not complaint


WRONG = [
    ("relevance: core", "relevance: cor"),
    ("id: induction, role", "id: inducton, role"),
    ("relevance: core", "relevance: core\nrelevance: related"),
    ("title: ", "title: a: b: "),
]


def break_20_of_300(tree) -> list[str]:
    template = tree.text("papers/wang-2022-ioi.yml")
    broken = set(random.Random(7).sample(range(300), 20))
    for i in range(300):
        text = template.replace("wang-2022-ioi", f"paper-{i:03d}").replace('"2211.00593"', f'"2301.{i:05d}"')
        if i in broken:
            old, new = WRONG[i % len(WRONG)]
            assert text.count(old) == 1
            text = text.replace(old, new)
        tree.write(f"papers/paper-{i:03d}.yml", text)
    return [f"papers/paper-{i:03d}.yml" for i in sorted(broken)]


def test_errors_in_20_of_300_papers_are_all_reported(tree):
    broken = break_20_of_300(tree)
    problems = tree.check()
    assert [problem.path for problem in problems] == broken
    places = [(13, 12), (17, 10), (14, 1), (4, 9)]
    for problem in problems:
        kind = int(problem.path[-7:-4]) % len(WRONG)
        assert (problem.line, problem.column) == places[kind]
        assert kind > 1 or "did you mean" in problem.hint


def test_several_processes_report_the_same_in_the_same_order(tree):
    broken = break_20_of_300(tree)
    code = (
        "import sys; from pathlib import Path\n"
        "from survey_tools.knowledge import check, load, read_ahead, reports\n"
        "read_ahead.MANY, read_ahead._processes = 100, lambda: 2\n"
        "looked_at, look = [], load.load_entry\n"
        "load.load_entry = lambda *a: (looked_at.append(a), look(*a))[1]\n"
        "print(reports.as_json(check.check(Path(sys.argv[1]))), end='')\n"
        "assert 10 < len(looked_at) <= 20, looked_at  # the others came ready"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tree.root)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == as_json(tree.check())
    assert done.stdout.count('"path"') == len(broken)


def test_files_read_ahead_are_those_without_a_problem(tree, monkeypatch):
    tree.replace("papers/olsson-2022-induction.yml", "relevance: core", "relevance: no")
    files = [tree.root / path for path in ENTRY_PATHS]
    lines = [kind_of_path(path).first_line for path in ENTRY_PATHS]
    assert list(read_ahead(list(zip(files, lines, strict=True)))) == [None] * len(files)  # too few to be worth it
    texts = _json_texts(list(zip(files, lines, strict=True)))
    assert [text is None for text in texts] == [path.startswith("papers/olsson") for path in ENTRY_PATHS]
    assert _json_texts([(files[0], "# another first line")]) == [None]


@pytest.mark.parametrize("version", ["true", "1.0", "2", '"1"'])
def test_a_version_that_only_python_takes_for_one_is_looked_at(tree, version):
    path = "papers/olsson-2022-induction.yml"
    tree.replace(path, "schema_version: 1", f"schema_version: {version}")
    assert _json_texts([(tree.root / path, kind_of_path(path).first_line)]) == [None]


def test_where_no_process_can_be_started_nothing_is_read_ahead(tree, monkeypatch):
    files = [(tree.root / ENTRY_PATHS[0], "")] * 5

    def refuse(*arguments):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("survey_tools.knowledge.read_ahead.MANY", 1)
    monkeypatch.setattr("survey_tools.knowledge.read_ahead._processes", lambda: 2)
    monkeypatch.setattr("survey_tools.knowledge.read_ahead.ProcessPoolExecutor", refuse)
    assert list(read_ahead(files)) == [None] * 5


def test_one_process_where_other_threads_run():
    """A fork would copy the locks they hold."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert _processes() == 1
    finally:
        stop.set()
        thread.join()


def test_one_process_inside_a_worker_of_a_pool(monkeypatch):
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("this machine has one processor for us, so there is one process anyway")
    monkeypatch.setattr("threading.active_count", lambda: 1)
    assert _processes() > 1
    monkeypatch.setitem(multiprocessing.current_process()._config, "daemon", True)
    assert _processes() == 1


@pytest.fixture
def generated(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2]))
    return importlib.import_module("benchmarks.entries")


def test_papers_of_the_benchmark_are_good_and_its_mistakes_are_one_problem_each(tree, generated):
    chance = random.Random(1)
    for number in range(12):
        tree.write(f"papers/{generated.paper_id(number)}.yml", generated.paper(number, chance))
    assert tree.check() == []
    assert repair(tree.root, ["papers/0generated-00000.yml"]) == []
    expected = generated.break_papers(tree.root, 2 * len(generated.MISTAKES))
    problems = tree.check()
    assert len(problems) == len(expected) == 10
    assert {(problem.path, problem.line) for problem in problems} == expected
