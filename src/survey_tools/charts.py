"""Charts of heads: plain numbers in, Altair charts and accessible static SVG out.

The same functions serve notebooks and site, so that both show one picture. Records are unknown here.

An SVG has no background, and each colour is written `var(--chart-<role>, <hex>)`: a page may set the
variables for its dark scheme, and without a page (a notebook, a file) the neutral hex values are
readable on white and on black. Heads are marked by shape as well as colour.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import altair as alt
import vl_convert

Scores = Sequence[Sequence[float | None]]

PALETTE = {
    "ink": "#6b7280",
    "line": "#9aa3af",
    "missing": "#8d6e63",
    "below-1": "#eef1f4",
    "below-2": "#e0e5ea",
    "below-3": "#d1d8df",
    "below-4": "#c0c9d3",
    "above-1": "#a8cbee",
    "above-2": "#7db0e2",
    "above-3": "#5191d0",
    "above-4": "#2c6fb3",
    "above-5": "#124a84",
    "found": "#d9480f",
    "null": "#94a3b8",
    "clean": "#2b7a4b",
}
"""Role -> colour on its own; the role's CSS variable is `--chart-<role>`."""

BELOW = [PALETTE[f"below-{step}"] for step in range(1, 5)]
ABOVE = [PALETTE[f"above-{step}"] for step in range(1, 6)]
WIDTH = 420
"""Of a heatmap in CSS pixels: a phone shows it at about four fifths, text still readable."""
NARROW = 330
"""Of the charts that stand side by side: a phone shows them at full size."""

_SVG = "http://www.w3.org/2000/svg"
_FONT = "Arial"
"""For measuring text: vl-convert brings a metric twin of it, so pictures don't depend on the machine."""


@dataclass(frozen=True)
class StaticFigure:
    """An SVG that a notebook shows as it is (Altair's own display would fetch scripts from a CDN)."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


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


def to_svg(chart: alt.TopLevelMixin, title: str, description: str, cache: Path | None = None) -> str:
    """Static SVG of a chart, with `title` and `description` for those who cannot see it.

    With `cache` (a folder) an SVG made before from equal content is read instead of drawn: drawing one
    takes a tenth of a second. The text holds no path, date or other trace of the machine.
    """
    specification = _themed(chart).to_dict()
    recipe = json.dumps([specification, title, description, _DRAWING], sort_keys=True)
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    kept = cache / f"{digest}.svg" if cache else None
    if kept and kept.is_file():
        return kept.read_text(encoding="utf-8")
    svg = _tidy(vl_convert.vegalite_to_svg(specification), title, description, digest)
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(svg, encoding="utf-8")
    return svg


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


def _themed(chart: alt.TopLevelMixin) -> Any:
    ink, line = PALETTE["ink"], PALETTE["line"]
    return chart.configure(font=_FONT, background="transparent", aria=False, padding=4).configure_axis(
        grid=False, labelColor=ink, titleColor=ink, domainColor=line, tickColor=line,
        labelFontSize=11, titleFontSize=12, titleFontWeight="normal", tickSize=4,
    ).configure_view(stroke=None).configure_concat(spacing=8)  # fmt: skip


# ---------------------------------------------------------------- from Vega's SVG to ours

_DRAWING = 1
"""Version of `_tidy`: raising it makes cached pictures be drawn again."""

_KEPT = {
    "transform", "d", "fill", "stroke", "stroke-width", "stroke-dasharray", "text-anchor", "font-size",
    "x", "y", "x1", "x2", "y1", "y2", "opacity",
}  # fmt: skip
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_BOX = re.compile(r"M(?P<x>-?[\d.]+),(?P<y>-?[\d.]+)h(?P<width>[\d.]+)v(?P<height>[\d.]+)h-[\d.]+Z")


def _tidy(svg: str, title: str, description: str, digest: str) -> str:
    """Smaller and accessible: names for readers, colours as variables, equal marks joined into one path."""
    root = ElementTree.fromstring(svg)
    width, height = (math.ceil(float(root.get(side, "0"))) for side in ("width", "height"))
    body = "".join(_drawn(child) for child in root)
    name = f"chart-{digest}"
    return (
        f'<svg xmlns="{_SVG}" class="survey-chart" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="{name}-title {name}-desc" font-family="system-ui, Arial, sans-serif">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f'<g fill="none" stroke-miterlimit="10">{body}</g></svg>\n'
    )


def _drawn(element: ElementTree.Element) -> str:
    tag = element.tag.removeprefix(f"{{{_SVG}}}")
    if element.get("class") in ("background", "foreground") or tag == "defs":
        return ""
    attributes = {key: _value(value) for key, value in element.attrib.items() if key in _KEPT}
    if attributes.get("opacity") == "1":
        del attributes["opacity"]
    if attributes.get("transform") == "translate(0,0)":
        del attributes["transform"]
    written = "".join(f' {key}="{escape(value, {chr(34): "&quot;"})}"' for key, value in attributes.items())
    if tag == "g":
        inside = "".join(_drawn(child) for child in _joined(element))
        return inside and (f"<g{written}>{inside}</g>" if written else inside)
    if tag == "text":
        return f"<text{written}>{escape(element.text or '')}</text>" if element.text else ""
    return f"<{tag}{written}/>"


def _joined(group: ElementTree.Element) -> list[ElementTree.Element]:
    """Equal rectangles of one colour become one path of thick strokes: a 30 x 9 heatmap shrinks to a sixth."""
    if "mark-rect" not in (group.get("class") or ""):
        return list(group)
    boxes = [(child, _BOX.fullmatch(child.get("d", ""))) for child in group]
    if len({box["height"] if box else None for _, box in boxes}) != 1:
        return list(group)
    by_colour: dict[str, ElementTree.Element] = {}
    for child, box in boxes:
        if box is None:
            return list(group)
        colour, height = child.get("fill", ""), float(box["height"])
        look = {"stroke": colour, "stroke-width": str(height), "d": ""}
        path = by_colour.setdefault(colour, ElementTree.Element(f"{{{_SVG}}}path", look))
        path.set("d", f"{path.get('d')}M{box['x']},{float(box['y']) + height / 2:.4f}h{box['width']}")
    return list(by_colour.values())


def _value(text: str) -> str:
    for role, colour in PALETTE.items():
        if text == colour:
            return f"var(--chart-{role},{colour})"
    return _NUMBER.sub(lambda match: f"{round(float(match[0]), 1):g}", text)
