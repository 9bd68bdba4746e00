"""A comparison for people and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from survey_tools.exchange.comparison import Change, Comparison
from survey_tools.exchange.dataset import json_text
from survey_tools.knowledge.problems import plural

MOST_LISTED = 20
"""Of the entries that a list lacks: beside a library of ten papers nearly all of them."""


def as_text(comparison: Comparison) -> str:
    """The comparison to be read: what is missing here, changed, missing there, and tags nobody knows."""
    return "\n".join(_lines(comparison)) + "\n"


def as_json(comparison: Comparison) -> str:
    """The same for machines."""
    data: dict[str, Any] = {
        "list": comparison.listing.name,
        "papers": len(comparison.listing.papers),
        "missing_here": [
            {
                "line": missing.listed.line,
                "title": missing.listed.title,
                "published": missing.listed.published,
                "links": [*missing.listed.links, *missing.listed.code, *missing.listed.other_links],
                "tags": list(missing.listed.tags),
                "near": missing.near,
            }
            for missing in comparison.missing_here
        ],
        "changed": [
            {
                "paper": change.paper,
                "line": change.line,
                "field": change.field,
                "ours": change.ours,
                "theirs": change.theirs,
                "corrected_here": change.why,
            }
            for change in comparison.changed
        ],
        "missing_there": list(comparison.missing_there),
        "unknown_tags": [
            {"tag": unknown.tag, "lines": list(unknown.lines), "hint": unknown.hint}
            for unknown in comparison.unknown_tags
        ],
        "repeated": [{"paper": paper, "lines": list(lines)} for paper, lines in comparison.repeated],
        "unread": [{"line": line, "why": why} for line, why in comparison.listing.unread],
    }
    return json_text(data)


def _lines(comparison: Comparison) -> Iterator[str]:
    listing = comparison.listing
    yield f"{listing.name}: {plural(len(listing.papers), 'paper')}"
    if listing.unread:
        yield f"rows that could not be read: {len(listing.unread)}"
        yield from (f"  line {line}: {why}" for line, why in listing.unread)
    yield f"new (missing here): {len(comparison.missing_here)}"
    for missing in comparison.missing_here:
        listed = missing.listed
        near = f"; perhaps {missing.near}?" if missing.near else ""
        yield f"  line {listed.line}: {listed.title} ({listed.published or 'no date'}){near}"
    yield _count_of_changes(comparison.changed)
    said = ""
    for change in comparison.changed:
        if change.paper != said:
            said = change.paper
            yield f"  {said} (line {change.line})"
        yield f"    {change.field}: theirs {change.theirs} | ours {change.ours or 'nothing'}"
        if change.why:
            yield f"      corrected here: {change.why}"
    yield f"missing there: {len(comparison.missing_there)}"
    yield from (f"  {paper}" for paper in comparison.missing_there[:MOST_LISTED])
    if len(comparison.missing_there) > MOST_LISTED:
        yield f"  and {len(comparison.missing_there) - MOST_LISTED} more; --json names them all"
    if any(listed.tags for listed in listing.papers):
        yield f"unknown head tags: {len(comparison.unknown_tags)}"
    for unknown in comparison.unknown_tags:
        lines = ", ".join(str(line) for line in unknown.lines)
        yield f"  {unknown.tag} (line {lines})" + (f"; {unknown.hint}" if unknown.hint else "")
    for paper, at in comparison.repeated:
        yield f"{paper} stands there {len(at)} times: lines {', '.join(str(line) for line in at)}"


def _count_of_changes(changes: tuple[Change, ...]) -> str:
    papers = len({change.paper for change in changes})
    corrected = sum(change.why is not None for change in changes)
    aside = f", {corrected} of them corrected here with a reason" if corrected else ""
    return f"changed: {plural(len(changes), 'field')} of {plural(papers, 'paper')}{aside}"
