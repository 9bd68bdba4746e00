"""The page of a circuit: who feeds whom, and which heads."""

from __future__ import annotations

from survey_tools.knowledge.records import Circuit, CircuitHeads
from survey_tools.site.circuit_drawing import Node, circuit_svg
from survey_tools.site.contents import Contents
from survey_tools.site.elements import bullets, entry_footer, facts, figure, heads_page, inside, joined, plural, table
from survey_tools.site.escape import text
from survey_tools.site.page import Page


def circuit_page(circuit: Circuit, contents: Contents) -> Page:
    """The task, the flow as a picture and as words, the heads of each class."""
    count = sum(len(group.heads) for group in circuit.heads)
    title = f"{circuit.name} circuit"
    body = joined(
        [
            f"# {text(title)}",
            f'<p class="crumbs">{inside("circuits/", "Circuits")} <span>›</span> {text(circuit.id)}</p>',
            f'<p class="lead">{text(circuit.task)}</p>',
            _facts(circuit, contents),
            _drawing(circuit, contents),
            _flow(circuit, contents),
            f"## Heads\n\n{plural(count, 'head')} in {plural(len(circuit.heads), 'class', 'classes')}.",
            _heads(circuit, contents),
            entry_footer(f"head_taxonomy/circuits/{circuit.id}.yml", f"circuits/{circuit.id}.json"),
        ]
    )
    return Page(f"circuits/{circuit.id}", title, circuit.task, body, boost=2)


def _facts(circuit: Circuit, contents: Contents) -> str:
    paper = contents.survey.papers.get(circuit.paper)
    source = inside(f"papers/{circuit.paper}/", text(paper.title)) if paper else text(circuit.paper)
    ours = contents.model_called(circuit.model)
    model = inside(f"models/{ours[0].id}/", text(circuit.model)) if ours else text(circuit.model)
    return facts(
        [
            ("Model", model),
            ("Paper", source),
            ("How sure", text(circuit.certainty)),
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
    rows = []
    for group in circuit.heads:
        label = text(_label(_named(group), contents))
        known = group.head_type in contents.survey.head_types
        name = inside(heads_page(group.head_type or ""), label) if known else label
        role = f' <br><span class="quiet">{text(group.role)}</span>' if group.role and group.head_type else ""
        rows.append([name + role, text(", ".join(group.heads)) or "not listed"])
    return table(["class", "heads"], rows, searchable=True)
