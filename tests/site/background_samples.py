"""Small samples of `background/` and of another naming scheme, added to the tiny survey of `site_samples`."""

from __future__ import annotations

METHODS = """
schema_version: 1
id: methods
name: Experimental methods
source: zheng-2024-survey
groups:
  - id: free
    name: Modeling-free
    summary: Nothing is trained.
    groups:
      - id: replaced
        name: Replaced
        summary: A state is replaced.
        methods:
          - {id: zero-ablation, name: Zero ablation, operation: Set it to zero., shows: That it is used.,
             module: survey_tools.heads.intervene, also_named_for: [Someone 2020]}
  - id: required
    name: Modeling-required
    summary: Something is trained.
    methods:
      - {id: probing, name: Probing, operation: Train a classifier., named_for: [olsson-2022-induction-heads]}
      - {id: guessing, name: Guessing, operation: Guess., ours: true}
"""
BENCHMARKS = """
schema_version: 1
id: benchmarks
name: Evaluation benchmarks
source: zheng-2024-survey
tables:
  - id: mechanism
    name: For mechanisms
    summary: Small tasks.
    benchmarks:
      - {id: copies, name: Copies, kind: recall, task: Say it again., source: made up, released: "2023",
         paper: olsson-2022-induction-heads, task_here: copying}
      - {id: riddles, name: Riddles, kind: reasoning, task: Solve it., source: the web, released: "2024",
         link: "https://example.org/riddles", note: Hard.}
"""
GLOSSARY = """
schema_version: 1
id: glossary
name: Words
terms:
  - {id: pattern, term: Pattern, meaning: Attention after the softmax.}
  - {id: bump, term: Bump, aliases: [induction bump], meaning: A sudden drop of the loss.,
     papers: [olsson-2022-induction-heads], head_types: [induction]}
"""
OPEN_QUESTIONS = """
schema_version: 1
id: open-questions
name: Open questions
questions:
  - {id: how-many, question: How many jobs has a head?, why: Names hide it., settled_by: All detectors on one model.,
     papers: [olsson-2022-induction-heads], head_types: [induction]}
"""
SCHEME = """
schema_version: 1
id: others
name: Names of Others
authors: [Mary Shelley]
published: "2025"
licence: CC BY 4.0
link: https://example.org/names
revision: abc123
summary: A proposal.
bands: {Early: [0.0, 0.5], Late: [0.5, 1.0]}
stacks:
  - name: Patterns
    summary: Repeats.
    names:
      - {name: Induction Head, band: Early, depth: [0.0, 0.9], also: [copy head]}
      - {name: Tone Head, band: Late, depth: [0.6, 0.8]}
"""

FILES = {
    "background/methods.yml": METHODS,
    "background/benchmarks.yml": BENCHMARKS,
    "background/glossary.yml": GLOSSARY,
    "background/open-questions.yml": OPEN_QUESTIONS,
    "head_taxonomy/schemes/others.yml": SCHEME,
}
