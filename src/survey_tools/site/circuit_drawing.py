"""A circuit as a small layered picture, drawn when the site is built: no script, readable on a phone."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

BOX_WIDTH, LINE, PADDING = 168, 15, 9
LANE_WIDTH = 16
"""Of the gap that an arrow over several layers leaves between the boxes it passes."""
GAP_X, GAP_Y, MARGIN = 20, 46, 6
LABEL_CHARACTERS, HEADS_CHARACTERS = 20, 25
"""That fit into a box: the label is bold at 12 px, heads are plain at 11 px."""


@dataclass(frozen=True)
class Node:
    """A class of heads: `name` ties arrows to it, `label` and `heads` are shown."""

    name: str
    label: str
    heads: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """Text of the box: the label's lines, then the heads' (at most three lines of them)."""
        listed = textwrap.wrap(", ".join(self.heads), HEADS_CHARACTERS)
        if len(listed) > 3:
            listed = [*listed[:2], f"… {len(self.heads)} heads"]
        return textwrap.wrap(self.label, LABEL_CHARACTERS) + listed

    @property
    def height(self) -> int:
        """Of the box, in pixels."""
        return len(self.lines) * LINE + 2 * PADDING

    @property
    def label_lines(self) -> int:
        """How many lines are the label's."""
        return len(textwrap.wrap(self.label, LABEL_CHARACTERS))


def layers_of(names: Sequence[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The layer of each node: one below the lowest of those that feed it. A cycle is cut at its last arrow.

    `names` may hold nodes without arrows: they stand in the first layer.
    """
    feeds: dict[str, list[str]] = {name: [] for name in names}
    accepted: dict[str, list[str]] = {name: [] for name in names}
    for source, target in arrows:
        if source != target and not _reaches(target, source, accepted):
            accepted[source].append(target)
            feeds[target].append(source)
    layers: dict[str, int] = {}

    def layer(name: str) -> int:
        if name not in layers:
            layers[name] = 1 + max((layer(source) for source in feeds[name]), default=-1)
        return layers[name]

    return {name: layer(name) for name in names}


def circuit_svg(circuit: str, title: str, nodes: Sequence[Node], arrows: Sequence[tuple[str, str]]) -> str:
    """Boxes in layers from top to bottom, arrows between them; `circuit` makes the ids unique in a page."""
    layers = layers_of([node.name for node in nodes], arrows)
    known = {node.name: node for node in nodes}
    routes = [_route(source, target, layers) for source, target in arrows]
    place, width, height = _placed(_rows(layers, routes), known, routes)
    lines = "".join(_arrow([place[stop] for stop in route], circuit) for route in routes)
    boxes = "".join(_box(node, place[node.name, layers[node.name]]) for node in nodes)
    described = "; ".join(f"{known[source].label} feeds {known[target].label}" for source, target in arrows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="circuit" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-labelledby="{circuit}-title {circuit}-desc">'
        f'<title id="{circuit}-title">{escape(title)}</title><desc id="{circuit}-desc">{escape(described)}</desc>'
        f'<defs><marker id="{circuit}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto"><path class="tip" d="M0,0L8,4L0,8Z"/></marker></defs>{lines}{boxes}</svg>'
    )


Stop = tuple[str, int]
"""A node, or the lane of an arrow, in one layer."""


@dataclass(frozen=True)
class _Place:
    """A rectangle of the picture: a box, or the lane an arrow passes through."""

    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.left + self.width / 2


def _route(source: str, target: str, layers: dict[str, int]) -> list[Stop]:
    """Where an arrow passes: its ends, and a lane of its own in every layer between."""
    between = range(layers[source] + 1, layers[target])
    return [(source, layers[source]), *((f"{source}\0{target}", layer) for layer in between), (target, layers[target])]


def _rows(layers: dict[str, int], routes: Sequence[Sequence[Stop]]) -> list[list[Stop]]:
    rows: list[dict[Stop, None]] = [{} for _ in range(max(layers.values()) + 1)]
    for name, layer in layers.items():
        rows[layer][name, layer] = None
    for route in routes:
        for stop in route:
            rows[stop[1]][stop] = None
    return [list(row) for row in rows]


def _placed(
    rows: Sequence[Sequence[Stop]], nodes: dict[str, Node], routes: Sequence[Sequence[Stop]]
) -> tuple[dict[Stop, _Place], float, float]:
    """Rows centred under each other; in a row whatever hangs further left stands further left."""

    def width_of(stop: Stop) -> int:
        return BOX_WIDTH if stop[0] in nodes else LANE_WIDTH

    widths = [sum(map(width_of, row)) + GAP_X * (len(row) - 1) for row in rows]
    width = max(widths) + 2 * MARGIN
    feeds: dict[Stop, list[Stop]] = {}
    for route in routes:
        for above, below in itertools.pairwise(route):
            feeds.setdefault(below, []).append(above)
    place: dict[Stop, _Place] = {}

    def hangs_from(stop: Stop) -> float:
        above = [place[feeder].middle for feeder in feeds.get(stop, ()) if feeder in place]
        return sum(above) / len(above) if above else 0.0

    top: float = MARGIN
    for row, row_width in zip(rows, widths, strict=True):
        left = (width - row_width) / 2
        tallest = max(nodes[stop[0]].height for stop in row if stop[0] in nodes)
        for stop in sorted(row, key=hangs_from):
            height = nodes[stop[0]].height if stop[0] in nodes else tallest
            place[stop] = _Place(left, top, width_of(stop), height)
            left += width_of(stop) + GAP_X
        top += tallest + GAP_Y
    return place, width, top - GAP_Y + MARGIN


def _reaches(start: str, goal: str, arrows: dict[str, list[str]]) -> bool:
    waiting, seen = [start], set()
    while waiting:
        name = waiting.pop()
        if name == goal:
            return True
        if name not in seen:
            seen.add(name)
            waiting += arrows[name]
    return False


def _arrow(stops: Sequence[_Place], circuit: str) -> str:
    """From the bottom of the first box to the top of the last, straight down through the lanes between."""
    first, last = stops[0], stops[-1]
    if last.top <= first.top:  # a cycle's cut arrow: it goes back beside the boxes
        x = max(first.left + first.width, last.left + last.width)
        start, end = first.top + first.height / 2, last.top + last.height / 2
        path = f"M{x:g},{start:g}C{x + 30:g},{start:g} {x + 30:g},{end:g} {x:g},{end:g}"
    else:
        path = f"M{first.middle:g},{first.top + first.height:g}"
        for above, below in itertools.pairwise(stops):
            start, end = above.top + above.height, below.top - (2 if below is last else 0)
            bend = (end - start) / 2
            path += f"C{above.middle:g},{start + bend:g} {below.middle:g},{end - bend:g} {below.middle:g},{end:g}"
            if below is not last:
                path += f"V{below.top + below.height:g}"
    return f'<path class="arrow" d="{path}" marker-end="url(#{circuit}-tip)"/>'


def _box(node: Node, place: _Place) -> str:
    lines = "".join(
        f'<tspan x="{place.middle:g}" y="{place.top + PADDING + 11 + index * LINE:g}"'
        f"{'' if index < node.label_lines else ' class=' + chr(34) + 'heads' + chr(34)}>{escape(line)}</tspan>"
        for index, line in enumerate(node.lines)
    )
    return (
        f'<rect class="box" x="{place.left:g}" y="{place.top:g}" width="{BOX_WIDTH}" height="{place.height:g}" rx="6"/>'
        f'<text text-anchor="middle">{lines}</text>'
    )
