"""What papers say of concrete heads: kept apart from what was measured here, compared where both exist."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from survey_tools.knowledge.records import PublishedHead
from survey_tools.results.records import RunRecord
from survey_tools.site.contents import Contents
from survey_tools.site.elements import head_name, heads_page, inside, number, plural, table
from survey_tools.site.escape import text
from survey_tools.site.links import cited

EVIDENCE = {
    "paper": "stated in the paper",
    "official-code": "authors' code or data",
    "code-unidentified": "code of unknown repository",
    "secondary": "notes of others",
}


SHOWN = 6
"""Rows of a table that stand open; a ranking of eleven models would push the rest of a page out of sight."""


class _Group(NamedTuple):
    """What heads of one table row share."""

    paper: str
    model: str
    head_type: str | None
    role: str | None
    where: str
    evidence: str
    certainty: str
    score_kind: str | None


def published_by_type(rows: Iterable[tuple[str, PublishedHead]], contents: Contents) -> str:
    """Table for a head type's page: one row a paper, model and source of the information."""
    cells = [
        [
            inside(f"papers/{group.paper}/", cited(group.paper, contents)),
            _model_cell(group.model, contents),
            _heads_cell(heads, group.score_kind),
            _agreement(group, heads, contents),
            _source_cell(group),
        ]
        for group, heads in _grouped(rows).items()
    ]
    header = ["paper", "model", "heads", "agreement with our run", "where it is from"]
    if not any(row[3] for row in cells):
        return _folded(header[:3] + header[4:], [row[:3] + row[4:] for row in cells])
    return _folded(header, [[*row[:3], row[3] or "not run here", row[4]] for row in cells])


def published_by_paper(paper: str, heads: Iterable[PublishedHead], contents: Contents) -> str:
    """Table for a paper's page: one row a model and head type."""
    cells = []
    for group, members in _grouped((paper, head) for head in heads).items():
        named = group.head_type
        kind = text(group.role or "not named")
        if named:
            kind = inside(heads_page(named), text(contents.head_name(named)))
        cells.append(
            [kind, _model_cell(group.model, contents), _heads_cell(members, group.score_kind), _source_cell(group)]
        )
    return _folded(["type or role", "model", "heads", "where it is from"], cells)


def _folded(header: list[str], rows: list[list[str]]) -> str:
    """The first rows, and the others one click away."""
    if len(rows) <= SHOWN + 2:
        return table(header, rows, searchable=True)
    first, rest = rows[:SHOWN], rows[SHOWN:]
    return (
        f"{table(header, first, searchable=True)}\n\n<details><summary>{len(rest)} more rows</summary>\n"
        f"{table(header, rest, searchable=True)}\n</details>"
    )


def _grouped(rows: Iterable[tuple[str, PublishedHead]]) -> dict[_Group, list[PublishedHead]]:
    groups: dict[_Group, list[PublishedHead]] = {}
    for paper, head in rows:
        group = _Group(
            paper, head.model, head.head_type, head.role, head.where, head.evidence, head.certainty, head.score_kind
        )
        groups.setdefault(group, []).append(head)
    for heads in groups.values():
        heads.sort(key=lambda head: (head.rank or 0, head.layer, head.head))
    return groups


def _heads_cell(heads: list[PublishedHead], score_kind: str | None) -> str:
    shown = []
    for head in heads:
        score = f" <small>{number(head.score)}</small>" if head.score is not None else ""
        shown.append(f"<span class='nowrap'>{head_name(head.layer, head.head)}{score}</span>")
    ranked = max((head.rank or 0 for head in heads), default=0)
    notes = [f"{ranked} strongest, ranked"] if ranked else []
    if score_kind:
        notes.append(text(score_kind))
    note = f" <br><small class='quiet'>{'; '.join(notes)}</small>" if notes else ""
    return ", ".join(shown) + note + _other_forms(heads)


def _other_forms(heads: list[PublishedHead]) -> str:
    """`10.7` and `a10.h7`, as papers write heads: not shown, but found by the search."""
    forms = " ".join(f"{head.layer}.{head.head} a{head.layer}.h{head.head}" for head in heads)
    return f'<span class="other-forms" aria-hidden="true"> {forms}</span>'


def _model_cell(model: str, contents: Contents) -> str:
    ours = contents.model_called(model)
    return inside(f"models/{ours[0].id}/", text(model)) if ours else text(model)


def _source_cell(group: _Group) -> str:
    likely = ", likely" if group.certainty == "likely" else ""
    return f"{text(group.where)} <br><small class='quiet'>{EVIDENCE[group.evidence]}{likely}</small>"


def _agreement(group: _Group, heads: list[PublishedHead], contents: Contents) -> str:
    """For a model that ran here: how many of the published heads were found, and which were not."""
    models = {model.id: model.name for model in contents.model_called(group.model)}
    lines = [
        _agreement_line(heads, record, text(models[record.model]))
        for record in contents.records_of(group.head_type or "")
        if record.model in models
    ]
    return "<br>".join(lines)


def _agreement_line(heads: list[PublishedHead], record: RunRecord, name: str) -> str:
    found = {(head.layer, head.head) for head in record.found}
    published = {(head.layer, head.head) for head in heads}
    missed = ", ".join(head_name(*place) for place in sorted(published - found))
    missing = f"; not found: {missed}" if missed else ""
    return f"{name}: {len(published & found)} of {plural(len(published), 'head')} found here{missing}"
