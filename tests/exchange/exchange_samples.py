"""A small survey of invented papers, with every kind of thing a format must carry: accents, braces, no authors, ..."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from survey_tools.knowledge.kinds import CIRCUIT, FRAMEWORK, HEAD_TYPE, PAPER, Kind
from survey_tools.knowledge.writer import entry_text

REPOSITORY = Path(__file__).resolve().parents[2]
READING_LIST = Path(__file__).with_name("reading-list.md")
SUMMARY = {"innovation": "One mechanism.", "method": "Small models.", "result": "A bump & a <dip>."}

PAPERS: tuple[dict[str, Any], ...] = (
    {
        "id": "muller-2024-echo",
        "title": "Echo Heads: 100 % of A & B_1 in {braces}",
        "authors": ["Jörg Müller", "Łukasz Nový", "Ada van der Berg"],
        "published": "2024-03-09",
        "date_source": "arxiv-v1",
        "venue": "ICLR 2025",
        "ids": {"arxiv": "2403.00001", "openreview": "AbCdEf1234"},
        "links": {"code": "https://github.com/example/echo", "project": "https://example.org/echo"},
        "kind": "llm-analysis",
        "relevance": "core",
        "listed_in": ["awesome-attention-heads"],
        "summary": SUMMARY,
        "summary_source": "abstract",
        "head_types": [{"id": "echo", "role": "introduces"}, {"id": "look-back", "role": "studies"}],
        "heads": [
            {"model": "openai-community/gpt2", "layer": 5, "head": 1, "head_type": "echo", "where": "Fig. 1, left",
             "evidence": "paper", "certainty": "certain", "rank": 1, "score": 0.5, "score_kind": "share of attention"},
            {"model": "openai-community/gpt2", "layer": 0, "head": 11, "role": "writes a \"mark\"", "where": "Sec. 2",
             "evidence": "official-code", "certainty": "likely"},
        ],
        "models": ["openai-community/gpt2"],
        "reproduction": {"not_reproducible": "no notebook yet"},
        "corrections": [{"field": "date", "listed": "2024-03-01", "why": "arXiv page of v1."}],
    },
    {
        "id": "lin-2019-tree",
        "title": "Trees in α-space: 注意力 heads?",
        "authors": ["Mei Lin", "Research and Development Group"],
        "published": "2019-11",
        "date_source": "venue",
        "venue": "Findings of EMNLP 2019",
        "ids": {"acl": "D19-9999"},
        "kind": "encoder-analysis",
        "relevance": "core",
        "listed_in": ["awesome-attention-heads"],
        "missing": ["summary"],
        "head_types": [{"id": "look-back", "role": "introduces", "name_used": "Previous Head"}],
        "reproduction": {"not_reproducible": "no notebook yet"},
    },
    {
        "id": "okafor-2022-note",
        "title": "A note on (two) heads",
        "authors": ["Okafor"],
        "published": "2022",
        "date_source": "memory",
        "venue": "A Blog",
        "links": {"paper": "https://example.org/notes/heads_(two)?a=1&b=2", "other": ["https://example.org/more"]},
        "kind": "theory",
        "relevance": "related",
        "missing": ["summary"],
        "reproduction": {"not_reproducible": "no notebook yet"},
    },
    {
        "id": "unknown-2020-tables",
        "title": "Tables without heads",
        "published": "2020-01-31",
        "date_source": "venue",
        "venue": "TMLR 2020",
        "ids": {"doi": "10.1000/xyz_(1)"},
        "kind": "not-about-heads",
        "relevance": "tangential",
        "missing": ["summary", "authors"],
        "reproduction": {"not_reproducible": "no notebook yet"},
    },
)  # fmt: skip
_DEFINITION = {"attends_to": "an earlier copy", "writes": "that token", "formula": "A_{ij}"}
_PLANNED = {"planned": {"how": "read the pattern", "needs": "any model"}}
HEAD_TYPES: tuple[dict[str, Any], ...] = (
    {
        "id": "echo",
        "name": "Echo Head",
        "aliases": ["Repeating Head", "BPE-echo Head"],
        "staging": {"stage": "LR", "category": "In-context Learning"},
        "summary": "Says again what was *said*.",
        "definition": _DEFINITION,
        "relations": [{"kind": "variant_of", "id": "look-back", "note": "with a copy"}],
        "detection": _PLANNED,
    },
    {
        "id": "look-back",
        "name": "Look Back Head",
        "staging": {"stage": "ICI", "suggested": True},
        "summary": "Looks one token back.",
        "definition": _DEFINITION,
        "detection": _PLANNED,
    },
    {
        "id": "odd",
        "name": "Odd Head",
        "staging": None,
        "summary": "Fits nowhere.",
        "definition": _DEFINITION,
        "detection": _PLANNED,
    },
)
_FRAMEWORK = {
    "id": "framework",
    "name": "Two stages",
    "source": "muller-2024-echo",
    "stages": [
        {"id": "ICI", "name": "In-Context Identification", "question": "What?", "summary": "Finds.",
         "categories": [{"name": "Overall Structure"}]},
        {"id": "LR", "name": "Latent Reasoning", "question": "Why?", "summary": "Concludes.",
         "categories": [{"name": "In-context Learning", "heads": ["echo"]}]},
    ],
}  # fmt: skip
_CIRCUIT = {
    "id": "again",
    "name": "Saying it again",
    "task": "repeat",
    "model": "openai-community/gpt2",
    "paper": "muller-2024-echo",
    "heads": [{"head_type": "echo", "heads": ["L5H1"]}],
    "certainty": "certain",
}


def write_survey(root: Path, papers: tuple[dict[str, Any], ...] = PAPERS) -> Path:
    """The files of the small survey under `root`."""
    for kind, entries in ((PAPER, papers), (HEAD_TYPE, HEAD_TYPES), (FRAMEWORK, (_FRAMEWORK,)), (CIRCUIT, (_CIRCUIT,))):
        for entry in entries:
            _write(root, kind, entry)
    return root


def write_record(root: Path) -> Path:
    """The folder of run records, with one of ours in it."""
    place = root / "results" / "tiny" / "induction.json"
    place.parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / "results/tiny/induction.json", place)
    return root / "results"


def _write(root: Path, kind: Kind, entry: dict[str, Any]) -> None:
    file = root / kind.path(entry["id"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(entry_text({"schema_version": 1, **entry}, kind), encoding="utf-8")
