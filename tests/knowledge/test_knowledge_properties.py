"""Whatever is in the files, the answer is records or problems; and none is lost among many."""

from __future__ import annotations

import random

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey_tools.knowledge.kinds import KINDS
from survey_tools.knowledge.problems import Problem
from survey_tools.knowledge.reports import as_github, as_text
from survey_tools.knowledge.validation import to_record
from survey_tools.knowledge.yaml_source import Source, parse, plain_scalar, read_source

ENTRY_PATHS = (
    "papers/wang-2022-ioi.yml",
    "papers/olsson-2022-induction.yml",
    "head_taxonomy/induction.yml",
    "head_taxonomy/name-mover.yml",
    "head_taxonomy/framework.yml",
    "head_taxonomy/circuits/ioi.yml",
    "models/gpt2-small.yml",
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


def kind_of(path: str):
    folder, name = path.rsplit("/", 1)
    if name == "framework.yml":
        return next(kind for kind in KINDS if kind.name == "framework")
    return next(kind for kind in KINDS if kind.folder == folder and kind.name != "framework")


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
    record_or_problems(read_source(file, "mutated.yml"), kind_of(path).record, raw.decode("utf-8", "replace"))


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
    record_or_problems(source, kind_of(path).record, source.text)


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


def test_errors_in_20_of_300_papers_are_all_reported(tree):
    template = tree.text("papers/wang-2022-ioi.yml")
    broken = set(random.Random(7).sample(range(300), 20))
    for i in range(300):
        text = template.replace("wang-2022-ioi", f"paper-{i:03d}").replace('"2211.00593"', f'"2301.{i:05d}"')
        if i in broken:
            old, new = [("relevance: core", "relevance: cor"), ("id: induction, role", "id: inducton, role")][i % 2]
            assert old in text
            text = text.replace(old, new)
        tree.write(f"papers/paper-{i:03d}.yml", text)
    problems = tree.check()
    assert [problem.path for problem in problems] == [f"papers/paper-{i:03d}.yml" for i in sorted(broken)]
    for problem in problems:
        number = int(problem.path[-7:-4])
        assert (problem.line, problem.column) == ((13, 12) if number % 2 == 0 else (17, 10))
        assert "did you mean" in problem.hint
