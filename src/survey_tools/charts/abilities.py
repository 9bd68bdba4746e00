"""Chart of one task: how well each model does it, how sure that is, and what is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import altair as alt

from survey_tools.charts.palette import NARROW, PALETTE

NAMES = 150
"""Pixels for the models' names."""


@dataclass(frozen=True)
class AbilityRow:
    """One model's number with its interval; `present` where the interval lies above `needed`."""

    name: str
    value: float
    low: float
    high: float
    needed: float
    present: bool


def ability_chart(rows: Sequence[AbilityRow], title: str, unit: Literal["share", "nats"]) -> alt.LayerChart:
    """One row a model: interval as a line, value as a dot (a hollow diamond where the behaviour is absent), and a tick
    for what is needed. `title` names the value under the axis; shares are written as per cent and reach from 0 to 1.

    Example: `to_svg(ability_chart([AbilityRow("Tiny", 0.9, 0.8, 1.0, 0.5, True)], "share", "share"), "t", "d")`.
    """
    share = unit == "share"
    every = [number for row in rows for number in (row.low, row.high, row.needed)]
    low, high = (0.0, 1.0) if share else (min(0.0, *every), max(every))
    margin = (high - low or 1.0) * 0.02
    x = alt.X(
        "at:Q",
        scale=alt.Scale(domain=[low - margin, high + margin], nice=False, zero=False),
        axis=alt.Axis(title=title, tickCount=5, format="%" if share else ".2~g"),
    )
    names = [row.name for row in rows]
    y = alt.Y(
        "model:N",
        sort=names,
        scale=alt.Scale(domain=names),
        axis=alt.Axis(title=None, ticks=False, domain=False, labelLimit=NAMES, minExtent=NAMES),
    )

    def drawn(wanted: Sequence[AbilityRow], at: str, to: str = "") -> alt.Chart:
        places = [{"model": row.name, "at": getattr(row, at), "to": getattr(row, to or at)} for row in wanted]
        return alt.Chart(alt.Data(values=places)).encode(x=x, y=y)

    present, absent = [row for row in rows if row.present], [row for row in rows if not row.present]
    return alt.layer(
        drawn(rows, "needed").mark_tick(color=PALETTE["null"], thickness=2, height=14, opacity=1),
        drawn(rows, "low", "high").mark_rule(color=PALETTE["line"], strokeWidth=2).encode(x2="to:Q"),
        drawn(present, "value").mark_point(filled=True, color=PALETTE["clean"], size=90, opacity=1),
        drawn(absent, "value").mark_point(
            filled=False, shape="diamond", color=PALETTE["found"], size=80, strokeWidth=2, opacity=1
        ),
    ).properties(width=NARROW - NAMES, height=alt.Step(24))
