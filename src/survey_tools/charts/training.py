"""Charts over a training: what rises and falls while tokens are read, one line a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from survey_tools.charts.palette import NARROW, PALETTE

COLOURS = [PALETTE[role] for role in ("above-4", "found", "clean", "ink")]
DASHES = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]
"""Lines differ in both: colour is never the only sign."""
PLOT = NARROW - 50
"""Pixels of a panel without its axis."""


@dataclass(frozen=True)
class Curve:
    """One line: what a training run reached after so many tokens; None where nothing was measured."""

    name: str
    tokens: Sequence[int]
    values: Sequence[float | None]
    mark: int | None = None
    """Index of a point that is ringed."""


@dataclass(frozen=True)
class Panel:
    """Lines with a value axis of their own. `level` is drawn across, with `level_name` on it."""

    title: str
    curves: Sequence[Curve]
    level: float | None = None
    level_name: str = ""
    height: int = 120


def training_chart(panels: Sequence[Panel]) -> alt.VConcatChart:
    """Panels one above the other over one axis of tokens seen: logarithmic, with 0 tokens at its left end.

    A name has one colour and one dash in all panels; with two names or more there is a legend above.

    Example: `training_chart([Panel("loss (nats)", [Curve("seed 0", [0, 1000, 10000], [6.1, 5.8, 1.2])])])`.
    """
    tokens = {count for panel in panels for curve in panel.curves for count in curve.tokens}
    names = list(dict.fromkeys(curve.name for panel in panels for curve in panel.curves))
    scale = _TokenScale.of(tokens)
    drawn = [
        _panel(panel, names, scale, last=number == len(panels) - 1, legend=number == 0 and len(names) > 1)
        for number, panel in enumerate(panels)
    ]
    return alt.vconcat(*drawn, spacing=12)


@dataclass(frozen=True)
class _TokenScale:
    """Where a number of tokens stands: its decadic logarithm, and 0 a little left of the first that is not 0."""

    zero: float
    first: float
    last: float

    @classmethod
    def of(cls, tokens: set[int]) -> _TokenScale:
        logs = sorted(math.log10(count) for count in tokens if count > 0) or [0.0, 1.0]
        gap = max(0.3, (logs[-1] - logs[0]) * 0.08)
        return cls(logs[0] - gap if 0 in tokens else logs[0], logs[0], max(logs[-1], logs[0] + 0.1))

    def place(self, tokens: int) -> float:
        return round(math.log10(tokens), 5) if tokens > 0 else self.zero

    def axis(self, shown: bool) -> alt.Axis:
        powers = range(math.ceil(self.first), math.floor(self.last) + 1)
        every = math.ceil(len(powers) / 6) or 1
        ticks = [float(power) for power in powers[::every] if power - self.zero > 0.1 or self.zero == self.first]
        if self.zero < self.first:
            ticks.insert(0, self.zero)
        label = f"datum.value < {self.first - 0.01:.5f} ? '0' : replace(format(pow(10, datum.value), '.3~s'), 'G', 'B')"
        return alt.Axis(
            title="tokens seen" if shown else None, values=ticks, labelExpr=label, labels=shown, labelOverlap=False
        )


def _panel(panel: Panel, names: list[str], scale: _TokenScale, *, last: bool, legend: bool) -> alt.LayerChart:
    x = alt.X("at:Q", scale=alt.Scale(domain=[scale.zero, scale.last], nice=False, zero=False), axis=scale.axis(last))
    points = [
        {"at": scale.place(count), "value": value, "name": curve.name, "order": count}
        for curve in panel.curves
        for count, value in zip(curve.tokens, curve.values, strict=True)
    ]
    known = [point["value"] for point in points if point["value"] is not None]
    every = [0.0, *known, *([panel.level] if panel.level is not None else [])]
    top = max(every) or 1.0
    if panel.level == top:
        top *= 1.2  # for the words on the line
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=[min(every), top], nice=True),
        axis=alt.Axis(title=panel.title, tickCount=4, format=".2~f", minExtent=34),
    )
    place = [names.index(name) for name in names]
    look = None
    if legend:
        look = alt.Legend(
            orient="top", title=None, symbolType="stroke", symbolSize=300, offset=2, labelColor=PALETTE["ink"]
        )
    colours = alt.Scale(domain=names, range=[COLOURS[index % len(COLOURS)] for index in place])
    dashes = alt.Scale(domain=names, range=[DASHES[index % len(DASHES)] for index in place])
    lines = (
        alt.Chart(alt.Data(values=points))
        .mark_line(strokeWidth=1.8, interpolate="linear", invalid="break-paths-show-path-domains")
        .encode(
            x=x,
            y=y,
            order="order:Q",
            color=alt.Color("name:N", scale=colours, legend=look),
            strokeDash=alt.StrokeDash("name:N", scale=dashes, legend=look),
        )
    )
    layers: list[alt.Chart] = [*_level(panel, scale), lines]
    rings: list[dict[str, Any]] = [
        {"at": scale.place(curve.tokens[curve.mark]), "value": curve.values[curve.mark], "name": curve.name}
        for curve in panel.curves
        if curve.mark is not None
    ]
    if rings:
        marks = alt.Chart(alt.Data(values=rings)).mark_point(size=55, strokeWidth=1.8, filled=False, opacity=1)
        layers.append(marks.encode(x=x, y=y, color=alt.Color("name:N", scale=colours, legend=look)))
    return alt.layer(*layers).properties(width=PLOT, height=panel.height)


def _level(panel: Panel, scale: _TokenScale) -> list[alt.Chart]:
    if panel.level is None:
        return []
    data = alt.Chart(alt.Data(values=[{"level": panel.level, "at": scale.zero}]))
    rule = data.mark_rule(color=PALETTE["line"], strokeDash=[4, 3], strokeWidth=1.2).encode(y="level:Q")
    words = data.mark_text(align="left", baseline="bottom", dx=4, dy=-2, fontSize=11, color=PALETTE["ink"])
    return [rule, words.encode(x="at:Q", y="level:Q", text=alt.value(panel.level_name))]
