"""One run on a head type's page: verdict, charts, numbers, and how to run it again."""

from __future__ import annotations

from pathlib import Path

from survey_tools import charts
from survey_tools.results.records import Cause, FoundHead, RunRecord
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
)
from survey_tools.site.escape import code_block, text
from survey_tools.site.formula import formula

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
            _verdict_box(record, inside(f"models/{record.model}/", text(name)) if known else text(name)),
            _heatmap(record, svg_cache),
            _metric(record, contents),
            _found_table(record),
            f'<div class="pair">{_null(record, svg_cache)}{_cause(record.cause, svg_cache)}</div>',
            _checks(record),
            _near_table(record),
            _environment(record),
            _again(record, contents),
        ]
    )


def anchor(model: str) -> str:
    """Fragment of the section about one model."""
    return "on-" + model.replace(".", "-")


def _verdict_box(record: RunRecord, model: str) -> str:
    slug = record.verdict.replace(" ", "-")
    found = ", ".join(head_name(head.layer, head.head) for head in record.found)
    names = f"<p>Found: {found}</p>" if found else ""
    return (
        f'<div class="verdict-box verdict-box--{slug}">{badge(record.verdict)}\n'
        f"<p>{text(record.reason)}</p>{names}\n"
        f"<p class='quiet'>{model}: {record.layers} layers, {plural(sum(record.heads), 'head')}. "
        f"Stimulus: {text(record.metric.stimulus)}</p></div>"
    )


def _heatmap(record: RunRecord, svg_cache: Path | None) -> str:
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
    metric = record.metric
    known = metric.source in contents.survey.papers
    source = f"metric of {inside(f'papers/{metric.source}/', text(metric.source)) if known else text(metric.source)}"
    return (
        f'<p class="quiet">{text(metric.name)} {formula(metric.formula, display=False)}, '
        f"from {number(metric.low)} to {number(metric.high)}; minimum effect {number(metric.minimum_effect)}; "
        f"{source}.</p>"
    )


def _found_table(record: RunRecord) -> str:
    if not record.found:
        return "<p>No head passed every criterion.</p>"
    header = ["head", "score", "interval", "control", "p", *(["writes", "interval"] if record.write else [])]
    rows = [_row(head, bool(record.write)) for head in record.found]
    return "#### Heads found\n\n" + table(header, rows, numeric=range(1, len(header)))


def _near_table(record: RunRecord) -> str:
    if not record.near:
        return ""
    header = ["head", "score", "interval", "control", "p", *(["writes", "interval"] if record.write else []), "fails"]
    rows = [[*_row(head, bool(record.write)), text(", ".join(head.failed))] for head in record.near]
    listing = table(header, rows, numeric=range(1, len(header) - 1))
    title = f"Near misses: {plural(len(rows), 'head')} that failed a criterion"
    return f"<details><summary>{title}</summary>\n{listing}\n</details>"


def _row(head: FoundHead, with_write: bool) -> list[str]:
    cells = [
        f"<strong>{head_name(head.layer, head.head)}</strong>",
        aligned(head.score),
        _span(head.interval),
        aligned(head.control),
        probability(head.p_value),
    ]
    return [*cells, aligned(head.write), _span(head.write_interval)] if with_write else cells


def _span(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else f"{aligned(bounds[0])} to {aligned(bounds[1])}"


def _null(record: RunRecord, svg_cache: Path | None) -> str:
    null = record.null
    if null is None:
        return ""
    svg = charts.to_svg(
        charts.null_chart(null.largest, null.threshold, [head.score for head in record.found]),
        "What chance reaches",
        f"Largest score over heads in {null.draws} random draws; the {null.quantile:.0%} quantile is "
        f"{null.threshold:.3g}; {len(record.found)} heads found lie above.",
        svg_cache,
    )
    caption = (
        f"<strong>Chance.</strong> {text(null.name)}: largest score over all heads in {plural(null.draws, 'draw')}; "
        f"the threshold is their {null.quantile:.0%} quantile, {number(null.threshold)}. "
        f"{plural(null.passed, 'head')} above it; triangles are the heads found."
    )
    return figure(svg, caption)


def _cause(cause: Cause, svg_cache: Path | None) -> str:
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


def _checks(record: RunRecord) -> str:
    control, write, capability, accepted = record.control, record.write, record.capability, record.acceptance

    def passed(yes: bool) -> str:
        return '<span class="pass">passed</span>' if yes else '<span class="fail">failed</span>'

    pairs = []
    if capability:
        shown = "present" if capability.present else "absent"
        pairs.append(
            (
                "Capability",
                f"{text(capability.name)}: {number(capability.value)} ({interval(capability.interval)}), chance "
                f"{number(capability.chance)}, needed {number(capability.needed)}, {plural(capability.items, 'item')}: "
                f"behaviour {shown}",
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
    here = record.environment
    versions = ", ".join(f"{text(name)} {text(version)}" for name, version in sorted(here.versions.items()))
    drawn = ", ".join(f"{text(name)} {text(value)}" for name, value in sorted(record.stimulus.items()))
    listing = facts(
        [
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
            ("Digest", f"<code>{text(record.digest)}</code>"),
        ],
        "facts facts--small",
    )
    return f"<details><summary>Environment: seed, prompts, versions, digests</summary>\n{listing}\n</details>"


def _again(record: RunRecord, contents: Contents) -> str:
    executed = contents.executed.get(record.run_id)
    links = [inside(f"records/{record.model}/{record.entry}.json", "Record (JSON)")]
    if executed:
        links = [inside(executed.address, "Executed notebook"), inside(executed.download, "Download .ipynb"), *links]
    else:
        links.append("notebook not executed in this build")
    command = code_block(f"survey run {record.entry} --model {record.model}", "sh")
    return f'<p class="links">{" · ".join(links)}</p>\n\nRun it again:\n\n{command}'
