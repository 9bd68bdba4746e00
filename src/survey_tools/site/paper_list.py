"""The list of papers: newest first, by year, narrowed by what a paper is about and by what its entry holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from survey_tools.knowledge.records import Paper, Reproduction
from survey_tools.site.browse import Filter, Item, Listing
from survey_tools.site.contents import Contents
from survey_tools.site.downloads import DOWNLOADS
from survey_tools.site.elements import heads_page, inside, joined, plural, tag
from survey_tools.site.escape import text
from survey_tools.site.links import short_authors
from survey_tools.site.page import Page

SHOWN_TYPES = 5
"""Head types named in a row; the others are counted, and the menu finds them all."""
KINDS = {
    "theory": "theory",
    "training-dynamics": "training dynamics",
    "architecture": "architecture",
    "llm-analysis": "analysis of LLMs",
    "encoder-analysis": "analysis of encoders",
    "toy-analysis": "analysis of toy models",
    "application": "application",
    "benchmark": "benchmark",
    "survey": "survey",
    "not-about-heads": "not about heads",
}
RELEVANCE = {"core": "core", "related": "related", "tangential": "tangential: no attention heads in it"}
HOLDS = {
    "summary": "a summary",
    "no-summary": "a summary wanted",
    "heads": "heads of a model named",
    "claims": "claims a run can test",
    "run": "a run here",
    "code": "code",
    "missing": "something not confirmed",
    "correction": "a correction of an earlier list",
}
"""What an entry may hold, as values of the menu `has`."""


def papers_index(contents: Contents) -> Page:
    """All papers, newest first, by year."""
    newest = sorted(contents.survey.papers.values(), key=lambda paper: (paper.published, paper.id), reverse=True)
    by_year: dict[str, list[Item]] = {}
    for paper in newest:
        by_year.setdefault(paper.published[:4], []).append(_item(paper, contents))
    listing = Listing(
        what=("paper", "papers"),
        filters=_filters(contents),
        groups=tuple((f"## {year}", tuple(items)) for year, items in by_year.items()),
        placeholder="title, author, venue, arXiv id",
    )
    body = joined(["# Papers", _lead(newest, contents), listing.html()])
    return Page("papers/index", "Papers", "Every paper in this survey, newest first.", body)


def needs(contents: Contents) -> dict[str, int]:
    """What planned notebooks need -> how many papers, the commonest first."""
    found = Counter(need for paper in contents.survey.papers.values() if (need := contents.needs_of(paper)))
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def value_of(words: str) -> str:
    """Words as a value of a menu, which holds no space."""
    return "-".join("".join(sign if sign.isalnum() else " " for sign in words.lower()).split())


def _lead(papers: Sequence[Paper], contents: Contents) -> str:
    wanted = sum(paper.summary is None for paper in papers)
    asked = f"; a summary is wanted of {inside('background/wanted/#summaries', str(wanted))}" if wanted else ""
    files = ", ".join(inside(file, label) for file, label in DOWNLOADS.items())
    return (
        f'{plural(len(papers), "paper")}, newest first{asked}. <span class="quiet">A stage in brackets is ours: the '
        f"paper's head types are not placed by the framework. The whole list as data: {files}.</span>"
    )


def _filters(contents: Contents) -> tuple[Filter, ...]:
    survey = contents.survey
    types = {use.id: _short(use.id, contents) for paper in survey.papers.values() for use in paper.head_types}
    return (
        Filter("type", "Head type", dict(sorted(types.items(), key=lambda pair: pair[1].casefold()))),
        Filter("stage", "Stage", {stage.id: f"{stage.id} {stage.name}" for stage in survey.framework.stages}),
        Filter("kind", "Kind", KINDS),
        Filter("relevance", "Relevance", RELEVANCE),
        Filter("method", "Method", contents.methods),
        Filter("has", "With", HOLDS),
        Filter("needs", "A notebook needs", {value_of(need): need for need in needs(contents)}),
    )


def _item(paper: Paper, contents: Contents) -> Item:
    survey = contents.survey
    stages = survey.stages_of(paper)
    suggested = contents.suggested_stages(paper)
    values = {
        "type": tuple(dict.fromkeys(use.id for use in paper.head_types)),
        "stage": (*stages, *suggested),
        "kind": (paper.kind,),
        "relevance": (paper.relevance,),
        "method": contents.methods_of(paper),
        "has": _holds(paper, contents),
        "needs": tuple(value_of(need) for need in [contents.needs_of(paper)] if need),
    }
    tags = (tag("tangential") if paper.relevance == "tangential" else "") + (
        tag("summary wanted", "wanted") if paper.summary is None else ""
    )
    facts = [
        text(short_authors(paper.authors)),
        text(paper.published),
        text(paper.venue or ""),
        " ".join([*stages, *(f"({stage})" for stage in suggested)]),
    ]
    meta = " · ".join(fact for fact in facts if fact)
    html = f"{inside(f'papers/{paper.id}/', text(paper.title))} {tags}<small>{meta}</small>{_types(paper, contents)}"
    return Item(html, values, _also(paper))


def _holds(paper: Paper, contents: Contents) -> tuple[str, ...]:
    held = {
        "summary": paper.summary is not None,
        "no-summary": paper.summary is None,
        "heads": bool(paper.heads),
        "claims": bool(paper.claims),
        "run": isinstance(paper.reproduction, Reproduction) and bool(contents.records_for(paper)),
        "code": paper.links.code is not None,
        "missing": bool(paper.missing),
        "correction": bool(paper.corrections),
    }
    return tuple(name for name, there in held.items() if there)


def _types(paper: Paper, contents: Contents) -> str:
    ids = list(dict.fromkeys(use.id for use in paper.head_types))
    shown = [
        inside(heads_page(one), text(_short(one, contents)))
        if one in contents.survey.head_types
        else text(_short(one, contents))
        for one in ids[:SHOWN_TYPES]
    ]
    if len(ids) > SHOWN_TYPES:
        shown.append(f"and {len(ids) - SHOWN_TYPES} more")
    return f"<small>{', '.join(shown)}</small>" if shown else ""


def _short(head: str, contents: Contents) -> str:
    """A type's name without the word that all of them end with."""
    return contents.head_name(head).removesuffix(" Heads").removesuffix(" Head")


def _also(paper: Paper) -> str:
    """Last names of authors that the row leaves out, and the arXiv id."""
    hidden = [author.split()[-1] for author in paper.authors[1:]] if len(paper.authors) > 2 else []
    return " ".join(word for word in (*hidden, paper.ids.arxiv or "") if word)
