"""Links to entries by their id, with the name a reader knows; plain text where the survey has no such entry."""

from __future__ import annotations

from collections.abc import Iterable

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
