"""The JSON Schemas that editors read: committed as generated, and of one mind with the loader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import pytest
import yaml
from jsonschema import Draft202012Validator

from survey_tools.knowledge.fault_words import PATTERN_WORDS
from survey_tools.knowledge.kinds import HEAD_TYPE, KINDS, PAPER, kind_of
from survey_tools.knowledge.records import ID_PATTERN, MODEL_ID_PATTERN
from survey_tools.knowledge.schemas import schema, schema_text, write_schemas


class PlainDates(yaml.SafeLoader):
    """An editor's reader, which follows YAML 1.2: a date without quotes is text."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_committed_schema_is_the_generated_one(kind):
    committed = REPOSITORY / "docs/schemas" / kind.schema_file
    assert committed.read_text(encoding="utf-8") == schema_text(kind), "run: python -m survey_tools.knowledge.schemas"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_schema_is_a_schema(kind):
    Draft202012Validator.check_schema(schema(kind))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_good_entries_pass(tree, kind):
    """Those of the small survey and those of this repository."""
    validator = Draft202012Validator(schema(kind))
    files = [
        file
        for root in (tree.root, REPOSITORY)
        for file in (root / kind.folder).glob("*.yml")
        if kind_of(kind.folder, file.stem) is kind
    ]
    assert files
    for file in files:
        entry = yaml.load(file.read_text(encoding="utf-8"), Loader=PlainDates)
        assert [error.message for error in validator.iter_errors(entry)] == [], file.name


def test_schema_underlines_what_the_loader_refuses(tree):
    entry = yaml.safe_load(tree.text("papers/wang-2022-ioi.yml"))
    validator = Draft202012Validator(schema(PAPER))
    for change in ({"relevance": "cor"}, {"venu": "x"}, {"id": "../x"}, {"ids": {"arxiv": 2211.00593}}, {"title": 5}):
        assert not validator.is_valid(entry | change), change


def test_write_schemas_writes_only_what_changed(tmp_path):
    assert len(write_schemas(tmp_path / "schemas")) == len(KINDS)
    assert write_schemas(tmp_path / "schemas") == []
    changed = tmp_path / "schemas" / HEAD_TYPE.schema_file
    changed.write_text("{}")
    assert write_schemas(tmp_path / "schemas") == [changed]


def test_every_first_line_leads_to_the_schema():
    for kind in KINDS:
        relative = kind.first_line.split("$schema=")[1]
        target = (REPOSITORY / kind.folder / relative).resolve()
        assert target == REPOSITORY / "docs/schemas" / kind.schema_file
        assert target.is_file()


def test_every_pattern_of_the_records_has_words():
    """A contributor is told what is due in words, never by a regular expression."""
    unnamed = []

    def visit(node, field):
        if isinstance(node, dict):
            pattern = node.get("pattern")
            if (
                isinstance(pattern, str)
                and pattern not in (ID_PATTERN, MODEL_ID_PATTERN)
                and field not in PATTERN_WORDS
            ):
                unnamed.append((field, pattern))
            for key, value in node.items():
                inner = value.items() if key == "properties" else [(field, value)]
                for name, child in inner:
                    visit(child, name)
        elif isinstance(node, list):
            for child in node:
                visit(child, field)

    for kind in KINDS:
        visit(schema(kind), "")
    assert unnamed == []
    assert re.search(r'"pattern"', schema_text(PAPER))  # there was something to visit
