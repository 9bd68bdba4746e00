"""The text of an entry: what was given comes back from any reader, the same bytes each time, within the width."""

from __future__ import annotations

import math
import re
from datetime import date

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survey_tools.knowledge.kinds import CIRCUIT, KINDS, PAPER
from survey_tools.knowledge.load import load_entry
from survey_tools.knowledge.writer import WIDTH, entry_text, record_text
from survey_tools.knowledge.yaml_source import Source, parse

LOADERS = (yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else []))
"""Readers of YAML 1.1 that know nothing of us: PyYAML's own, and libyaml."""
PIECES = (
    *("yes", "No", "on", "OFF", "y", "null", "~", "true", "2211.00593", "2026-11-21", "1_000", "0x1F", "1:30", ".nan"),
    *("=", "<<", "- a", "? b", ": ", " #", "#", "a: b", "a #b", "'", '"', "\\", "{x}", "[y]", "a, b", "&a", "*a", "!t"),
    *("|", ">", "%", "@", "`", "---", "...", "why?", "é", "数", "😀", "\u00a0", "\u2028", "\u200b", "\x85", "\n", "\t"),
)
TEXTS = st.one_of(
    st.sampled_from(PIECES),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    st.lists(st.sampled_from((*PIECES, "words", "of", "a", "long", "sentence")), max_size=60).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
)
SCALARS = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers(-(10**17) + 1, 10**18 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
ENTRIES = st.dictionaries(
    st.sampled_from(("title", "authors", "summary", "claims", "x", "no", "5")), VALUES, min_size=1
)


def read(text: str) -> object:
    source = Source("x.yml", text)
    parse(source)
    assert source.problems == [], text
    return source.data


@settings(max_examples=100, deadline=None, derandomize=True)
@given(ENTRIES)
@example({"title": {}, "authors": [], "claims": [[], {}, [[1]], [{"a": []}]]})
@example({"title": "a " * 80 + "b", "authors": ["x" * 200], "claims": [{"a": "why?", "b": ["no"]}]})
@example({"x": {"k" * 130: 1000.0}, "title": {"k" * 130: []}, "claims": [{"k" * 130: ""}]})
@example({"x": [{"k" * 130: 1}], "title": "ends with a colon:"})
def test_every_reader_gets_back_what_was_written(data):
    text = entry_text(data, PAPER)
    assert same(read(text), data)
    for loader in LOADERS:
        assert same(yaml.load(text, Loader=loader), data), text
    assert entry_text(read(text), PAPER) == text


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ENTRIES)
def test_no_line_is_too_long_unless_one_word_or_one_key_is(data):
    for line in entry_text(data, PAPER).splitlines():
        assert len(line) <= WIDTH or not breakable(line), line


def breakable(line: str) -> bool:
    """A line of text that could have been folded: more than one word behind its key, and no quotes around them."""
    value = re.sub(r"^ *(- )*([^:'\"]*: )?", "", line)
    return " " in value.strip() and value.strip()[0] not in "'\"[{"


def same(one: object, other: object) -> bool:
    """Equal, in type too, whatever the order of keys."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("2211.00593", 'x: "2211.00593"'),
        ("2026-08", 'x: "2026-08"'),
        ("2026-11-21", 'x: "2026-11-21"'),
        ("no", 'x: "no"'),
        ("words", "x: words"),
        ("a: b", 'x: "a: b"'),
        ('a "b" c: d', "x: 'a \"b\" c: d'"),
        (1e22, "x: 1.0e+22"),
        (5, "x: 5"),
        (True, "x: true"),
        (None, "x: null"),
        ([], "x: []"),
        ({}, "x: {}"),
        (["a", "b, c"], 'x: [a, "b, c"]'),
        (["why?"], 'x: ["why?"]'),
        ([{"a": 1}], "x:\n  - {a: 1}"),
    ],
)
def test_how_values_are_written(value, written):
    assert entry_text({"x": value}, PAPER) == f"{PAPER.first_line}\n{written}\n"


def test_long_text_is_folded_and_long_rows_of_a_table_are_wrapped():
    row = {
        "model": "openai-community/gpt2",
        "where": "Fig. 2 and Sec. 3",
        "evidence": "official-code",
        "by": "x" * 60,
    }
    text = entry_text({"title": "word " * 40 + "end", "heads": [row]}, PAPER)
    assert text.splitlines()[1:] == [
        "title: >-",
        "  " + " ".join(["word"] * 23),
        "  " + " ".join(["word"] * 17) + " end",
        "heads:",
        "  - {model: openai-community/gpt2, where: Fig. 2 and Sec. 3, evidence: official-code,",
        f"     by: {'x' * 60}}}",
    ]


def test_fields_come_in_the_order_of_the_record_and_unknown_ones_last():
    data = {"zzz": 1, "kind": "theory", "title": "T", "ids": {"doi": "10.1/x", "arxiv": "2211.00593"}, "id": "a"}
    keys = re.findall(r"^(\w+):", entry_text(data, PAPER), re.MULTILINE)
    assert keys == ["id", "title", "ids", "kind", "zzz"]
    assert 'ids: {arxiv: "2211.00593", doi: 10.1/x}' in entry_text(data, PAPER)


@pytest.mark.parametrize("value", [b"bytes", {1}, object(), date(2026, 11, 21), math.inf, math.nan, 10**18])
def test_what_an_entry_cannot_hold_is_refused(value):
    for holder in (value, [value], [{"a": [value]}]):
        with pytest.raises(ValueError, match=r"an entry cannot hold .*: give text, a number, true, false, null"):
            entry_text({"x": holder}, PAPER)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_record_comes_back_from_its_file(tree, kind):
    """Of every kind, those of the small survey."""
    files = [file for file in (tree.root / kind.folder).glob("*.yml") if kind.only in (None, file.stem)]
    files = [file for file in files if kind.only or file.stem != "framework"]
    assert files
    for file in files:
        record, source = load_entry(file, kind, file.name)
        assert record is not None, source.problems
        file.write_text(record_text(record, kind), encoding="utf-8")
        assert load_entry(file, kind, file.name)[0] == record


def test_first_line_leads_to_the_schema_from_any_depth():
    assert entry_text({"id": "x"}, CIRCUIT).startswith(
        "# yaml-language-server: $schema=../../docs/schemas/circuit.schema.json\n"
    )
