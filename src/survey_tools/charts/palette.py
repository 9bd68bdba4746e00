"""Colours and sizes that all charts share."""

from __future__ import annotations

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
