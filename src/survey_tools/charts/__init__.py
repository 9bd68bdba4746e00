"""Charts of heads: plain numbers in, Altair charts and accessible static SVG out.

The same functions serve notebooks and site, so that both show one picture. Records are unknown here.

An SVG has no background, and each colour is written `var(--chart-<role>, <hex>)`: a page may set the
variables for its dark scheme, and without a page (a notebook, a file) the neutral hex values are
readable on white and on black. Heads are marked by shape as well as colour.
"""

from survey_tools.charts.abilities import AbilityRow, ability_chart
from survey_tools.charts.heads import Scores, cause_chart, null_chart, score_heatmap
from survey_tools.charts.palette import ABOVE, BELOW, NARROW, PALETTE, WIDTH
from survey_tools.charts.svg import StaticFigure, to_svg
from survey_tools.charts.training import Curve, Panel, training_chart

__all__ = [
    "ABOVE",
    "BELOW",
    "NARROW",
    "PALETTE",
    "WIDTH",
    "AbilityRow",
    "Curve",
    "Panel",
    "Scores",
    "StaticFigure",
    "ability_chart",
    "cause_chart",
    "null_chart",
    "score_heatmap",
    "to_svg",
    "training_chart",
]
