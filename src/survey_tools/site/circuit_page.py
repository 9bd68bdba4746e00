"""The page of a circuit: who feeds whom, and which heads."""

from __future__ import annotations

import re

from survey_tools.knowledge.records import Circuit, CircuitHeads
from survey_tools.site.circuit_drawing import Node, circuit_svg
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    bullets,
    corrections,
    entry_footer,
    facts,
    figure,
    heads_page,
    inside,
    joined,
    plural,
    table,
)
from survey_tools.site.escape import text
from survey_tools.site.links import model_links
from survey_tools.site.page import Page


def circuit_page(circuit: Circuit, contents: Contents) -> Page:
    """The task, the flow as a picture and as words, the heads of each class."""
    title = circuit.name if re.search(r"\bcircuits?\b", circuit.name, re.IGNORECASE) else f"{circuit.name} circuit"
    body = joined(
        [
            f"# {text(title)}",
            f'<p class="crumbs">{inside("circuits/", "Circuits")} <span>›</span> {text(circuit.id)}</p>',
            f'<p class="lead">{text(circuit.task)}</p>',
            _facts(circuit, contents),
            _drawing(circuit, contents),
            _flow(circuit, contents),
            _heads(circuit, contents),
            corrections(circuit.corrections),
            entry_footer(f"head_taxonomy/circuits/{circuit.id}.yml", f"circuits/{circuit.id}.json"),
        ]
    )
    return Page(f"circuits/{circuit.id}", title, circuit.task, body, boost=2)


def _facts(circuit: Circuit, contents: Contents) -> str:
    paper = contents.survey.papers.get(circuit.paper)
    source = inside(f"papers/{circuit.paper}/", text(paper.title)) if paper else text(circuit.paper)
    survey = inside(f"papers/{contents.survey.framework.source}/", "the survey of the framework")
    return facts(
        [
            ("Model", model_links(circuit.model, contents)),
            ("Paper", source),
            ("Told in", f"{survey}, too" if circuit.in_survey else ""),
            ("How sure", text(circuit.certainty or "")),
            ("Notes", text(circuit.notes or "")),
        ]
    )


def _named(group: CircuitHeads) -> str:
    return group.head_type or group.role or ""


def _label(name: str, contents: Contents) -> str:
    return contents.survey.head_types[name].name if name in contents.survey.head_types else name


def _drawing(circuit: Circuit, contents: Contents) -> str:
    if not circuit.flow:
        return ""
    heads = {_named(group): group.heads for group in circuit.heads}
    names = dict.fromkeys([*(end for arrow in circuit.flow for end in (arrow.source, arrow.target)), *heads])
    nodes = [Node(name, _label(name, contents), tuple(heads.get(name, ()))) for name in names]
    arrows = [(arrow.source, arrow.target) for arrow in circuit.flow]
    svg = circuit_svg(circuit.id, circuit.name, nodes, arrows)
    return figure(
        svg, "Read downwards: what a class writes is read by the class an arrow leads to.", "chart chart--circuit"
    )


def _flow(circuit: Circuit, contents: Contents) -> str:
    if not circuit.flow:
        return "## Flow\n\nNo flow between classes is recorded."

    def end(name: str) -> str:
        label = text(_label(name, contents))
        return inside(heads_page(name), label) if name in contents.survey.head_types else label

    rows = []
    for arrow in circuit.flow:
        note = f' <span class="quiet">{text(arrow.note)}</span>' if arrow.note else ""
        rows.append(f"{end(arrow.source)} → {end(arrow.target)}{note}")
    return "## Flow\n\n" + bullets(rows, "plain")


def _heads(circuit: Circuit, contents: Contents) -> str:
    if not circuit.heads:
        return "## Heads\n\nNo head of it is recorded."
    count = sum(len(group.heads) for group in circuit.heads)
    classes = plural(len(circuit.heads), "class", "classes")
    lead = f"{plural(count, 'head')} in {classes}." if count else f"{classes}, without the heads by number."
    rows = []
    for group in circuit.heads:
        label = text(_label(_named(group), contents))
        known = group.head_type in contents.survey.head_types
        name = inside(heads_page(group.head_type or ""), label) if known else label
        role = f' <br><span class="quiet">{text(group.role)}</span>' if group.role and group.head_type else ""
        rows.append([name + role, text(", ".join(group.heads)) or "not listed"])
    return f"## Heads\n\n{lead}\n\n" + table(["class", "heads"], rows, searchable=True)
