"""One run on a head type's page: verdict, charts, numbers, and how to run it again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from survey_tools import charts
from survey_tools.results.records import Cause, Environment, FoundHead, Measurement, Metric, RunRecord
from survey_tools.results.tables import Notation, head_cells
from survey_tools.site.contents import Contents
from survey_tools.site.elements import (
    aligned,
    badge,
    facts,
    figure,
    head_name,
    inside,
    interval,
    joined,
    number,
    plural,
    probability,
    table,
    task_page_of,
)
from survey_tools.site.escape import code_block, text
from survey_tools.site.formula import formula

TYPOGRAPHIC = Notation(number=aligned, probability=probability, nothing="–")
"""Numbers of a table as HTML."""
MANY_LAYERS = 20
"""From here on the map of heads fills the column; a smaller one keeps its own size."""


def measured_section(record: RunRecord, contents: Contents, svg_cache: Path | None) -> str:
    """Everything measured for one entry on one model, under a heading of its own."""
    name = contents.model_name(record.model)
    known = record.model in contents.survey.models
    heading = f"### {text(name)} {{ #{anchor(record.model)} }}"
    return joined(
        [
            heading,
            verdict_box(record, inside(f"models/{record.model}/", text(name)) if known else text(name)),
            heatmap(record, svg_cache),
            _metric(record, contents),
            found_table(record),
            f'<div class="pair">{null_figure(record, svg_cache)}{cause_figure(record.cause, svg_cache)}</div>',
            checks(record, _task(record, contents)),
            near_table(record),
            _environment(record),
            _again(record, contents),
        ]
    )


def anchor(model: str) -> str:
    """Fragment of the section about one model."""
    return "on-" + model.replace(".", "-")


def verdict_box(record: Measurement, model: str) -> str:
    """Verdict, reason and found heads; `model` is the model's name as HTML."""
    slug = record.verdict.replace(" ", "-")
    found = ", ".join(head_name(head.layer, head.head) for head in record.found)
    names = f"<p>Found: {found}</p>" if found else ""
    return (
        f'<div class="verdict-box verdict-box--{slug}">{badge(record.verdict)}\n'
        f"<p>{text(record.reason)}</p>{names}\n"
        f"<p class='quiet'>{model}: {record.layers} layers, {plural(sum(record.heads), 'head')}. "
        f"Stimulus: {text(record.metric.stimulus)}</p></div>"
    )


def heatmap(record: Measurement, svg_cache: Path | None = None) -> str:
    """The score of every head."""
    found = [(head.layer, head.head) for head in record.found]
    threshold = record.null.threshold if record.null else None
    names = ", ".join(head_name(*place) for place in found) or "none"
    svg = charts.to_svg(
        charts.score_heatmap(record.scores, found, threshold, record.metric.name),
        f"{record.metric.name} of every head of {record.model}",
        f"{record.layers} layers by up to {max(record.heads)} heads. Heads found: {names}."
        + (f" Chance reaches {threshold:.3g}." if threshold is not None else ""),
        svg_cache,
    )
    grey = "Grey: within what chance reaches. " if threshold is not None else ""
    caption = f"Score of every head. {grey}Framed: found. A small cross: not measured."
    return figure(svg, caption, "chart chart--wide" if record.layers >= MANY_LAYERS else "chart")


def _metric(record: RunRecord, contents: Contents) -> str:
    source = record.metric.source
    known = source in contents.survey.papers
    return metric_line(record.metric, inside(f"papers/{source}/", text(source)) if known else text(source))


def metric_line(metric: Metric, source: str) -> str:
    """What the score is; `source`, the paper whose metric it is, as HTML."""
    return (
        f'<p class="quiet">{text(metric.name)} {formula(metric.formula, display=False)}, '
        f"from {number(metric.low)} to {number(metric.high)}; smallest difference from the control that counts: "
        f"{number(metric.minimum_effect)}; "
        f"metric of {source}.</p>"
    )


def found_table(record: Measurement) -> str:
    """The heads that passed, with the heading of Markdown above them."""
    if not record.found:
        return "<p>No head passed every criterion.</p>"
    return "#### Heads found\n\n" + head_table(record, record.found)


def head_table(record: Measurement, heads: Sequence[FoundHead], missed: bool = False) -> str:
    """One row a head; `missed` adds the criteria that it missed."""
    writes = ["writes", "interval"] if record.write else []
    header = ["head", "score", "interval", "control", "p", *writes, *(["fails"] if missed else [])]
    rows = []
    for head in heads:
        cells = head_cells(head, TYPOGRAPHIC)
        row = [f"<strong>{cells.name}</strong>", cells.score, cells.interval, cells.control, cells.p_value]
        row += [cells.write, cells.write_interval] if writes else []
        rows.append([*row, text(cells.missed)] if missed else row)
    return table(header, rows, numeric=range(1, len(header) - missed))


def near_table(record: Measurement) -> str:
    """The heads that failed a criterion, folded away; nothing where there are none."""
    if not record.near:
        return ""
    title = f"Near misses: {plural(len(record.near), 'head')} that failed a criterion"
    return f"<details><summary>{title}</summary>\n{head_table(record, record.near, missed=True)}\n</details>"


def null_figure(record: Measurement, svg_cache: Path | None = None) -> str:
    """What chance reaches, or nothing for a method without a null."""
    null = record.null
    if null is None:
        return ""
    svg = charts.to_svg(
        charts.null_chart(null.largest, null.threshold, [head.score for head in record.found]),
        "What chance reaches",
        f"Largest score over heads in {null.draws} random draws; {null.quantile:.0%} of such draws stay below "
        f"{null.threshold:.3g}; {len(record.found)} heads found lie above.",
        svg_cache,
    )
    caption = (
        f"<strong>Chance.</strong> {text(null.name)}: largest score over all heads in {plural(null.draws, 'draw')}; "
        f"{null.quantile:.0%} of such draws stay below the threshold, {number(null.threshold)}. "
        f"{plural(null.passed, 'head')} above it; triangles are the heads found."
    )
    return figure(svg, caption)


def cause_figure(cause: Cause, svg_cache: Path | None = None) -> str:
    """What removing the found heads does, or why that was not tested."""
    if not cause.claimed:
        return _plain_cause("Cause: not claimed.", "The definition claims no effect, so none was looked for.")
    if not cause.tested or cause.clean is None or cause.ablated is None:
        return _plain_cause("Cause: not tested.", text(cause.reason or "no reason was recorded"))
    unit, behaviour = cause.unit or "", cause.behaviour or "behaviour"
    svg = charts.to_svg(
        charts.cause_chart(cause.clean, cause.ablated, cause.random, f"{behaviour} ({unit})" if unit else behaviour),
        "What removing the heads does",
        f"{behaviour}: {cause.clean:.3g} intact, {cause.ablated:.3g} with the found heads removed; "
        f"{len(cause.random)} random sets of heads for comparison.",
        svg_cache,
    )
    holds = {True: "holds", False: "does not hold", None: "is undecided"}[cause.holds]
    worse = f" ({cause.harm} is worse)" if cause.harm else ""
    sets = "all sets there are" if cause.sets == "all" else "drawn at random"
    effect = "" if cause.effect is None else f" Effect beyond random {number(cause.effect)} {text(unit)}"
    effect += f" ({interval(cause.effect_interval)})" if cause.effect_interval else ""
    p_value = "" if cause.p_value is None else f", p {probability(cause.p_value)}"
    caption = (
        f"<strong>Cause {holds}.</strong> {text(behaviour)}{worse} under {text(cause.method or 'removal')}: intact "
        f"{number(cause.clean)}, found heads removed {number(cause.ablated)}; {plural(len(cause.random), 'set')} of as "
        f"many heads of the same layers, {sets}.{effect}{p_value}{'.' if effect or p_value else ''}"
    )
    return figure(svg, caption)


def _plain_cause(title: str, reason: str) -> str:
    return f'<div class="chart chart--none"><p><strong>{title}</strong> {reason}</p></div>'


def _task(record: RunRecord, contents: Contents) -> str:
    if record.capability is None:
        return ""
    task = record.capability.task
    name = text(contents.task_name(task))
    return inside(task_page_of(task), name) if task in contents.tasks else name


def checks(record: Measurement, task: str = "") -> str:
    """Capability, control, write and the detector's own controls, as facts; `task`, the one asked, as HTML."""
    control, write, capability, accepted = record.control, record.write, record.capability, record.acceptance

    def passed(yes: bool) -> str:
        return '<span class="pass">passed</span>' if yes else '<span class="fail">failed</span>'

    pairs = []
    if capability:
        shown = "present" if capability.present else "absent"
        asked = f"{task}: " if task else ""
        pairs.append(
            (
                "Capability",
                f"{asked}{text(capability.name)}: {number(capability.value)} ({interval(capability.interval)}), "
                f"chance {number(capability.chance)}, needed {number(capability.needed)}, "
                f"{plural(capability.items, 'item')}: behaviour {shown}",
            )
        )
    if control:
        pairs.append(
            (
                "Paired control",
                f"{text(control.name)}: {plural(control.passed, 'head')} pass at a false discovery rate of "
                f"{number(control.rate)}",
            )
        )
    if write:
        pairs.append(
            (
                "Write",
                f"{text(write.name)} {formula(write.formula, display=False)}; at chance {number(write.at_chance)}",
            )
        )
    pairs += [
        ("Positive control", f"{passed(accepted.positive_passed)}: {text(accepted.positive)}"),
        ("Negative control", f"{passed(accepted.negative_passed)}: {text(accepted.negative)}"),
    ]
    return facts(pairs)


def _environment(record: RunRecord) -> str:
    listing = facts(environment_facts(record, record.environment, record.digest), "facts facts--small")
    return f"<details><summary>Environment: seed, prompts, versions, digests</summary>\n{listing}\n</details>"


def environment_facts(record: Measurement, here: Environment, digest: str = "") -> list[tuple[str, str]]:
    """Where and with what a measurement was made, as names and HTML; `digest` is that of a run record."""
    versions = ", ".join(f"{text(name)} {text(version)}" for name, version in sorted(here.versions.items()))
    drawn = ", ".join(f"{text(name)} {text(value)}" for name, value in sorted(record.stimulus.items()))
    return [
        ("Method", text(record.method)),
        ("Seed", text(record.seed)),
        ("Prompts", text(record.prompts)),
        ("Stimulus drawn", drawn),
        ("Device", f"{text(here.device)}, {text(here.dtype)}"),
        ("Versions", versions),
        ("Time", f"{here.seconds:,.0f} s" if here.seconds is not None else ""),
        ("Peak memory", f"{here.peak_memory_mb:,.0f} MB" if here.peak_memory_mb is not None else ""),
        ("Finished", text(here.finished or "")),
        ("Commit", f"<code>{text(here.commit)}</code>" if here.commit else ""),
        ("Weights", f"<code>{text(record.model_digest)}</code>"),
        ("Digest", f"<code>{text(digest)}</code>" if digest else ""),
    ]


def _again(record: RunRecord, contents: Contents) -> str:
    executed = contents.executed.get(record.run_id)
    links = [inside(f"records/{record.model}/{record.entry}.json", "Record (JSON)")]
    if executed:
        links = [inside(executed.address, "Executed notebook"), inside(executed.download, "Download .ipynb"), *links]
    else:
        links.append("notebook not executed in this build")
    command = code_block(f"survey run {record.entry} --model {record.model}", "sh")
    return f'<p class="links">{" · ".join(links)}</p>\n\nRun it again:\n\n{command}'
