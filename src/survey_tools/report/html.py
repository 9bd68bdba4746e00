"""A detection as one HTML page: opens from a disk, an e-mail or a web server, fetches nothing, runs nothing.

Its parts are those of the website's pages of head types, so that a number looks the same in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from survey_tools.report.facts import RunFacts
from survey_tools.results.records import Measurement
from survey_tools.results.tables import head_cells
from survey_tools.site.elements import badge, facts, joined, plural, table
from survey_tools.site.escape import text
from survey_tools.site.verdict_card import (
    cause_figure,
    checks,
    environment_facts,
    head_table,
    heatmap,
    metric_line,
    near_table,
    null_figure,
    verdict_box,
)

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""The browser itself refuses whatever this page might try to fetch or run."""
NAMED = 6
"""Heads named in the summary; the sections list all."""


def page(measurements: Sequence[Measurement], run: RunFacts) -> str:
    """The whole page. Raises ValueError without a measurement: there would be no model to speak of."""
    if not measurements:
        raise ValueError("a report needs at least one measurement")
    first = measurements[0]
    title = f"Attention heads of {text(first.model)}"
    body = joined(
        [
            f"<h1>{title}</h1>",
            f"<p class='quiet'>{first.layers} layers, {plural(sum(first.heads), 'head')}; "
            f"weights <code>{text(first.model_digest[:16])}</code>.</p>",
            _summary(measurements),
            *(_section(measurement) for measurement in measurements),
            _run(first, run),
        ]
    )
    style = files("survey_tools.report").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _summary(measurements: Sequence[Measurement]) -> str:
    rows = []
    for measurement in measurements:
        heads = [head_cells(head).name for head in measurement.found[:NAMED]]
        more = len(measurement.found) - len(heads)
        found = ", ".join(heads) + (f" and {more} more" if more else "")
        link = f'<a href="#{text(measurement.entry)}">{text(measurement.entry)}</a>'
        rows.append([link, badge(measurement.verdict), found or "–"])
    return table(["head type", "verdict", "heads found"], rows)


def _section(measurement: Measurement) -> str:
    found = measurement.found
    shape = f"{measurement.layers} layers, {plural(sum(measurement.heads), 'head')}"
    return joined(
        [
            f'<section id="{text(measurement.entry)}">\n<h2>{text(measurement.entry)}</h2>',
            verdict_box(measurement, text(measurement.model)),
            heatmap(measurement),
            metric_line(measurement.metric, text(measurement.metric.source)),
            f"<h3>Heads found</h3>\n{head_table(measurement, found)}"
            if found
            else f"<p>No head of {shape} passed every criterion.</p>",
            f'<div class="pair">{null_figure(measurement)}{cause_figure(measurement.cause)}</div>',
            checks(measurement),
            near_table(measurement),
            "</section>",
        ]
    )


def _run(measurement: Measurement, run: RunFacts) -> str:
    own = {"Method", "Prompts", "Stimulus drawn"}  # differ between head types; their sections say them
    shared = [(name, value) for name, value in environment_facts(measurement, run.environment) if name not in own]
    return (
        '<section id="run">\n<h2>The run</h2>\n'
        f"{facts(shared)}\n<p>Repeat it:</p>\n<pre><code>{text(run.command)}</code></pre>\n</section>"
    )
