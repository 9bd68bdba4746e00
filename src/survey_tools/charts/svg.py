"""From an Altair chart to static SVG that is small, accessible and coloured by the page it stands on."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import altair as alt
import vl_convert

from survey_tools.charts.palette import PALETTE

_SVG = "http://www.w3.org/2000/svg"
_FONT = "Arial"
"""For measuring text: vl-convert brings a metric twin of it, so pictures don't depend on the machine."""


@dataclass(frozen=True)
class StaticFigure:
    """An SVG that a notebook shows as it is (Altair's own display would fetch scripts from a CDN)."""

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg


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
