"""Rules between files and what a finished survey owes; one breach a test."""

from __future__ import annotations

import pytest

from survey_tools.errors import KnowledgeError
from survey_tools.knowledge.check import check

PAPER = "papers/wang-2022-ioi.yml"
OTHER = "papers/olsson-2022-induction.yml"
TYPE = "head_taxonomy/induction.yml"
SECOND = "head_taxonomy/previous-token.yml"
THIRD = "head_taxonomy/name-mover.yml"
FRAMEWORK = "head_taxonomy/framework.yml"
CIRCUIT = "head_taxonomy/circuits/ioi.yml"
STAGING = "staging: {stage: LR, category: In-context Learning}"

# file, old text, new text, where the problem points (text of the new file), words
BREACHES = {
    "unknown head type": (
        PAPER, "id: induction, role", "id: inducton, role", "inducton",
        "head_types[1].id: no head type has the id 'inducton'; did you mean 'induction'?",
    ),
    "unknown head type of a head": (
        PAPER, "head_type: induction", "head_type: zzz", "zzz",
        "heads[1].head_type: no head type has the id 'zzz'; add head_taxonomy/zzz.yml or correct the id",
    ),
    "a type listed twice": (
        OTHER, "role: studies}", "role: studies}\n  - {id: induction, role: studies}", "induction, role: studies",
        "head_types[2].id: 'induction' is listed twice",
    ),
    "unknown paper of a circuit": (
        CIRCUIT, "paper: wang-2022-ioi", "paper: wang-2022-oi", "wang-2022-oi",
        "paper: no paper has the id 'wang-2022-oi'; did you mean 'wang-2022-ioi'?",
    ),
    "unknown type of a circuit": (
        CIRCUIT, "head_type: name-mover", "head_type: name-movers", "name-movers",
        "heads[1].head_type: no head type has the id 'name-movers'; did you mean 'name-mover'?",
    ),
    "unknown source of the framework": (
        FRAMEWORK, "source: olsson-2022-induction", "source: zheng-2024-survey", "zheng-2024-survey",
        "source: no paper has the id 'zheng-2024-survey'",
    ),
    "a framework head that nobody awaits": (
        FRAMEWORK, "awaited: [positional]", "awaited: []", "positional",
        "stages[0].categories[0].heads[1]: no head type has the id 'positional'; add its entry, or list it",
    ),
    "a framework head in two places": (
        FRAMEWORK, "heads: [induction]", "heads: [induction, positional]", "positional]}\nawaited",
        "stages[1].categories[0].heads[1]: 'positional' already stands under ICI, Overall Structure",
    ),
    "awaited although it is there": (
        FRAMEWORK, "awaited: [positional]", "awaited: [positional, name-mover]", "name-mover]",
        "awaited[1]: 'name-mover' has an entry: head_taxonomy/name-mover.yml; remove it from awaited",
    ),
    "two papers, one arXiv id": (
        PAPER, '"2211.00593"', '"2209.11895"', '"2209.11895"',
        "ids.arxiv: '2209.11895' already belongs to papers/olsson-2022-induction.yml",
    ),
    "an alias that is another type's name": (
        THIRD, "aliases: [NMH]", "aliases: [induction_heads]", "induction_heads",
        "aliases[0]: 'induction_heads' already names head_taxonomy/induction.yml (as 'induction')",
    ),
    "an alias that two types claim": (
        THIRD, "aliases: [NMH]", "aliases: [Pattern_Completion Heads]", "Pattern_Completion",
        "aliases[0]: 'Pattern_Completion Heads' already names head_taxonomy/induction.yml",
    ),
    "unknown type of a relation": (
        TYPE, "id: name-mover", "id: namemover", "namemover",
        "relations[1].id: no head type has the id 'namemover'; did you mean 'name-mover'?",
    ),
    "a relation to an awaited type": (
        TYPE, "id: name-mover", "id: positional", "positional",
        "relations[1].id: no head type has the id 'positional'",
    ),
    "a relation to itself": (
        TYPE, "kind: confused_with, id: name-mover", "kind: confused_with, id: induction", "induction}",
        "relations[1].id: relates the type to itself",
    ),
    "a relation written on both sides": (
        THIRD, "kind: inhibits, id: previous-token", "kind: confused_with, id: induction", "induction}",
        "relations[0].id: confused_with induction is already written in head_taxonomy/induction.yml; write a relation",
    ),
    "a variant of itself": (
        TYPE, "kind: confused_with, id: name-mover", "kind: variant_of, id: induction", "induction}",
        "relations[1].id: variant_of goes in a circle: induction -> induction",
    ),
    "a paper's head outside the model": (
        PAPER, "layer: 9, head: 9", "layer: 12, head: 9", "{model: openai-community/gpt2, layer: 12",
        "heads[0]: L12H9 is outside openai-community/gpt2: 12 layers of 12 heads, counted from 0; see models",
    ),
    "a claim's head outside the model": (
        PAPER, "heads: [L9H9]", "heads: [L9H12]", "L9H12", "claims[0].heads[0]: L9H12 is outside openai-community/gpt2",
    ),
    "a circuit's head outside the model": (
        CIRCUIT, "L10H0", "L12H0", "L12H0", "heads[1].heads[1]: L12H0 is outside openai-community/gpt2",
    ),
    "a paper's notebook": (
        OTHER, "notebook: repeated-tokens", "notebook: repeated-token", "repeated-token",
        "reproduction.notebook: notebooks/repeated-token.py does not exist; did you mean 'repeated-tokens'?",
    ),
    "a type's notebook": (
        TYPE, "notebook: repeated-tokens", "notebook: zzz", "zzz",
        "detection.notebook: notebooks/zzz.py does not exist; write it, or give a plan under planned",
    ),
    "another stage than the framework's": (
        TYPE, STAGING, STAGING.replace("LR", "ICI"), "{stage: ICI",
        "staging: the framework places this type at LR, In-context Learning; write staging: {stage: LR",
    ),
    "another category than the framework's": (
        TYPE, STAGING, STAGING.replace("In-context", "Overall"), "Overall",
        "staging.category: the framework places this type at LR, In-context Learning",
    ),
    "a suggestion for what the framework places": (
        TYPE, STAGING, STAGING.replace("}", ", suggested: true}"), "{stage",
        "staging: the framework places this type at LR",
    ),
    "no staging for what the framework places": (
        TYPE, STAGING, "staging: null", "null", "staging: the framework places this type at LR",
    ),
    "staged as a fact, but not by the framework": (
        THIRD, ", suggested: true", "", "{stage",
        "staging: the framework does not place this type, so ICI can only be a suggestion",
    ),
    "a suggested category that the stage has not": (
        THIRD, "Syntactic Information", "Sintactic Information", "Sintactic",
        "staging.category: 'Sintactic Information' is no category of ICI; did you mean 'Syntactic Information'?",
    ),
    "a type that no paper treats": (
        OTHER, "id: previous-token, role: studies", "id: previous-token, role: applies", None,
        "no paper introduces or studies this type; add it to the paper's head_types",
    ),
}  # fmt: skip


@pytest.mark.parametrize("breach", BREACHES)
def test_breach(tree, breach):
    path, old, new, where, words = BREACHES[breach]
    tree.replace(path, old, new)
    problem = tree.only()
    assert words in str(problem)
    if where is None:  # noticed in another file, as a whole
        assert (problem.path, problem.line, problem.column) == (SECOND, 2, 1)
    else:
        text = tree.text(path)
        offset = text.rindex(where)
        line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
        assert (problem.path, problem.line, problem.column) == (path, line, column)


def test_a_circle_of_variants_is_shown_whole_and_once(tree):
    tree.replace(TYPE, "kind: confused_with, id: name-mover", "kind: variant_of, id: name-mover")
    tree.replace(THIRD, "kind: inhibits, id: previous-token", "kind: variant_of, id: previous-token")
    tree.write(SECOND, tree.text(SECOND) + "relations: [{kind: variant_of, id: induction}]\n")
    problem = tree.only()
    assert (problem.path, problem.line, problem.column) == (SECOND, 10, 36)
    assert "goes in a circle: induction -> name-mover -> previous-token -> induction" in problem.message


def test_variants_in_a_diamond_are_no_circle(tree):
    tree.replace(TYPE, "kind: confused_with, id: name-mover", "kind: variant_of, id: name-mover")
    tree.replace(TYPE, "kind: composes_with, id", "kind: variant_of, id")
    tree.replace(THIRD, "kind: inhibits, id: previous-token", "kind: variant_of, id: previous-token")
    assert tree.check() == []


def test_many_diamonds_are_walked_once(tree):
    """25 layers of two types, each a variant of both above: 2^25 ways up, found in no time."""
    template = tree.text(THIRD).replace("  - {kind: inhibits, id: previous-token}\n", "")
    template = template.replace("aliases: [NMH]\n", "")
    for layer in range(25):
        for side in "ab":
            name = f"layer{layer}{side}"
            text = template.replace("id: name-mover", f"id: {name}").replace("Name Mover Head", f"Head {name}")
            up = [f"  - {{kind: variant_of, id: layer{layer - 1}{other}}}\n" for other in "ab"] if layer else ["  []\n"]
            text = text.replace("relations:\n", "relations:\n" + "".join(up))
            tree.write(f"head_taxonomy/{name}.yml", text)
    assert {problem.message for problem in tree.check()} == {"no paper introduces or studies this type"}


def test_mutual_inhibition_is_two_facts(tree):
    tree.write(SECOND, tree.text(SECOND) + "relations: [{kind: inhibits, id: name-mover}]\n")
    assert tree.check() == []


def test_awaited_types_may_be_named_in_papers_and_circuits(tree):
    tree.replace(PAPER, "id: name-mover, role: introduces", "id: positional, role: applies")
    tree.replace(OTHER, "id: previous-token, role", "id: name-mover, role")
    tree.replace(CIRCUIT, "head_type: name-mover", "head_type: positional")
    assert {problem.field for problem in tree.check()} == {""}  # previous-token lost its paper, nothing else


def test_a_broken_file_is_reported_once_and_not_as_missing(tree):
    tree.replace(TYPE, "schema_version: 1", "schema_version: 2")
    assert tree.only().field == "schema_version"
    tree.replace(TYPE, "schema_version: 2", "schema_version: 1")
    tree.replace(PAPER, "schema_version: 1", "schema_version: 2")
    assert tree.only().field == "schema_version"


def test_framework_must_be_there(tree):
    (tree.root / FRAMEWORK).unlink()
    assert str(tree.only()).startswith("head_taxonomy/framework.yml:1:1: does not exist")


def test_problems_of_all_files_come_sorted(tree):
    tree.replace(PAPER, "relevance: core", "relevance: cor")
    tree.replace(OTHER, "relevance: core", "relevance: cor")
    tree.replace(TYPE, "id: name-mover", "id: zzz")
    problems = tree.check()
    assert [problem.path for problem in problems] == [TYPE, OTHER, PAPER]
    assert problems == sorted(problems)


def test_paths_choose_what_is_reported(tree, monkeypatch):
    tree.replace(PAPER, "relevance: core", "relevance: cor")
    tree.replace(TYPE, "id: name-mover", "id: zzz")
    assert [p.path for p in check(tree.root, ["papers"])] == [PAPER]
    assert [p.path for p in check(tree.root, [tree.root / TYPE])] == [TYPE]
    assert check(tree.root, [OTHER]) == []
    assert len(check(tree.root, [tree.root])) == 2
    monkeypatch.chdir(tree.root / "papers")
    assert [p.path for p in check(tree.root, ["wang-2022-ioi.yml"])] == [PAPER]


def test_a_path_that_is_not_there(tree):
    with pytest.raises(KnowledgeError, match=r"cannot check papers/nothing\.yml: there is no such file"):
        check(tree.root, ["papers/nothing.yml"])


def test_a_path_outside(tree, tmp_path):
    with pytest.raises(KnowledgeError, match="lies outside"):
        check(tree.root, [tmp_path])
