"""A hand-made run record and a tiny survey, for tests of the site."""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
from background_samples import FILES

from survey_tools import charts
from survey_tools.results.records import RunRecord

REPOSITORY = Path(__file__).resolve().parents[2]


def record_data(
    entry: str = "induction", model: str = "smollm2-135m-instruct", layers: int = 4, heads: int = 3, **changes: Any
) -> dict[str, Any]:
    """A complete record as plain data; scores are a fixed pattern with its highest values in the last layers."""
    scores = [
        [round(abs(math.sin(7.1 * layer + 3.3 * head)) ** 8 * layer / layers, 4) for head in range(heads)]
        for layer in range(layers)
    ]
    places = sorted(((scores[x][y], x, y) for x in range(layers) for y in range(heads)), reverse=True)
    found = [
        {
            "layer": layer, "head": head, "score": score, "interval": [score - 0.04, score + 0.03],
            "control": 0.02, "p_value": 0.0005, "write": 3.2, "write_interval": [2.9, 3.6],
        }
        for score, layer, head in places[:3]
    ]  # fmt: skip
    data: dict[str, Any] = {
        "schema_version": 1, "entry": entry, "model": model, "model_digest": "b1" * 32, "layers": layers,
        "heads": [heads] * layers, "verdict": "reproduced",
        "reason": "3 heads pass every criterion, and removing them raises the loss on repeats by 7.3 nats.",
        "method": "attention pattern",
        "metric": {
            "name": "induction score", "formula": r"\operatorname{mean}_{q} A_{q,\,p+1}", "low": 0, "high": 1,
            "minimum_effect": 0.1, "source": "olsson-2022-induction-heads", "stimulus": "Random tokens, read twice.",
        },
        "seed": 7, "prompts": 16, "scores": scores, "scores_low": scores, "scores_high": scores,
        "control": {
            "name": "no repeat", "scores": [[0.02] * heads] * layers, "p_values": [[0.5] * heads] * layers,
            "rate": 0.01, "passed": 5,
        },
        "null": {
            "name": "rotated query weights", "draws": 100, "quantile": 0.95, "threshold": 0.28,
            "largest": sorted(round(0.16 + 0.15 * (index * 37 % 100) / 100, 4) for index in range(100)), "passed": 6,
        },
        "write": {"name": "logit of the attended token", "formula": r"x W_V W_O W_U", "at_chance": 0.0},
        "found": found,
        "near": [{**found[-1], "layer": 0, "head": 0, "score": 0.3, "failed": ["write", "control"]}],
        "cause": {
            "claimed": True, "tested": True, "behaviour": "loss on the second copy", "unit": "nats", "harm": "higher",
            "method": "mean ablation", "clean": 2.9, "ablated": 10.2,
            "random": [2.9 + index / 20 for index in range(20)],
            "sets": "drawn", "effect": 6.9, "effect_interval": [6.5, 7.3], "p_value": 0.048, "holds": True,
        },
        "capability": {
            "task": "repeated-tokens", "name": "repeats are predicted", "value": 0.97, "interval": [0.95, 0.99],
            "chance": 0.01, "needed": 0.5, "items": 800, "present": True,
        },
        "acceptance": {
            "positive": "Two heads were planted and exactly those were found.", "positive_passed": True,
            "negative": "Nothing was found on shuffled weights.", "negative_passed": True,
        },
        "stimulus": {"pool": 2000, "lengths": [40, 60]},
        "run_id": "run-1", "notebook": "repeated-tokens", "digest": "d1" * 32, "digest_parts": {"code": "c1"},
        "parameters": {"seed": 7},
        "environment": {
            "device": "cpu", "dtype": "float32", "versions": {"torch": "2.13.0", "transformers": "5.23.0"},
            "seconds": 41.2, "peak_memory_mb": 1312.0, "finished": "2026-11-20",
        },
    }  # fmt: skip
    return {**data, **changes}


def record(**changes: Any) -> RunRecord:
    """The same, validated."""
    return RunRecord.model_validate(record_data(**changes))


NASTY = "<script>alert(1)</script> *a* _b_ [x](javascript:alert(1)) `c` | {{ config }} &amp; ![i](j) ~~d~~ $e$ @/"
"""A title that must appear as it stands, in Markdown, in HTML and in the title of the browser's tab."""

PAPER = """
schema_version: 1
id: {id}
title: {title}
authors: [Ada Lovelace, Catherine Olsson]
published: "{published}"
date_source: arxiv-v1
{more}
kind: llm-analysis
relevance: core
reproduction: {reproduction}
"""
HEAD = """
schema_version: 1
id: {id}
name: {name}
staging: {staging}
summary: {summary}
definition: {{attends_to: The earlier copy., writes: The next token., formula: 'A_{{q,\\,p+1}}'}}
{more}
"""
MODEL = """
schema_version: 1
id: {id}
name: {name}
summary: A small model.
upstream: {upstream}
source: {{kind: planted, recipe: repeats, seed: 1}}
weights: Set by hand.
licence: {{name: MIT}}
shape:
  {{architecture: GPT2LMHeadModel, layers: 4, heads: 3, kv_heads: 3, d_model: 24, d_head: 8, d_vocab: 50, context: 64}}
dtype: float32
tier: cpu
"""
FRAMEWORK = """
schema_version: 1
id: framework
name: Four-stage framework
source: zheng-2024-survey
stages:
  - {id: KR, name: Knowledge Recalling, question: What from the weights?, summary: Recalls., categories: []}
  - id: ICI
    name: In-Context Identification
    question: What from the prompt?
    summary: Reads.
    categories: [{name: Overall Structure, heads: [duplicate-token]}]
  - id: LR
    name: Latent Reasoning
    question: What follows?
    summary: Reasons.
    categories: [{name: In-context Learning, heads: [induction, summary-reader]}]
  - {id: EP, name: Expression Preparation, question: What is said?, summary: Prepares., categories: []}
awaited: [summary-reader]
"""
CIRCUIT = """
schema_version: 1
id: repeat
name: Repeats
task: Continue a repeated text.
model: lab/tiny
paper: olsson-2022-induction-heads
heads:
  - {head_type: duplicate-token, heads: [L0H1]}
  - {head_type: induction, heads: [L3H0, L3H1]}
flow:
  - {source: duplicate-token, target: induction, note: which token came before}
certainty: Certain.
"""


def write_tiny_survey(root: Path) -> Path:
    """Two head types with a record and one without, three papers, two models, a circuit; the site's own settings."""
    seen = (
        "summary: {innovation: 'Heads (L9H6), L8H3/L11H10 of arXiv:2310.04625v2.', method: M., result: R.}\n"
        "summary_source: abstract\n"
    )
    published = (
        "heads:\n"
        "  - {model: lab/tiny, layer: 3, head: 0, head_type: induction, where: Fig. 2, "
        "evidence: paper, certainty: certain}\n"
        "  - {model: lab/tiny, layer: 2, head: 2, head_type: induction, where: Fig. 2, "
        "evidence: paper, certainty: certain}\n"
        "  - {model: lab/other, layer: 10, head: 7, head_type: induction, where: Sec. 3, "
        "evidence: secondary, certainty: likely}\n"
    )
    claims = (
        "claims: [{statement: Loss falls., metric: loss, value: 0.3, tolerance: 0.1, where: Fig. 1, heads: [L3H0]}]\n"
    )
    papers = {
        "zheng-2024-survey": PAPER.format(
            id="zheng-2024-survey", title="A Survey", published="2024-09",
            more=seen + "listed_in: [zheng-2024-survey]\nmethods: [probing]\nconfirmed_in: a list of others\n"
            "links: {other: ['https://example.org/more']}\n"
            "corrections: [{field: title, listed: Surveys, why: The page says otherwise.}]",
            reproduction="{planned: {how: Read it again., needs: a larger text model}}",
        ),
        "olsson-2022-induction-heads": PAPER.format(
            id="olsson-2022-induction-heads", title="In-context Learning and Induction Heads", published="2022-09-24",
            more=seen + 'ids: {arxiv: "2209.11895"}\nhead_types: [{id: induction, role: introduces, name_used: IH}]\n'
            + published + claims, reproduction="{notebook: repeated-tokens}",
        ),
        "nasty-2025": PAPER.format(
            id="nasty-2025", title=json.dumps(NASTY), published="2025", more="missing: [summary]",
            reproduction="{not_reproducible: No code.}",
        ).replace("relevance: core", "relevance: tangential"),
    }  # fmt: skip
    detection = "detection: {notebook: repeated-tokens, detector: induction}"
    heads = {
        "induction": HEAD.format(
            id="induction", name="Induction Head", summary="Repeats what followed.",
            staging="{stage: LR, category: In-context Learning}",
            more="relations: [{kind: composes_with, id: duplicate-token, note: Together.}]\n" + detection
            + "\ncounterparts: [{scheme: others, match: exact, names: [Induction Head]}]"
            + "\nsurveyed: {named_in: [figure, table], scope: specific, task: repeats, input: copies, output: a token, "
            + "models: [gpt, llama]}\nlayer_distribution: middle",
        ),
        "duplicate-token": HEAD.format(
            id="duplicate-token", name="Duplicate Token Head", summary="Finds a copy.",
            staging="{stage: ICI, category: Overall Structure}",
            more=detection.replace("detector: induction", "detector: duplicate-token")
            + "\ncounterparts: [{scheme: others, match: none, note: Nothing like it.}]",
        ),
        "nasty": HEAD.format(
            id="nasty", name=json.dumps(NASTY), summary=json.dumps(NASTY), staging="{stage: EP, suggested: true}",
            more="detection: {planned: {how: Some day., needs: A larger model.}}\ncaveats: [Beware.]\n"
            "definition_source: the abstract of nasty-2025, and olsson-2022-induction-heads\n"
            "corrections: [{field: name, listed: Tame, why: It is not.}]",
        ),
    }  # fmt: skip
    files = {f"papers/{name}.yml": content for name, content in papers.items()}
    files |= {f"head_taxonomy/{name}.yml": content for name, content in heads.items()}
    files |= {
        "head_taxonomy/framework.yml": FRAMEWORK,
        "head_taxonomy/circuits/repeat.yml": CIRCUIT,
        "models/tiny.yml": MODEL.format(id="tiny", name="Tiny", upstream="lab/tiny"),
        "models/other-1.5b.yml": MODEL.format(id="other-1.5b", name="Other 1.5B", upstream="null"),
        "docs/about.md": "# About\n\nSee [a paper](papers/zheng-2024-survey.md).\n",
        "docs/notation.md": "# Notation\n\nWords.\n",
        "docs/contributing.md": "# Contributing\n\n## Add or correct a paper\n\n## Add a head type\n\n"
        "## Add a detector\n",
        "docs/schemas/paper.schema.json": "{}\n",
        **FILES,
        "mkdocs.yml": (REPOSITORY / "mkdocs.yml").read_text(encoding="utf-8"),
    }
    for page in re.findall(r": (\w+\.md)$", files["mkdocs.yml"], re.MULTILINE):  # what the navigation names
        if page != "index.md":
            files.setdefault(f"docs/{page}", f"# {page}\n\nWords.\n")
    for folder in ("assets", "overrides"):
        shutil.copytree(REPOSITORY / "docs" / folder, root / "docs" / folder, dirs_exist_ok=True)
    for path, content in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    return root


def write_results(folder: Path) -> Path:
    """Records of the tiny model: one found, one whose cause is not claimed; the notebook of the first."""
    records = [
        record(entry="induction", model="tiny"),
        record(
            entry="duplicate-token", model="tiny", verdict="not reproduced", found=[], near=[], run_id="run-2",
            reason="No head passes.", cause={"claimed": False, "tested": False},
        ),
    ]  # fmt: skip
    (folder / "tiny").mkdir(parents=True, exist_ok=True)
    for one in records:
        (folder / "tiny" / f"{one.entry}.json").write_text(one.model_dump_json(), encoding="utf-8")
    nbformat.write(sample_notebook(), folder / "tiny" / "repeated-tokens.ipynb")
    return folder


def sample_notebook() -> Any:
    """An executed notebook with a formula, text, a chart of ours, a foreign SVG and a hostile table."""
    chart = charts.to_svg(charts.score_heatmap([[0.1, 0.9]], [(0, 1)], 0.5), "Scores", "Two heads.")
    hostile = [
        '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        '<svg xmlns="http://www.w3.org/2000/svg" class="survey-chart" onload="alert(1)"/>',
        '<svg xmlns="http://www.w3.org/2000/svg" class="survey-chart"><script>alert(1)</script></svg>',
    ]
    table = "<style>p{}</style><table onclick='x()'><tr><td>1 &lt; 2</td></tr></table><script>alert(1)</script>"

    def shown(**data: str) -> Any:
        return nbformat.v4.new_output("display_data", data={k.replace("_", "/", 1): v for k, v in data.items()})

    notebook = nbformat.v4.new_notebook(metadata={"survey": {"run_id": "run-1"}})
    notebook.cells = [
        nbformat.v4.new_markdown_cell(
            "# Repeated tokens\n\nScore $\\frac{1}{N}$ <script>alert(1)</script> [x](JavaScript:alert(1))."
        ),
        nbformat.v4.new_code_cell("print(1)", outputs=[nbformat.v4.new_output("stream", text="<b>1</b>\n")]),
        nbformat.v4.new_code_cell(
            "show()",
            outputs=[
                shown(**{"image_svg+xml": chart, "text_plain": "chart"}),
                *(shown(**{"image_svg+xml": svg, "text_plain": "foreign"}) for svg in hostile),
                shown(text_html=table, text_plain="table"),
                shown(text_markdown="**bold** <img src=x onerror=alert(1)>", text_plain="words"),
                shown(application_javascript="alert(1)", text_plain="script"),
            ],
        ),
    ]
    return notebook
