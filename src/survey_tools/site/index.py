"""The lists of models and of circuits. Home, head types and papers have modules of their own."""

from __future__ import annotations

from survey_tools.site.contents import Contents
from survey_tools.site.elements import VERDICTS, badge, inside, joined, plural, table
from survey_tools.site.escape import text
from survey_tools.site.links import cited
from survey_tools.site.page import Page


def models_index(contents: Contents) -> Page:
    """All open models with the number of verdicts of each kind."""
    rows = []
    for model in contents.models:
        records = contents.records_on(model.id)
        counts = {verdict: sum(record.verdict == verdict for record in records) for verdict in VERDICTS}
        verdicts = "".join(f"<li>{badge(verdict)} × {count}</li>" for verdict, count in counts.items() if count)
        name = inside(f"models/{model.id}/", text(model.name))
        rows.append(
            [
                f'{name} <br><span class="quiet">{text(model.summary)}</span>',
                f"{model.shape.layers} × {model.shape.heads}",
                f"{model.shape.d_model:,}",
                text(model.licence.name),
                f'<ul class="by-model">{verdicts}</ul>' if verdicts else badge("not run yet"),
            ]
        )
    listing = (
        table(["model", "layers × heads", "width", "licence", "verdicts"], rows, numeric=[1, 2])
        if rows
        else "None yet."
    )
    planted = "A planted model has heads put at known places: a detector must find exactly those."
    lead = f"{plural(len(rows), 'open model')}. {planted}"
    return Page(
        "models/index",
        "Models",
        "The open models that head types are looked for in.",
        joined(["# Models", lead, listing]),
    )


def circuits_index(contents: Contents) -> Page:
    """All circuits."""
    rows = []
    for circuit in contents.survey.circuits.values():
        count = sum(len(group.heads) for group in circuit.heads)
        rows.append(
            [
                inside(f"circuits/{circuit.id}/", text(circuit.name)),
                text(circuit.task),
                text(circuit.model),
                inside(f"papers/{circuit.paper}/", cited(circuit.paper, contents)),
                str(count) if count else "–",
            ]
        )
    listing = table(["circuit", "task", "model", "paper", "heads"], rows, numeric=[4]) if rows else "None yet."
    lead = f"{plural(len(rows), 'circuit')}: heads that work together, as papers report them."
    return Page("circuits/index", "Circuits", "Heads that work together.", joined(["# Circuits", lead, listing]))
