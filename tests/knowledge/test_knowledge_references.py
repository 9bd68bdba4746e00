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
SCHEME = "head_taxonomy/schemes/stacks.yml"
METHODS = "background/methods.yml"
BENCHMARKS = "background/benchmarks.yml"
GLOSSARY = "background/glossary.yml"
QUESTIONS = "background/open-questions.yml"
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
    "an arXiv id, and the DOI that arXiv gives to it": (
        PAPER, 'arxiv: "2211.00593"', "doi: 10.48550/arXiv.2209.11895", "10.48550",
        "ids.doi: '10.48550/arXiv.2209.11895' already belongs to papers/olsson-2022-induction.yml",
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
    "a method that the tree has not": (
        OTHER, "methods: [zero-ablation]", "methods: [zero-ablations]", "zero-ablations",
        "methods[0]: no method has the id 'zero-ablations'; did you mean 'zero-ablation'?",
    ),
    "a method like no other": (
        OTHER, "methods: [zero-ablation]", "methods: [zzz]", "zzz",
        "methods[0]: no method has the id 'zzz'; add 'zzz' to background/methods.yml or correct the id",
    ),
    "a method listed twice": (
        OTHER, "methods: [zero-ablation]", "methods: [zero-ablation, zero-ablation]", "zero-ablation]",
        "methods[1]: 'zero-ablation' is listed twice; keep one of them",
    ),
    "unknown source of the methods": (
        METHODS, "source: olsson-2022-induction", "source: olsson-2022-inductions", "olsson-2022-inductions",
        "source: no paper has the id 'olsson-2022-inductions'; did you mean 'olsson-2022-induction'?",
    ),
    "a method named for an unknown paper": (
        METHODS, "named_for: [wang-2022-ioi]", "named_for: [wang-2022-ioi, zzz]", "zzz",
        "groups[0].groups[0].methods[0].named_for[1]: no paper has the id 'zzz'; add papers/zzz.yml or correct the id",
    ),
    "two methods of one id": (
        METHODS, "id: mean-ablation", "id: zero-ablation", "zero-ablation",
        "groups[0].groups[0].methods[1].id: 'zero-ablation' is listed twice",
    ),
    "a method called like its group": (
        METHODS, "id: mean-ablation", "id: replacement", "replacement",
        "groups[0].groups[0].methods[1].id: 'replacement' is listed twice",
    ),
    "unknown source of the benchmarks": (
        BENCHMARKS, "source: olsson-2022-induction", "source: zzz", "zzz", "source: no paper has the id 'zzz'",
    ),
    "unknown paper of a benchmark": (
        BENCHMARKS, "paper: wang-2022-ioi", "paper: wang-2022-ioy", "wang-2022-ioy",
        "tables[0].benchmarks[0].paper: no paper has the id 'wang-2022-ioy'; did you mean 'wang-2022-ioi'?",
    ),
    "unknown paper of a term": (
        GLOSSARY, "papers: [wang-2022-ioi]", "papers: [zzz]", "zzz", "terms[0].papers[0]: no paper has the id 'zzz'",
    ),
    "unknown head type of a term": (
        GLOSSARY, "head_types: [induction]", "head_types: [inducton]", "inducton",
        "terms[1].head_types[0]: no head type has the id 'inducton'; did you mean 'induction'?",
    ),
    "two terms of one id": (
        GLOSSARY, "id: copying", "id: ablation", "ablation", "terms[1].id: 'ablation' is listed twice",
    ),
    "unknown paper of a question": (
        QUESTIONS, "papers: [wang-2022-ioi]", "papers: [zzz]", "zzz", "questions[0].papers[0]: no paper has the id",
    ),
    "unknown head type of a question": (
        QUESTIONS, "head_types: [induction]", "head_types: [induktion]", "induktion",
        "questions[0].head_types[0]: no head type has the id 'induktion'; did you mean 'induction'?",
    ),
    "unknown scheme of a counterpart": (
        THIRD, "scheme: stacks", "scheme: stack", "stack,",
        "counterparts[0].scheme: no naming scheme has the id 'stack'; did you mean 'stacks'?",
    ),
    "a counterpart that the scheme has not": (
        THIRD, "names: [Name Copier]", "names: [Name Copyer]", "Name Copyer",
        "counterparts[0].names[0]: 'Name Copyer' is no name of head_taxonomy/schemes/stacks.yml; did you mean 'Name C",
    ),
    "a counterpart that the scheme only maps to a name": (
        THIRD, "names: [Name Copier]", "names: [Name Copier, zzz]", "zzz",
        "counterparts[0].names[1]: 'zzz' is no name of head_taxonomy/schemes/stacks.yml; write one of its canonical",
    ),
    "an unknown band of a scheme": (
        SCHEME, "band: Late", "band: Lat", "Lat,", "stacks[0].names[0].band: 'Lat' is no band of this scheme; did you",
    ),
    "a name that a scheme has twice": (
        SCHEME, "name: Looker Back", "name: Name Copier", "Name Copier",
        "stacks[0].names[1].name: 'Name Copier' is listed twice",
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


def test_a_resemblance_is_written_once(tree):
    tree.replace(THIRD, "kind: inhibits, id: previous-token", "kind: resembles, id: induction")
    assert tree.check() == []
    tree.replace(TYPE, "kind: confused_with, id: name-mover", "kind: resembles, id: name-mover")
    problem = tree.only()
    assert (problem.path, problem.field) == (THIRD, "relations[0].id")
    assert "resembles induction is already written in head_taxonomy/induction.yml" in problem.message


def test_ends_of_a_flow_need_not_be_head_types(tree):
    tree.replace(CIRCUIT, "{source: induction, target: name-mover}", "{source: MLP 0, target: the logits}")
    assert tree.check() == []


def test_without_the_files_of_background_nothing_is_missing(tree):
    for path in (METHODS, BENCHMARKS, GLOSSARY, QUESTIONS):
        (tree.root / path).unlink()
    tree.replace(OTHER, "methods: [zero-ablation]", "methods: [anything]")
    assert tree.check() == []


def test_a_broken_tree_of_methods_is_one_problem(tree):
    tree.replace(METHODS, "source: olsson", "sources: olsson")
    assert {problem.path for problem in tree.check()} == {METHODS}


def test_a_broken_scheme_is_one_problem(tree):
    tree.replace(SCHEME, "licence: CC BY 4.0", "licence: []")
    assert tree.only().path == SCHEME


def test_modules_and_tasks_are_looked_up_where_there_is_source(tree):
    source = "src/survey_tools/heads"
    tree.write(f"{source}/ablation/__init__.py", "")
    tree.write(f"{source}/tasks/__init__.py", "")
    tree.write(f"{source}/tasks/indirect_object.py", "")
    assert tree.check() == []
    tree.replace(METHODS, "module: survey_tools.heads.ablation", "module: survey_tools.heads.ablations")
    tree.replace(BENCHMARKS, "task_here: indirect-object", "task_here: direct-object")
    task, module = tree.check()
    assert (task.line, task.column) == tree.position(BENCHMARKS, "direct-object")
    assert task.message == "no task has the id 'direct-object'"
    assert task.hint == "did you mean 'indirect-object'?"
    assert (module.line, module.column) == tree.position(METHODS, "survey_tools.heads.ablations")
    assert module.message == "there is no module 'survey_tools.heads.ablations' under src/"
    assert module.hint == "did you mean 'survey_tools.heads.ablation'?"
