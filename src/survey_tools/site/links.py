"""Links to entries by their id, with the name a reader knows; plain text where the survey has no such entry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from survey_tools.site.contents import Contents
from survey_tools.site.elements import heads_page, inside
from survey_tools.site.escape import text

METHODS = "background/methods/"
NAMING = "background/naming/"
WANTED = "background/wanted/"
HOW_TO_DETECTOR = "contributing/#add-a-detector"
HOW_TO_HEAD_TYPE = "contributing/#add-a-head-type"
HOW_TO_PAPER = "contributing/#add-or-correct-a-paper"
"""Headings of docs/contributing.md."""


def paper_link(paper: str, contents: Contents) -> str:
    """A paper's title and year."""
    known = contents.survey.papers.get(paper)
    if known is None:
        return text(paper)
    return f'{inside(f"papers/{paper}/", text(known.title))} <span class="quiet">{text(known.published[:4])}</span>'


def short_authors(authors: Sequence[str]) -> str:
    """`Ada Lovelace et al.`; two are both named."""
    return " and ".join(authors) if len(authors) <= 2 else f"{authors[0]} et al."


def cited(paper: str, contents: Contents) -> str:
    """A paper in a few words, for cells of tables: `Wang et al. 2022`, without its link."""
    known = contents.survey.papers.get(paper)
    if known is None or not known.authors:
        return text(paper)
    last = [author.split()[-1] for author in known.authors]
    return f"{text(short_authors(last))} {text(known.published[:4])}"


def head_link(head: str, contents: Contents) -> str:
    """A head type's name."""
    name = text(contents.head_name(head))
    return inside(heads_page(head), name) if head in contents.survey.head_types else name


def head_links(heads: Iterable[str], contents: Contents) -> str:
    """Several, with commas."""
    return ", ".join(head_link(head, contents) for head in heads)


def method_link(method: str, contents: Contents) -> str:
    """An experimental method's name: every method that a paper lists has its place on the page of methods."""
    return inside(f"{METHODS}#{method}", text(contents.methods.get(method, method)))


def model_links(published: str, contents: Contents) -> str:
    """A model as a paper names it, or several with semicolons, linked where one of ours is made from the weights."""
    shown = []
    for name in published.split("; "):
        ours = contents.model_called(name)
        shown.append(inside(f"models/{ours[0].id}/", text(name)) if ours else text(name))
    return "; ".join(shown)


def with_links(words: str, contents: Contents) -> str:
    """A sentence of an entry in which ids of papers (`the abstract of baek-2025-ocr-heads`) become links."""
    parts = re.split(r"\b([a-z][a-z-]*-\d{4}-[a-z0-9-]*[a-z0-9])\b", words)
    # text() drops spaces at the ends, and the parts need theirs.
    return "".join(
        inside(f"papers/{part}/", cited(part, contents))
        if index % 2 and part in contents.survey.papers
        else re.sub(r"\S+(?:\s+\S+)*", lambda match: text(match[0]), part)
        for index, part in enumerate(parts)
    )
