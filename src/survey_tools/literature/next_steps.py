"""What a contributor sees after a draft was written: the paper to read, what to edit, what to run."""

from __future__ import annotations

import textwrap
from typing import get_args

from survey_tools.knowledge.problems import one_line
from survey_tools.knowledge.records import Paper
from survey_tools.literature.draft import Draft

_WIDTH = 100


def next_steps(draft: Draft) -> str:
    """The text for the terminal. The abstract is there to be read; no file holds it."""
    paper, metadata = draft.paper, draft.metadata
    blocks = [f"Draft: {draft.path}", "\n".join(_facts(draft))]
    if metadata.abstract:
        blocks.append(f"Abstract, for you to read; it is not in the file:\n{_wrapped(metadata.abstract)}")
    todo = list(_edits(draft))
    blocks.append("Edit in that file:\n" + "\n".join(_wrapped(edit, f"  {n}. ") for n, edit in enumerate(todo, 1)))
    blocks.append(f"Then:\n  survey check {draft.path}\n  survey site serve      # its page: /papers/{paper.id}/")
    return "\n\n".join(blocks)


def _facts(draft: Draft) -> list[str]:
    paper, metadata = draft.paper, draft.metadata
    who = ", ".join(paper.authors[:3]) + (" and others" if len(paper.authors) > 3 else "")
    facts = [paper.title, f"{who or 'authors unknown'}; {paper.published}, from {metadata.source}"]
    if metadata.remark:
        facts.append(f"{metadata.source} adds: {metadata.remark}")
    return [one_line(fact) for fact in (*facts, *draft.remarks)]


def _edits(draft: Draft) -> list[str]:
    paper = draft.paper
    edits = []
    if paper.summary is None:
        edits.append(
            "summary: innovation, method and result, one short sentence each in your own words, and summary_source: "
            "what you read (abstract, paper, code). Then take 'summary' off missing."
        )
    named = {proposal.id: proposal.words for proposal in draft.proposals}
    if paper.head_types:
        listed = [f"{use.id} ('{named[use.id]}')" if use.id in named else use.id for use in paper.head_types]
        edits.append(
            f"head_types, to review: {', '.join(listed)}. Is each role 'studies', or introduces, applies, disputes?"
        )
    else:
        edits.append(
            "head_types: title and abstract name none that is known here; list those the paper is about "
            "(`survey new-head` drafts one that is new)."
        )
    others = [f"{p.id} ('{p.words}')" for p in draft.proposals if p.id not in {use.id for use in paper.head_types}]
    if others:
        edits.append(f"head_types: the abstract also names {', '.join(others)}.")
    edits.append(f"kind: one of {_choices('kind')}; now '{paper.kind}', as in every draft.")
    edits.append(f"relevance: one of {_choices('relevance')}; now '{paper.relevance}', as in every draft.")
    edits.append("reproduction: a placeholder; name the notebook, a plan, or why the paper cannot be tested here.")
    if paper.links.code:
        edits.append(f"links.code: {paper.links.code} stands beside the abstract; is it the paper's own?")
    edits.append("missing: take off what you have settled.")
    return edits


def _choices(field: str) -> str:
    return ", ".join(get_args(Paper.model_fields[field].annotation))


def _wrapped(text: str, start: str = "  ") -> str:
    hanging = " " * len(start)
    return textwrap.fill(
        one_line(text), _WIDTH, initial_indent=start, subsequent_indent=hanging, break_on_hyphens=False
    )
