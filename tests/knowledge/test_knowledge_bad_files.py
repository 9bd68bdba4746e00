"""What a contributor may get wrong inside one file: each with the place and the words of the answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from survey_tools.knowledge import yaml_source
from survey_tools.knowledge.load import load_entries
from survey_tools.knowledge.problems import Problem
from survey_tools.knowledge.survey import load_survey

PAPER = "papers/wang-2022-ioi.yml"
OTHER = "papers/olsson-2022-induction.yml"
TYPE = "head_taxonomy/induction.yml"
MODEL = "models/gpt2-small.yml"


def expect(problem: Problem, path: str, line: int, column: int, *words: str) -> None:
    assert (problem.path, problem.line, problem.column) == (path, line, column), str(problem)
    for word in words:
        assert word in str(problem), str(problem)


def test_the_good_tree_has_no_problem(tree):
    assert tree.check() == []


# ---------------------------------------------------------------- bytes and files


def test_latin_1_is_refused_at_the_byte(tree):
    tree.write(PAPER, tree.text(PAPER).replace("Kevin", "Kévin").encode("latin-1"))
    expect(tree.only(), PAPER, 5, 12, "is not UTF-8: byte 0xE9", "save the file as UTF-8")


def test_utf_16_is_named(tree):
    tree.write(PAPER, tree.text(PAPER).encode("utf-16"))
    expect(tree.only(), PAPER, 1, 1, "is UTF-16", "save the file as UTF-8")


def test_byte_order_mark(tree):
    tree.write(PAPER, b"\xef\xbb\xbf" + tree.text(PAPER).encode())
    expect(tree.only(), PAPER, 1, 1, "starts with a byte order mark", "UTF-8 without BOM")


def test_tab(tree):
    tree.replace(PAPER, "  code: https", "\tcode: https")
    expect(tree.only(), PAPER, 11, 1, "holds a tab", "use spaces")


def test_text_that_turns_direction(tree):
    tree.replace(PAPER, "no notebook yet", "no \u202enotebook yet")
    expect(tree.only(), PAPER, 27, 24, "invisible character U+202E")


def test_empty_file(tree):
    tree.write(PAPER, " \n\n")
    expect(first(tree, PAPER), PAPER, 1, 1, "is empty")


def test_only_comments(tree):
    tree.write(PAPER, "# yaml-language-server: $schema=../docs/schemas/paper.schema.json\n")
    expect(first(tree, PAPER), PAPER, 2, 1, "holds only comments")


def test_50_mb_are_refused_without_reading_them(tree, monkeypatch):
    with (tree.root / PAPER).open("wb") as file:
        file.truncate(50_000_000)
    opened = []
    original = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *a, **k: (opened.append(self.name), original(self, *a, **k))[1])
    expect(first(tree, PAPER), PAPER, 1, 1, "is 50.0 MB large", "at most 1 MB")
    assert "wang-2022-ioi.yml" not in opened
    assert "olsson-2022-induction.yml" in opened


def test_directory_named_like_an_entry(tree):
    (tree.root / "papers/x.yml").mkdir()
    expect(tree.only(), "papers/x.yml", 1, 1, "is a folder, not a file")


def test_link_to_nothing(tree):
    (tree.root / "papers/x.yml").symlink_to("nowhere")
    expect(tree.only(), "papers/x.yml", 1, 1, "cannot be read", "No such file")


def test_unreadable_file(tree, monkeypatch):
    original = Path.open

    def refuse(self, *args, **kwargs):
        if self.name == "wang-2022-ioi.yml":
            raise PermissionError(13, "Permission denied")
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    expect(first(tree, PAPER), PAPER, 1, 1, "cannot be read: Permission denied")


def test_a_pipe_does_not_block(tree):
    os.mkfifo(tree.root / "papers/x.yml")
    expect(tree.only(), "papers/x.yml", 1, 1, "is not an ordinary file")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("papers/x.yaml", "rename it to x.yml"),
        ("papers/x.YML", "rename it to x.yml"),
        ("models/notes.txt", "is not an entry"),
    ],
)
def test_a_file_that_would_be_skipped_is_reported(tree, name, words):
    tree.write(name, "anything")
    expect(tree.only(), name, 1, 1, words)


def test_a_folder_that_would_be_skipped_is_reported(tree):
    tree.write("papers/2024/x.yml", "anything")
    expect(tree.only(), "papers/2024", 1, 1, "is a folder; entries lie directly in papers")


def test_readme_and_hidden_files_are_no_entries(tree):
    tree.write("papers/README.md", "words")
    tree.write("papers/.gitkeep", "")
    assert tree.check() == []


# ---------------------------------------------------------------- YAML


def test_duplicate_key(tree):
    tree.replace(PAPER, "relevance: core\n", "relevance: core\nrelevance: related\n")
    expect(tree.only(), PAPER, 14, 1, "relevance: is written twice, first in line 13")


def test_duplicate_key_inside(tree):
    tree.replace(PAPER, '  arxiv: "2211.00593"\n', '  arxiv: "2211.00593"\n  arxiv: "2211.00594"\n')
    expect(tree.only(), PAPER, 10, 3, "ids.arxiv: is written twice, first in line 9")


def test_anchor(tree):
    tree.replace(PAPER, "missing: [summary]", "missing: &all [summary]")
    expect(first(tree, PAPER), PAPER, 14, 10, "missing: holds the anchor &all", "anchors and aliases are refused")


def test_alias(tree):
    tree.replace(PAPER, "missing: [summary]", "missing: [*all]")
    expect(first(tree, PAPER), PAPER, 14, 11, "missing[0]: holds the alias *all", "anchors and aliases are refused")


def test_alias_bomb_stops_at_the_first_anchor(tree):
    bomb = ['a0: &a0 ["lol"]'] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    tree.write(PAPER, tree.text(PAPER) + "\n".join(bomb) + "\n")
    expect(first(tree, PAPER), PAPER, 28, 5, "a0: holds the anchor &a0")
    assert sum(problem.path == PAPER for problem in tree.check()) == 1


def test_deep_nesting(tree):
    tree.replace(PAPER, "missing: [summary]", "missing: " + "[" * 900 + "]" * 900)
    problem = first(tree, PAPER)
    assert "is nested more than 16 deep" in str(problem)
    assert problem.line == 14


def test_tag(tree):
    tree.replace(PAPER, "relevance: core", "relevance: !!python/name:os.system core")
    expect(first(tree, PAPER), PAPER, 13, 12, "relevance: holds the tag", "python/name:os.system", "tags are refused")


def test_second_document(tree):
    tree.write(PAPER, tree.text(PAPER) + "---\nid: other\n")
    expect(tree.only(), PAPER, 28, 1, "holds a second document")


def test_syntax_error(tree):
    tree.replace(PAPER, "missing: [summary]", "missing: a: b")
    expect(first(tree, PAPER), PAPER, 14, 11, "is not valid YAML", "mapping values are not allowed", "in quotes")


@pytest.mark.parametrize(("text", "found"), [("- a\n- b\n", "a list"), ("words\n", "'words'"), ("5\n", "5")])
def test_something_else_where_the_entry_is_due(tree, text, found):
    first_line = tree.text(PAPER).splitlines()[0]
    tree.write(PAPER, f"{first_line}\n{text}")
    expect(first(tree, PAPER), PAPER, 2, 1, "must be a mapping of 'key: value' lines", f"not {found}")


def test_list_where_a_mapping_is_due(tree):
    tree.replace(PAPER, '  arxiv: "2211.00593"', "  - arxiv")
    expect(tree.only(), PAPER, 9, 3, "ids: must be a mapping, not a list")


def test_text_where_a_list_is_due(tree):
    tree.replace(PAPER, "authors: [Kevin Wang, Alexandre Variengien]", "authors: Kevin Wang")
    expect(tree.only(), PAPER, 5, 10, "authors: must be a list, not 'Kevin Wang'", "'- '")


def test_key_that_is_not_text(tree):
    tree.replace(OTHER, "seeds: [0, 1]", "5: 1")
    expect(tree.only(), OTHER, 17, 28, "reproduction.parameters: has the key 5, which is not text", "write '5'")


def test_key_that_is_a_list(tree):
    tree.replace(OTHER, "parameters: {length: 50, seeds: [0, 1]}", "? [a, b]\n  : 1")
    expect(first(tree, OTHER), OTHER, 17, 5, "has a key that is not text")


# ---------------------------------------------------------------- scalars


def test_arxiv_number_without_quotes(tree):
    tree.replace(PAPER, '"2211.00593"', "2310.04620")
    expect(tree.only(), PAPER, 9, 10, "ids.arxiv: 2310.04620 is read as a number", "write '2310.04620' in quotes")


def test_arxiv_address_instead_of_the_number(tree):
    tree.replace(PAPER, '"2211.00593"', "https://arxiv.org/abs/2211.00593v2")
    expect(tree.only(), PAPER, 9, 10, "must be an arXiv number", "without address or version", "write '2211.00593'")


@pytest.mark.parametrize("word", ["no", "Yes", "ON", "off"])
def test_yes_and_no_are_never_booleans_in_silence(tree, word):
    tree.replace(PAPER, "not_reproducible: no notebook yet", f"not_reproducible: {word}")
    expect(
        tree.only(),
        PAPER,
        27,
        21,
        "reproduction.not_reproducible",
        "truth value",
        f"quote it when it is text: '{word}'",
    )


def test_a_file_with_a_problem_gives_no_record(tree):
    tree.replace(PAPER, "not_reproducible: no notebook yet", "not_reproducible: no")
    entries = load_entries(tree.root)
    assert set(entries.papers) == {"olsson-2022-induction"}
    assert entries.broken["paper"] == {"wang-2022-ioi"}


def test_no_where_a_boolean_is_due(tree):
    tree.replace(MODEL, "tier: cpu", "tier: cpu\ndefault: no")
    expect(tree.only(), MODEL, 14, 10, "default: no without quotes", "write true or false")


def test_quoted_no_is_text(tree):
    tree.replace(PAPER, "not_reproducible: no notebook yet", "not_reproducible: 'no'")
    assert tree.check() == []


def test_true_where_text_is_due(tree):
    tree.replace(PAPER, "metric: logit difference", "metric: true")
    expect(tree.only(), PAPER, 25, 14, "claims[0].metric: true is read as a truth value", "write 'true' in quotes")


def test_unquoted_date_stays_text(tree):
    tree.replace(PAPER, '"2022-11-01"', "2022-11-01")
    assert tree.check() == []


def test_unquoted_year(tree):
    tree.replace(PAPER, '"2022-11-01"', "2022")
    expect(tree.only(), PAPER, 6, 12, "published: 2022 is read as a number", "write '2022' in quotes")


@pytest.mark.parametrize("number", ["1e999", ".nan", "-.inf", "1" * 5000])
def test_numbers_that_are_none(tree, number):
    tree.replace(PAPER, "value: 3.5", f"value: {number}")
    problem = tree.only()
    assert (problem.path, problem.line, problem.column, problem.field) == (PAPER, 25, 39, "claims[0].value")


def test_date_that_does_not_exist(tree):
    tree.replace(PAPER, '"2022-11-01"', '"2023-02-29"')
    expect(tree.only(), PAPER, 6, 12, "published: is a date that does not exist: '2023-02-29'")


# ---------------------------------------------------------------- fields


def test_unknown_key(tree):
    tree.replace(PAPER, "missing: [summary]", "missing: [summary]\nvenu: ICLR")
    expect(tree.only(), PAPER, 15, 1, "venu: is not a known key", "did you mean 'venue'?")


def test_unknown_key_inside_a_list(tree):
    tree.replace(PAPER, "role: studies, name_used: Induction Head", "role: studies, nameused: Induction Head")
    expect(tree.only(), PAPER, 17, 36, "head_types[1].nameused: is not a known key", "did you mean 'name_used'?")


def test_missing_key_points_at_the_mapping(tree):
    tree.replace(PAPER, "relevance: core\n", "")
    expect(tree.only(), PAPER, 2, 1, "relevance: is missing", "add 'relevance:'")


def test_wrong_choice(tree):
    tree.replace(PAPER, "role: introduces", "role: introduced")
    expect(tree.only(), PAPER, 16, 28, "must be introduces, studies, applies or disputes", "did you mean 'introduces'?")


def test_misspelt_member_of_a_union_names_the_one_that_was_meant(tree):
    tree.replace(PAPER, "not_reproducible: no", "not_reproducable: no")
    fields = {problem.field: problem for problem in tree.check()}
    assert set(fields) == {"reproduction.not_reproducable", "reproduction.not_reproducible"}
    expect(fields["reproduction.not_reproducable"], PAPER, 27, 3, "did you mean 'not_reproducible'?")
    missing = fields["reproduction.not_reproducible"]
    expect(missing, PAPER, 27, 3, "is missing", "or 'notebook:' or 'planned:' in its place")


def test_neither_member_of_a_union(tree):
    tree.replace(PAPER, "  not_reproducible: no notebook yet", "  later")
    words = "must be a mapping with notebook, a mapping with not_reproducible or a mapping with planned, not 'later'"
    expect(tree.only(), PAPER, 27, 3, f"reproduction: {words}")


def test_member_chosen_by_its_kind(tree):
    tree.replace(MODEL, "kind: hub", "kind: hubs")
    expect(tree.only(), MODEL, 7, 16, "source.kind: must be package, hub, planted or trained", "did you mean 'hub'?")


def test_wrong_value_deep_in_a_union(tree):
    tree.replace(OTHER, "seeds: [0, 1]", "seeds: [0, {a: 1}]")
    problem = tree.only()
    expect(problem, OTHER, 17, 39, "reproduction.parameters.seeds[1]: must be text, a number or true or false")


def test_several_problems_of_one_file_are_all_reported(tree):
    tree.replace(PAPER, "relevance: core", "relevance: cor")
    tree.replace(PAPER, "layer: 9", "layer: -9")
    tree.replace(PAPER, "date_source: arxiv-v1", "date_source: off")
    assert [problem.field for problem in tree.check()] == ["date_source", "relevance", "heads[0].layer"]


def test_id_that_is_not_the_file_name(tree):
    tree.replace(PAPER, "id: wang-2022-ioi", "id: wang-2022-oi")
    problem = first(tree, PAPER)
    expect(problem, PAPER, 3, 5, "id: is 'wang-2022-oi', but the file is called wang-2022-ioi.yml", "rename")


def test_a_file_whose_name_cannot_be_an_id(tree):
    path = "papers/My_Paper.yml"
    tree.write(path, tree.text(PAPER))
    (problem,) = (problem for problem in tree.check() if problem.path == path)
    assert problem.hint == "rename the file to wang-2022-ioi.yml"


def test_id_that_climbs_out_of_its_folder(tree):
    tree.replace(PAPER, "id: wang-2022-ioi", "id: ../../etc/passwd")
    expect(
        tree.only(), PAPER, 3, 5, "id: must be an id of lower-case letters, digits and hyphens", "'../../etc/passwd'"
    )


def test_wheel_member_that_climbs_out(tree):
    digest = "a" * 64
    wheel = f"{{name: w, version: '1', sha256: {digest}, member: a/../../b}}"
    source = f"{{kind: package, format: gguf, sha256: {digest}, bytes: 1, wheels: [{wheel}]}}"
    line = next(line for line in tree.text(MODEL).splitlines() if line.startswith("source:"))
    tree.replace(MODEL, line, f"source: {source}")
    problem = tree.only()
    assert (problem.line, problem.field) == (7, "source.wheels[0].member")
    assert "without '..'" in problem.message


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "//host/x", 'https://x"onload=y'])
def test_links_that_are_no_web_addresses(tree, link):
    tree.replace(PAPER, "https://github.com/redwoodresearch/Easy-Transformer", f"'{link}'")
    expect(tree.only(), PAPER, 11, 9, "links.code: is not a web address", "https://")


@pytest.mark.parametrize(
    "title",
    ["<script>alert(1)</script>", "**bold** [x](javascript:alert(1))", "A < B & {{ site }} | `x`", "# heading"],
)
def test_markup_in_a_title_is_kept_as_it_is(tree, title):
    tree.replace(OTHER, "title: In-context Learning and Induction Heads", f"title: '{title}'")
    assert tree.check() == []
    assert load_survey(tree.root).papers["olsson-2022-induction"].title == title


def test_first_line_names_the_schema(tree):
    path = "head_taxonomy/circuits/ioi.yml"
    tree.write(path, tree.text(path).split("\n", 1)[1])
    line = "# yaml-language-server: $schema=../../docs/schemas/circuit.schema.json"
    expect(tree.only(), path, 1, 1, "must start with its $schema line", f"write as line 1: {line}")


def test_the_slow_reader_says_the_same(tree, monkeypatch):
    """Where PyYAML was built without libyaml."""
    tree.replace(PAPER, "relevance: core\n", "relevance: cor\nrelevance: related\n")
    tree.replace(OTHER, '"2209.11895"', "2209.11895")
    fast = tree.check()
    assert len(fast) == 3
    monkeypatch.setattr(yaml_source, "Loader", yaml.BaseLoader)
    assert tree.check() == fast


def test_windows_line_ends_are_fine(tree):
    tree.write(PAPER, tree.text(PAPER).replace("\n", "\r\n"))
    assert tree.check() == []


def test_a_value_cannot_write_a_line_of_its_own_into_the_report(tree):
    tree.replace(PAPER, "relevance: core", 'relevance: "x\\n::error::y\\e[31m"')
    text = str(tree.only())
    assert "\n" not in text
    assert "\x1b" not in text
    assert "x\\n::error::y\\x1b[31m" in text


# ---------------------------------------------------------------- schemes and background

SCHEME = "head_taxonomy/schemes/stacks.yml"
METHODS = "background/methods.yml"
BENCHMARKS = "background/benchmarks.yml"
GLOSSARY = "background/glossary.yml"
QUESTIONS = "background/open-questions.yml"

# file, old text, new text, where the problem points (text of the new file), words
OTHER_KINDS = {
    "a scheme without stacks": (SCHEME, "stacks:\n", "stakcs:\n", "stakcs", "is not a known key", "'stacks'?"),
    "a depth of one number": (SCHEME, "depth: [0.6, 0.9]", "depth: [0.6]", "[0.6]", "depth[1]: is missing"),
    "a depth in words": (SCHEME, "depth: [0.6, 0.9]", "depth: late", "late,", "depth: must be a list, not 'late'"),
    "bands in a list": (SCHEME, "{Early: [0.0, 0.5], Late: [0.5, 1.0]}", "[Early]", "[Early]", "must be a mapping"),
    "a year without quotes": (SCHEME, '"2025"', "2025", "2025", "published: 2025 is read as a number", "in quotes"),
    "a link that is none": (SCHEME, "https://example.org", "example.org", "example.org", "is not a web address"),
    "a group without a name": (METHODS, "name: Replacement", "title: Replacement", "title", "is not a known key"),
    "ours in words": (METHODS, "name: Mean ablation", "ours: no, name: Mean", "no, name", "write true or false"),
    "a method with a bad id": (METHODS, "id: mean-ablation", "id: Mean_Ablation", "Mean_A", "write 'mean-ablation'"),
    "a table of a third sort": (BENCHMARKS, "id: mechanism", "id: mechanisms", "mechanisms\n", "must be mechanism or"),
    "a month without quotes": (BENCHMARKS, "released: 2022-11", "released: 2022", "2022,", "write '2022' in quotes"),
    "a benchmark in words": (BENCHMARKS, "    benchmarks:\n", "    benchmark:\n", "benchmark:", "not a known key"),
    "a term without meaning": (GLOSSARY, "meaning: Taking something away.", "meaning: ''", "''", "is empty; leave"),
    "aliases that are text": (GLOSSARY, "term: Copying,", "term: Copying, aliases: x,", "x,", "must be a list"),
    "a term that is a list": (GLOSSARY, "term: Copying", "term: [Copying]", "[Copying]", "must be text, not a list"),
    "an empty question": (QUESTIONS, "why: One model was read.", "why: null", "null", "is empty, but must be text"),
    "a question mark in a list": (QUESTIONS, "papers: [wang-2022-ioi]", "papers: [wang?]", "wang?", "write 'wang'"),
    "a second id": (QUESTIONS, "id: transfer", "id: transfer, id: other", "id: other", "is written twice, first in"),
    "another id": (QUESTIONS, "id: open-questions", "id: questions", "questions\nname", "the file is called open-q"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHER_KINDS)
def test_entries_of_the_other_kinds(tree, case):
    path, old, new, where, *words = OTHER_KINDS[case]
    tree.replace(path, old, new)
    text = tree.text(path)
    offset = text.index(where)
    place = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    problems = [problem for problem in tree.check() if (problem.line, problem.column) == place]
    assert {problem.path for problem in tree.check()} == {path}
    assert all(word in "\n".join(map(str, problems)) for word in words), "\n".join(map(str, tree.check()))


@pytest.mark.parametrize(
    ("name", "hint"),
    [("method", "did you mean 'methods.yml'?"), ("zzz", "background holds methods.yml, benchmarks.yml, glossary.yml")],
)
def test_a_file_of_a_wrong_name_in_background(tree, name, hint):
    tree.write(f"background/{name}.yml", "anything")
    problem = tree.only()
    expect(problem, f"background/{name}.yml", 1, 1, "is none of the files of this folder", hint)


def test_a_folder_in_background(tree):
    tree.write("background/methods/zero.yml", "anything")
    expect(tree.only(), "background/methods", 1, 1, "is a folder; entries lie directly in background")


def test_a_question_mark_that_other_readers_stumble_over_is_fine_for_ours(tree):
    tree.replace(QUESTIONS, '"Is it the same elsewhere?"', "Is it the same elsewhere?")
    assert tree.check() == []


def first(tree, path: str) -> Problem:
    """The first problem of a file whose absence others may notice too (a paper that a circuit names)."""
    return next(problem for problem in tree.check() if problem.path == path)
