"""Charts of one detection: the score of every head, what chance reaches, what removing the found heads does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt

from survey_tools.charts.palette import ABOVE, BELOW, NARROW, PALETTE, WIDTH

Scores: TypeAlias = Sequence[Sequence[float | None]]


def score_heatmap(
    scores: Scores, found: Sequence[tuple[int, int]], threshold: float | None, title: str = "score"
) -> alt.VConcatChart:
    """Every head of a model as one cell: layers to the right, heads downwards.

    `scores` is `[layer][head]`; None (not measured) is drawn as a small cross. Scores up to `threshold`
    (what chance reaches) are grey in four steps, higher ones blue in five; without a threshold all are
    blue. `found` heads wear a ring. `title` names the score in the legend.
    """
    cells: list[dict[str, Any]] = [
        {"layer": layer, "head": head, "score": score}
        for layer, row in enumerate(scores)
        for head, score in enumerate(row)
    ]
    known = [cell["score"] for cell in cells if cell["score"] is not None]
    edges, colours = _colour_steps(known, threshold)
    for cell in cells:
        cell["step"] = None if cell["score"] is None else str(_step(cell["score"], edges))
    heads = max((len(row) for row in scores), default=0)
    step = max(5, min(22, WIDTH // max(len(scores), 1)))
    measured = [cell for cell in cells if cell["score"] is not None]
    unmeasured = [cell for cell in cells if cell["score"] is None]
    x = alt.X("layer:O", scale=_band(len(scores)), axis=_head_axis("layer", len(scores)))
    y = alt.Y("head:O", scale=_band(heads), axis=_head_axis("head", heads))
    colour = alt.Color(
        "step:N",
        scale=alt.Scale(domain=[str(index) for index in range(len(colours))], range=colours),
        legend=None,
    )
    grid = alt.Chart(alt.Data(values=measured)).mark_rect().encode(x=x, y=y, color=colour)
    rings = (
        alt.Chart(alt.Data(values=[{"layer": layer, "head": head} for layer, head in found]))
        .mark_point(
            shape="square", filled=False, stroke=PALETTE["found"], strokeWidth=2, size=(step + 1) ** 2, opacity=1
        )
        .encode(x=x, y=y)
    )
    crosses = (
        alt.Chart(alt.Data(values=unmeasured))
        .mark_point(shape="cross", filled=True, color=PALETTE["missing"], size=step**2 / 6, opacity=1)
        .encode(x=x, y=y)
    )
    plot = alt.layer(grid, crosses, rings).properties(width=alt.Step(step), height=alt.Step(step))
    return alt.vconcat(_colour_legend(edges, colours, threshold, title), plot, spacing=10)


def null_chart(largest_null_scores: Sequence[float], threshold: float, found_scores: Sequence[float]) -> alt.LayerChart:
    """What chance reaches: the largest score over heads in each draw, the threshold, and the heads found."""
    every = [*largest_null_scores, threshold, *found_scores]
    low, high = min(0.0, *every), max(every)
    width = (high - low or 1.0) / 44
    counts: dict[int, int] = {}
    for score in largest_null_scores:
        bar = int((score - low) / width)
        counts[bar] = counts.get(bar, 0) + 1
    tallest = max(counts.values(), default=1)
    bars = [
        {"from": round(low + bar * width, 6), "to": round(low + (bar + 1) * width, 6), "draws": count}
        for bar, count in sorted(counts.items())
    ]
    x_scale = alt.Scale(domain=[low, high + width], nice=False)
    histogram = (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(color=PALETTE["null"], binSpacing=1)
        .encode(
            x=alt.X("from:Q", scale=x_scale, axis=alt.Axis(title="score", tickCount=6, format=".2~f")),
            x2="to:Q",
            y2=alt.datum(0),
            y=alt.Y("draws:Q", scale=alt.Scale(domain=[0, tallest * 1.35]), axis=alt.Axis(tickCount=3)),
        )
    )
    line = alt.Chart(alt.Data(values=[{"score": threshold}])).encode(x=alt.X("score:Q", scale=x_scale))
    rule = line.mark_rule(color=PALETTE["ink"], strokeDash=[4, 3], strokeWidth=1.5)
    near_right = threshold > low + 0.7 * (high - low)
    label = line.mark_text(
        align="right" if near_right else "left", dx=-5 if near_right else 5, y=6, color=PALETTE["ink"], fontSize=11
    ).encode(text=alt.value(f"threshold {threshold:.3g}"))
    marks = (
        alt.Chart(alt.Data(values=[{"score": score} for score in found_scores]))
        .mark_point(shape="triangle-down", filled=True, color=PALETTE["found"], size=70, opacity=1, y=100)
        .encode(x=alt.X("score:Q", scale=x_scale))
    )
    return alt.layer(histogram, rule, label, marks).properties(width=NARROW, height=110)


def cause_chart(clean: float, ablated: float, random_values: Sequence[float], unit: str) -> alt.LayerChart:
    """A behaviour's number (in `unit`): model intact, found heads removed, as many random heads removed."""
    rows = ["intact", "found removed", "random removed"]
    y = alt.Y("row:N", sort=rows, scale=alt.Scale(domain=rows), axis=alt.Axis(title=None, ticks=False, domain=False))
    every = [clean, ablated, *random_values]
    margin = (max(every) - min(every) or abs(clean) or 1.0) * 0.16
    x = alt.X(
        "value:Q",
        scale=alt.Scale(domain=[min(every) - margin / 2, max(every) + margin], nice=False, zero=False),
        axis=alt.Axis(title=unit, tickCount=6, format=".3~g"),
    )
    chance = (
        alt.Chart(alt.Data(values=[{"row": rows[2], "value": value} for value in random_values]))
        .mark_tick(color=PALETTE["null"], thickness=2, height=16, opacity=1)
        .encode(x=x, y=y)
    )
    points = [
        {"row": rows[0], "value": clean, "label": _signed(clean), "kind": "clean"},
        {"row": rows[1], "value": ablated, "label": _signed(ablated), "kind": "found"},
    ]
    base = alt.Chart(alt.Data(values=points)).encode(x=x, y=y)
    dots = base.mark_point(filled=True, size=110, opacity=1).encode(
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=["clean", "found"], range=[PALETTE["clean"], PALETTE["found"]]),
            legend=None,
        ),
        shape=alt.Shape("kind:N", scale=alt.Scale(domain=["clean", "found"], range=["circle", "diamond"]), legend=None),
    )
    labels = base.mark_text(align="left", dx=10, fontSize=11, color=PALETTE["ink"]).encode(text="label:N")
    return alt.layer(chance, dots, labels).properties(width=NARROW - 60, height=84)


# ---------------------------------------------------------------- parts of the charts


def _colour_steps(scores: Sequence[float], threshold: float | None) -> tuple[list[float], list[str]]:
    """The inner and outer edges of the colour steps, and a colour for each step between them."""
    low, high = min([0.0, *scores]), max([0.0, *scores])
    if threshold is None:
        return _even(low, high if high > low else low + 1, len(ABOVE)), ABOVE
    low = min(low, threshold)
    below = _even(low, threshold, len(BELOW)) if threshold > low else [threshold]
    if high <= threshold:
        return below, BELOW[: len(below) - 1] or BELOW[:1]
    return [*below, *_even(threshold, high, len(ABOVE))[1:]], [*BELOW[: len(below) - 1], *ABOVE]


def _even(low: float, high: float, steps: int) -> list[float]:
    return [low + (high - low) * index / steps for index in range(steps + 1)]


def _step(score: float, edges: Sequence[float]) -> int:
    """Which step holds the score; a score on an edge belongs to the lower step, so chance's own limit stays grey."""
    inner = edges[1:-1]
    return sum(score > edge for edge in inner)


def _colour_legend(
    edges: Sequence[float], colours: Sequence[str], threshold: float | None, title: str
) -> alt.LayerChart:
    """Colour steps with the numbers that matter under them: lowest, threshold, highest; then the ring's meaning."""
    steps, side = len(colours), 26
    blocks = [{"at": index, "to": index + 1, "step": str(index)} for index in range(steps)]
    named = {0: f"{edges[0]:.2g}", steps: f"{edges[-1]:.2g}"}
    if threshold is not None and threshold in edges:
        named[edges.index(threshold)] = f"threshold {threshold:.3g}"
    scale = alt.Scale(domain=[0, steps], nice=False)
    x = alt.X("at:Q", scale=scale, axis=None)

    def words(values: list[dict[str, Any]], **look: Any) -> alt.Chart:
        base = alt.Chart(alt.Data(values=values)).encode(x=x)
        return base.mark_text(color=PALETTE["ink"], **look).encode(text="label:N")

    row = (
        alt.Chart(alt.Data(values=blocks))
        .mark_rect(height=8, y=22)
        .encode(
            x=x,
            x2="to:Q",
            color=alt.Color(
                "step:N", scale=alt.Scale(domain=[block["step"] for block in blocks], range=list(colours)), legend=None
            ),
        )
    )
    numbers = words([{"at": at, "label": label} for at, label in named.items()], y=35, fontSize=11)
    name = words([{"at": 0, "label": title}], y=5, fontSize=12, align="left")
    ring = (
        alt.Chart(alt.Data(values=[{"at": steps}]))
        .mark_point(
            shape="square", filled=False, stroke=PALETTE["found"], strokeWidth=2, size=90, opacity=1, y=22, xOffset=24
        )
        .encode(x=x)
    )
    ring_name = words([{"at": steps, "label": "found"}], y=22, fontSize=11, align="left", dx=34)
    return alt.layer(row, numbers, name, ring, ring_name).properties(width=side * steps, height=40)


def _signed(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _band(count: int) -> alt.Scale:
    return alt.Scale(domain=list(range(count)), paddingInner=0.1, paddingOuter=0.05)


def _head_axis(name: str, count: int) -> alt.Axis:
    every = next(stride for stride in (1, 2, 4, 5, 8, 10, 16, 20, 40, 80, 160) if count / stride <= 16)
    return alt.Axis(
        title=name, values=list(range(0, count, every)), labelAngle=0, domain=False, ticks=False, labelPadding=4
    )
