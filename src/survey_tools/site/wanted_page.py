"""What the survey lacks, counted and listed, each with the way to add it. Everything follows from the entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from survey_tools.knowledge.records import Detection, HeadType, NotReproducible, Paper, Planned
from survey_tools.site.browse import narrowed
from survey_tools.site.contents import Contents
from survey_tools.site.elements import bullets, inside, joined, plural
from survey_tools.site.escape import text
from survey_tools.site.links import (
    HOW_TO_DETECTOR,
    HOW_TO_HEAD_TYPE,
    HOW_TO_PAPER,
    WANTED,
    head_link,
    paper_link,
    with_links,
)
from survey_tools.site.page import Page
from survey_tools.site.paper_list import needs, value_of

NEEDS = {
    "A model of images, video or sound": r"vision|image|multimodal|video|audio|whisper|diffusion",
    "A model trained for the purpose, or two checkpoints": r"trained (for the purpose|on such|toy)|toy model"
    r"|two checkpoints|clean parent|descendant|reasoning-trained|trained gates",
    "An encoder, or parsed text": r"\bbert|roberta|encoder|parser|treebank",
    "A chat or reasoning model": r"chat model|-chat|instruct|reasoning model|safety",
    "A model of several languages": r"multilingual|both languages|several languages",
    "A model of long context": r"long-context|long context|needle|some thousand|several thousand|book length",
    "Heads of another type first": r"found first|done first|of the .* type|same problems|as for ",
    "Activation or path patching": r"patching",
}
"""What a planned detector needs -> words of the plan's `needs`; a type stands under the first that fits."""
OTHERWISE = "A text model, and prompts or text of its own"
OPEN = 8
"""Longer lists are folded."""


def wanted_page(contents: Contents) -> Page:
    """Counts first, then each kind of gap with its list and how to close it."""
    survey = contents.survey
    papers = list(survey.papers.values())
    summaries = [paper for paper in papers if paper.summary is None]
    detectors = [head for head in survey.head_types.values() if isinstance(head.detection, Planned)]
    doubts = [paper for paper in papers if set(paper.missing) - {"summary"}]
    plans = [paper for paper in papers if isinstance(paper.reproduction, Planned)]
    entries = [head for head in survey.framework.awaited if head not in survey.head_types]
    unread = [head for head in survey.head_types.values() if head.definition_source]
    body = joined(
        [
            "# What is missing",
            '<p class="lead">A survey that hides its gaps cannot be trusted, and cannot be helped. This page is made '
            "from the entries: a gap that is closed there goes from here with the next build.</p>",
            _counts(summaries, detectors, doubts, plans, entries),
            _summaries(summaries, contents),
            _detectors(detectors, contents),
            _plans(papers, contents),
            _doubts(doubts, contents),
            _definitions(unread, contents),
            _entries(entries, contents),
        ]
    )
    return Page("background/wanted", "What is missing", "Gaps of this survey, and how to close them.", body)


def _counts(*gaps: Sequence[object]) -> str:
    names = (
        "summaries",
        "detectors",
        "papers with facts not confirmed",
        "papers not reproduced",
        "head types without an entry",
    )
    anchors = ("summaries", "detectors", "facts", "reproductions", "entries")
    cells = "".join(
        f"<li>{inside(f'{WANTED}#{anchor}', f'<strong>{len(gap):,}</strong> {name}')}</li>"
        for gap, name, anchor in zip(gaps, names, anchors, strict=True)
    )
    return f'<ul class="counts">{cells}</ul>'


def _folded(rows: Iterable[str], words: str) -> str:
    listed = list(rows)
    if len(listed) <= OPEN:
        return bullets(listed)
    return f"<details><summary>{text(words)}</summary>\n{bullets(listed)}\n</details>"


def _summaries(papers: Sequence[Paper], contents: Contents) -> str:
    how = (
        f"Three short sentences of your own: what is new, how, what came out, and `summary_source`, which says what "
        f"you read ({inside(HOW_TO_PAPER, 'how')}). A number has to stand in what you read."
    )
    listed = _folded((paper_link(paper.id, contents) for paper in papers), plural(len(papers), "paper"))
    return f"## Summaries {{ #summaries }}\n\n{listed or 'Every paper has a summary.'}\n\n{how}"


def _detectors(heads: Sequence[HeadType], contents: Contents) -> str:
    groups: dict[str, list[HeadType]] = {need: [] for need in (*NEEDS, OTHERWISE)}
    for head in heads:
        groups[need_of(head)].append(head)
    written = sum(isinstance(head.detection, Detection) for head in contents.survey.head_types.values())
    same = narrowed("heads/", "The same as a list", detector="planned")
    lead = (
        f"{plural(written, 'type')} can be looked for today; {plural(len(heads), 'type has', 'types have')} a plan and "
        f"no detector. They are grouped by words of what the plan says it needs. {same}. "
        f"A detector is one file ({inside(HOW_TO_DETECTOR, 'how to add one')})."
    )
    sections = [
        f"<details><summary>{text(need)} ({len(members)})</summary>\n"
        + bullets(f"{head_link(head.id, contents)}: {text(_needs(head))}" for head in members)
        + "\n</details>"
        for need, members in groups.items()
        if members
    ]
    return joined(["## Detectors { #detectors data-search-exclude }", lead, *sections])


def need_of(head: HeadType) -> str:
    """The group of NEEDS in which a planned type stands."""
    words = _needs(head).lower()
    return next((need for need, signs in NEEDS.items() if re.search(signs, words)), OTHERWISE)


def _needs(head: HeadType) -> str:
    return head.detection.planned.needs if isinstance(head.detection, Planned) else ""


def _plans(papers: Sequence[Paper], contents: Contents) -> str:
    waiting = needs(contents)
    never = sum(isinstance(paper.reproduction, NotReproducible) for paper in papers)
    lead = (
        f"{plural(sum(waiting.values()), 'paper has', 'papers have')} a plan for a notebook and no notebook yet; "
        f"{never} cannot be reproduced with open models, and say why. "
        f"{narrowed('papers/', 'Papers with a run', has='run')} show how it is done. What the plans need:"
    )
    rows = [
        f"{narrowed('papers/', text(need), needs=value_of(need))} <span class='quiet'>{plural(count, 'paper')}</span>"
        for need, count in waiting.items()
    ]
    return joined(["## Papers not reproduced { #reproductions }", lead, bullets(rows, "columns")])


def _doubts(papers: Sequence[Paper], contents: Contents) -> str:
    rows = (
        f"{paper_link(paper.id, contents)}: {text('; '.join(field for field in paper.missing if field != 'summary'))}"
        for paper in papers
    )
    listing = _folded(rows, plural(len(papers), "paper")) or "Nothing."
    how = f"Whoever can confirm one, with the place where it stands: {inside(HOW_TO_PAPER, 'one line is enough')}."
    return f"## Facts not confirmed {{ #facts data-search-exclude }}\n\n{listing}\n\n{how}"


def _definitions(heads: Sequence[HeadType], contents: Contents) -> str:
    if not heads:
        return ""
    rows = (f"{head_link(head.id, contents)}: {with_links(head.definition_source or '', contents)}" for head in heads)
    count = plural(len(heads), "definition rests", "definitions rest")
    lead = f"{count} on less than the papers themselves. What was read:"
    listed = _folded(rows, plural(len(heads), "head type"))
    return f"## Definitions to check {{ #definitions data-search-exclude }}\n\n{lead}\n\n{listed}"


def _entries(heads: Sequence[str], contents: Contents) -> str:
    names = [text(contents.head_name(head)) for head in heads]
    listed = bullets(names, "columns") if names else "Every type that a paper or the framework names has an entry."
    how = f"One YAML file makes an entry ({inside(HOW_TO_HEAD_TYPE, 'how')})."
    return f"## Head types without an entry {{ #entries }}\n\n{listed}\n\n{how if names else ''}"
