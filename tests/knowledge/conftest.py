"""A small survey without a problem, written into a temporary folder; tests break one thing in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from survey_tools.knowledge.check import check
from survey_tools.knowledge.problems import Problem

SCHEMA = "# yaml-language-server: $schema={}docs/schemas/{}.schema.json\n"

PAPER = (
    SCHEMA.format("../", "paper")
    + """\
schema_version: 1
id: wang-2022-ioi
title: "Interpretability in the Wild: a Circuit for Indirect Object Identification"
authors: [Kevin Wang, Alexandre Variengien]
published: "2022-11-01"
date_source: arxiv-v1
ids:
  arxiv: "2211.00593"
links:
  code: https://github.com/redwoodresearch/Easy-Transformer
kind: llm-analysis
relevance: core
missing: [summary]
head_types:
  - {id: name-mover, role: introduces}
  - {id: induction, role: studies, name_used: Induction Head}
heads:
  - {model: openai-community/gpt2, layer: 9, head: 9, head_type: name-mover, where: Fig. 2,
     evidence: official-code, certainty: certain}
  - {model: openai-community/gpt2, layer: 5, head: 5, head_type: induction, where: Fig. 2,
     evidence: official-code, certainty: certain}
claims:
  - {statement: The circuit keeps the difference., model: openai-community/gpt2, heads: [L9H9],
     metric: logit difference, value: 3.5, where: Sec. 4}
reproduction:
  not_reproducible: no notebook yet
"""
)

OTHER_PAPER = (
    SCHEMA.format("../", "paper")
    + """\
schema_version: 1
id: olsson-2022-induction
title: In-context Learning and Induction Heads
published: "2022-03"
date_source: memory
ids: {arxiv: "2209.11895"}
kind: training-dynamics
relevance: core
summary: {innovation: It is one and the same., method: We do it in a lab., result: A bump is in the loss.}
summary_source: abstract
head_types:
  - {id: induction, role: introduces}
  - {id: previous-token, role: studies}
reproduction:
  notebook: repeated-tokens
  parameters: {length: 50, seeds: [0, 1]}
methods: [zero-ablation]
"""
)

HEAD_TYPE = (
    SCHEMA.format("../", "head-type")
    + """\
schema_version: 1
id: induction
name: Induction Head
aliases: [pattern completion head]
staging: {stage: LR, category: In-context Learning}
summary: Continues what followed the last time.
definition:
  attends_to: the token after an earlier copy
  writes: that token
  formula: A_{ij}
relations:
  - {kind: composes_with, id: previous-token, note: through its keys}
  - {kind: confused_with, id: name-mover}
detection:
  notebook: repeated-tokens
  detector: induction
"""
)

SECOND_HEAD_TYPE = (
    SCHEMA.format("../", "head-type")
    + """\
schema_version: 1
id: previous-token
name: Previous Token Head
staging: {stage: ICI, category: Overall Structure}
summary: Looks one token back.
definition: {attends_to: the token before, writes: which token that was, formula: "A_{i,i-1}"}
detection:
  planned: {how: read the first subdiagonal, needs: any model}
"""
)

THIRD_HEAD_TYPE = (
    SCHEMA.format("../", "head-type")
    + """\
schema_version: 1
id: name-mover
name: Name Mover Head
aliases: [NMH]
staging: {stage: ICI, category: Syntactic Information, suggested: true}
summary: Copies the name it attends to.
definition: {attends_to: an earlier name, writes: that name, formula: "A_{ij}"}
relations:
  - {kind: inhibits, id: previous-token}
counterparts: [{scheme: stacks, match: exact, names: [Name Copier]}]
detection:
  planned: {how: copying scores, needs: GPT-2 small}
"""
)

FRAMEWORK = (
    SCHEMA.format("../", "framework")
    + """\
schema_version: 1
id: framework
name: Four stages
source: olsson-2022-induction
stages:
  - id: ICI
    name: In-Context Identification
    question: What does it find?
    summary: Finds structure.
    categories:
      - {name: Overall Structure, heads: [previous-token, positional]}
      - {name: Syntactic Information}
  - id: LR
    name: Latent Reasoning
    question: What does it conclude?
    summary: Concludes.
    categories:
      - {name: In-context Learning, heads: [induction]}
awaited: [positional]
"""
)

CIRCUIT = (
    SCHEMA.format("../../", "circuit")
    + """\
schema_version: 1
id: ioi
name: Indirect object identification
task: name the indirect object
model: openai-community/gpt2
paper: wang-2022-ioi
heads:
  - {head_type: induction, heads: [L5H5]}
  - {head_type: name-mover, heads: [L9H9, L10H0]}
flow:
  - {source: induction, target: name-mover}
certainty: certain
"""
)

MODEL = (
    SCHEMA.format("../", "model")
    + """\
schema_version: 1
id: gpt2-small
name: GPT-2 small
summary: The classic.
upstream: openai-community/gpt2
source: {kind: hub, repo: openai-community/gpt2, revision: 607a30d783dfa663caf39e06633721c8d4cfcd7e}
weights: as published
licence: {name: MIT}
shape: {architecture: gpt2, layers: 12, heads: 12, kv_heads: 12, d_model: 768, d_head: 64, d_vocab: 50257,
  context: 1024}
dtype: float32
tier: cpu
"""
)

SCHEME = (
    SCHEMA.format("../../", "scheme")
    + """\
schema_version: 1
id: stacks
name: Names in stacks
authors: [A. Namer]
published: "2025"
licence: CC BY 4.0
link: https://example.org/stacks
revision: 2ff0a2c7b875
summary: Another list of names.
bands: {Early: [0.0, 0.5], Late: [0.5, 1.0]}
stacks:
  - name: Copying
    summary: Heads that copy.
    names:
      - {name: Name Copier, band: Late, depth: [0.6, 0.9], also: [name head]}
      - {name: Looker Back, band: Early, depth: [0.0, 0.2]}
"""
)

METHODS = (
    SCHEMA.format("../", "methods")
    + """\
schema_version: 1
id: methods
name: Experimental methods
source: olsson-2022-induction
groups:
  - id: modeling-free
    name: Modeling-free methods
    summary: Nothing new is trained.
    groups:
      - id: replacement
        name: Replacement
        summary: A state is replaced.
        methods:
          - {id: zero-ablation, name: Zero ablation, operation: The output is set to zero.,
             named_for: [wang-2022-ioi], module: survey_tools.heads.ablation}
          - {id: mean-ablation, name: Mean ablation, operation: The output is set to its mean.}
"""
)

BENCHMARKS = (
    SCHEMA.format("../", "benchmarks")
    + """\
schema_version: 1
id: benchmarks
name: Evaluation benchmarks
source: olsson-2022-induction
tables:
  - id: mechanism
    name: For mechanisms
    summary: Small tasks.
    benchmarks:
      - {id: ioi, name: IOI, kind: Words, task: Name the indirect object., source: UCB, released: 2022-11,
         paper: wang-2022-ioi, task_here: indirect-object}
"""
)

GLOSSARY = (
    SCHEMA.format("../", "glossary")
    + """\
schema_version: 1
id: glossary
name: Glossary
terms:
  - {id: ablation, term: Ablation, meaning: Taking something away., papers: [wang-2022-ioi]}
  - {id: copying, term: Copying, meaning: Raising what is attended to., head_types: [induction]}
"""
)

OPEN_QUESTIONS = (
    SCHEMA.format("../", "open-questions")
    + """\
schema_version: 1
id: open-questions
name: Open questions
questions:
  - {id: transfer, question: "Is it the same elsewhere?", why: One model was read., settled_by: Reading others.,
     papers: [wang-2022-ioi], head_types: [induction]}
"""
)

FILES = {
    "papers/wang-2022-ioi.yml": PAPER,
    "papers/olsson-2022-induction.yml": OTHER_PAPER,
    "head_taxonomy/induction.yml": HEAD_TYPE,
    "head_taxonomy/previous-token.yml": SECOND_HEAD_TYPE,
    "head_taxonomy/name-mover.yml": THIRD_HEAD_TYPE,
    "head_taxonomy/framework.yml": FRAMEWORK,
    "head_taxonomy/circuits/ioi.yml": CIRCUIT,
    "head_taxonomy/schemes/stacks.yml": SCHEME,
    "models/gpt2-small.yml": MODEL,
    "background/methods.yml": METHODS,
    "background/benchmarks.yml": BENCHMARKS,
    "background/glossary.yml": GLOSSARY,
    "background/open-questions.yml": OPEN_QUESTIONS,
    "notebooks/repeated-tokens.py": "",
}


class Tree:
    """The survey in a folder, with the few edits that tests make."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path: str, content: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace text that must be there exactly once: a test never edits nothing by mistake."""
        text = self.text(path)
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path}"
        self.write(path, text.replace(old, new))

    def position(self, path: str, words: str) -> tuple[int, int]:
        """Line and column, counted from 1, where `words` stand in a file, found without our own reader."""
        for number, line in enumerate(self.text(path).splitlines(), 1):
            if words in line:
                return number, line.index(words) + 1
        raise AssertionError(f"{words!r} is not in {path}")

    def check(self) -> list[Problem]:
        return check(self.root)

    def state(self) -> dict[str, tuple[bytes, int]]:
        """Bytes and time of change of every file: what must not differ where nothing may be written."""
        files = (file for file in self.root.rglob("*") if file.is_file())
        return {str(file.relative_to(self.root)): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}

    def only(self) -> Problem:
        """The one problem of the tree."""
        problems = self.check()
        assert len(problems) == 1, "\n".join(map(str, problems)) or "no problem"
        return problems[0]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "survey")
