from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from survey_tools.charts import (
    ABOVE,
    BELOW,
    PALETTE,
    AbilityRow,
    Curve,
    Panel,
    StaticFigure,
    ability_chart,
    cause_chart,
    null_chart,
    score_heatmap,
    to_svg,
    training_chart,
)

SVG = "{http://www.w3.org/2000/svg}"


def drawn(layers: int, heads: int, threshold: float | None = None, **changes: float | None) -> str:
    scores: list[list[float | None]] = [[head / heads for head in range(heads)] for _ in range(layers)]
    for place, score in changes.items():
        layer, head = (int(part) for part in place[1:].split("H"))
        scores[layer][head] = score
    return to_svg(score_heatmap(scores, [(0, 1)], threshold), "All heads", "A map.")


def cells(svg: str) -> int:
    """Rectangles of the map, without those of the legend (of height 8)."""
    paths = [p for p in ElementTree.fromstring(svg).iter(f"{SVG}path") if p.get("stroke-width") not in (None, "2", "8")]
    return sum(path.get("d", "").count("M") for path in paths)


@pytest.mark.parametrize(("layers", "heads"), [(30, 9), (80, 64), (2, 4), (1, 1)])
def test_one_cell_a_head_whatever_the_size(layers: int, heads: int) -> None:
    assert cells(drawn(layers, heads)) == layers * heads


def test_unmeasured_heads_are_a_cross_and_no_cell() -> None:
    svg = drawn(3, 4, L1H2=None)
    assert cells(svg) == 11
    assert svg.count(PALETTE["missing"]) == 1


def test_colours_say_on_which_side_of_chance_a_score_lies() -> None:
    below, above = drawn(1, 2, threshold=2.0), drawn(1, 2, threshold=0.1)
    assert not any(colour in below for colour in ABOVE)
    assert ABOVE[-1] in above
    assert BELOW[0] in above


def test_a_score_at_the_threshold_is_still_chance() -> None:
    svg = to_svg(score_heatmap([[0.5, 0.5, 1.0]], [], 0.5), "t", "d")
    map_colours = [
        path.get("stroke", "") for path in ElementTree.fromstring(svg).iter(f"{SVG}path")
        if path.get("stroke-width") not in (None, "2", "8")
    ]  # fmt: skip
    assert [PALETTE["below-4"] in colour for colour in map_colours] == [True, False]


def test_negative_and_equal_scores_can_be_drawn() -> None:
    assert cells(to_svg(score_heatmap([[-1.0, -0.2], [0.3, 0.0]], [], 0.1), "t", "d")) == 4
    assert cells(to_svg(score_heatmap([[0.0, 0.0]], [], None), "t", "d")) == 2


def test_each_found_head_wears_one_ring() -> None:
    svg = to_svg(score_heatmap([[0.1, 0.9], [0.8, 0.2]], [(0, 1), (1, 0)], 0.5), "t", "d")
    assert svg.count(PALETTE["found"]) == 3, "two heads and the legend's example"


def test_svg_is_an_image_with_a_name_and_a_description() -> None:
    svg = to_svg(score_heatmap([[0.1]], [], None), "Scores of <all> & more", 'He said "no"')
    root = ElementTree.fromstring(svg)
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("role") == "img"
    assert (title.text, description.text) == ("Scores of <all> & more", 'He said "no"')
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"


def test_svg_is_small_and_free_of_addresses_and_paths() -> None:
    svg = drawn(30, 9, threshold=0.3)
    assert len(svg) < 25_000
    assert svg.count("http") == 1, "only the namespace"
    assert not re.search(r"/(tmp|home|work|root|Users)\b", svg)


def test_every_colour_can_be_set_by_the_page() -> None:
    svg = drawn(4, 4, threshold=0.3) + to_svg(null_chart([0.1, 0.2], 0.2, [0.9]), "t", "d")
    plain = re.findall(r'(?:fill|stroke)="(?!none|var\()([^"]+)"', svg)
    assert plain == []


def test_equal_charts_are_equal_to_the_byte_and_come_from_the_cache(tmp_path: Path) -> None:
    chart = null_chart([0.1, 0.2, 0.2], 0.2, [0.9])
    assert to_svg(chart, "t", "d", tmp_path) == to_svg(null_chart([0.1, 0.2, 0.2], 0.2, [0.9]), "t", "d")
    (kept,) = tmp_path.iterdir()
    kept.write_text("<svg/>", encoding="utf-8")
    assert to_svg(chart, "t", "d", tmp_path) == "<svg/>"
    assert to_svg(chart, "t", "another description", tmp_path) != "<svg/>"


def test_null_chart_names_the_threshold_and_marks_each_found_head() -> None:
    svg = to_svg(null_chart([0.1, 0.2, 0.25], 0.234, [0.5, 0.9]), "t", "d")
    assert "threshold 0.234" in svg
    assert svg.count(PALETTE["found"]) == 2


def test_null_chart_counts_every_draw_once() -> None:
    chart = null_chart([0.1] * 7 + [0.2] * 3, 0.2, []).to_dict()
    bars = chart["layer"][0]["data"]["values"]
    assert [bar["draws"] for bar in bars] == [7, 3]


def test_null_chart_of_equal_scores() -> None:
    assert "threshold 0" in to_svg(null_chart([0.0, 0.0], 0.0, []), "t", "d")


def test_cause_chart_shows_three_rows_and_both_numbers() -> None:
    svg = to_svg(cause_chart(2.9, 10.25, [3.0, 3.1], "nats"), "t", "d")
    words = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    assert {"intact", "found removed", "random removed", "2.9", "10.2", "nats"} <= set(words)


def test_cause_chart_without_random_sets_or_spread() -> None:
    assert "intact" in to_svg(cause_chart(0.0, 0.0, [], "rate"), "t", "d")


def test_a_static_figure_shows_itself_as_svg() -> None:
    assert StaticFigure("<svg/>")._repr_svg_() == "<svg/>"


TOKENS = [0, 1000, 100_000, 10_000_000]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def places(chart: dict[str, Any]) -> list[tuple[float, float | None]]:
    points = chart["vconcat"][0]["layer"][2]["data"]["values"]  # after the level and its words
    return [(point["at"], point["value"]) for point in points]


def test_training_chart_puts_tokens_on_a_logarithmic_axis_with_0_at_its_left_end() -> None:
    chart = training_chart([Panel("loss", [Curve("seed 0", TOKENS, [6.0, 5.0, 2.0, 1.0])], 1.0, "level")])
    (zero, _), (first, _), (second, _), (last, _) = places(chart.to_dict())
    assert (first, second, last) == (3, 5, 7)
    assert zero < first
    labels = texts(to_svg(chart, "t", "d"))
    assert [label for label in labels if label.endswith(("k", "M")) or label == "0"][:6] == [
        "0", "1k", "10k", "100k", "1M", "10M",
    ]  # fmt: skip


def test_training_chart_names_billions_as_people_do() -> None:
    svg = to_svg(training_chart([Panel("loss", [Curve("seed 0", [10**8, 10**9, 10**10], [3.0, 2.0, 1.0])])]), "t", "d")
    assert {"100M", "1B", "10B"} <= set(texts(svg))
    assert "0" in texts(svg), "of the other axis"


def test_training_chart_draws_a_line_a_seed_with_a_dash_of_its_own_and_a_legend() -> None:
    curves = [Curve(f"seed {seed}", TOKENS, [0.0, 0.1, 0.5, 0.9], mark=2) for seed in range(3)]
    svg = to_svg(training_chart([Panel("score", curves, 0.2, "needed: 0.2"), Panel("loss", curves[:1])]), "t", "d")
    assert {"seed 0", "seed 1", "seed 2", "needed: 0.2"} <= set(texts(svg))
    assert texts(svg).count("tokens seen") == 1
    assert {"6,3", "2,2"} <= set(re.findall(r'stroke-dasharray="([^"]+)"', svg))
    assert not re.findall(r'(?:fill|stroke)="(?!none|var\()([^"]+)"', svg), "every colour can be set by the page"
    assert "seed 0" not in texts(to_svg(training_chart([Panel("score", curves[:1])]), "t", "d"))


@pytest.mark.parametrize("tokens", [[0], [5], [0, 1], [0, 3_000_000_000]])
def test_training_chart_of_few_points(tokens: list[int]) -> None:
    assert "tokens seen" in to_svg(training_chart([Panel("x", [Curve("a", tokens, [0.0] * len(tokens))])]), "t", "d")


def test_a_line_is_broken_where_nothing_was_measured() -> None:
    whole = training_chart([Panel("x", [Curve("a", [1, 10, 100, 1000, 10000], [1.0, 2.0, 3.0, 2.0, 1.0])])])
    broken = training_chart([Panel("x", [Curve("a", [1, 10, 100, 1000, 10000], [1.0, 2.0, None, 2.0, 1.0])])])

    def strokes(svg: str) -> int:
        line = next(
            p.get("d", "") for p in ElementTree.fromstring(svg).iter(f"{SVG}path") if p.get("stroke-width") == "1.8"
        )
        return line.count("M")

    assert (strokes(to_svg(whole, "t", "d")), strokes(to_svg(broken, "t", "d"))) == (1, 2)


def test_ability_chart_tells_present_and_absent_by_shape() -> None:
    rows = [AbilityRow("One", 0.9, 0.8, 0.95, 0.5, True), AbilityRow("Two", 0.5, 0.4, 0.6, 0.5, False)]
    chart = ability_chart(rows, "share", "share")
    svg = to_svg(chart, "t", "d")
    assert {"One", "Two", "share", "100%"} <= set(texts(svg))
    assert (svg.count(PALETTE["clean"]), svg.count(PALETTE["found"])) == (1, 1)
    _, _, present, absent = chart.to_dict()["layer"]
    assert (present["mark"]["filled"], absent["mark"]["filled"], absent["mark"]["shape"]) == (True, False, "diamond")


def test_ability_chart_in_nats_reaches_as_far_as_its_intervals() -> None:
    labels = texts(to_svg(ability_chart([AbilityRow("One", 5.5, -1.0, 6.0, 0.5, False)], "nats", "nats"), "t", "d"))
    assert {"0", "6"} <= set(labels)
    assert not any("%" in label for label in labels)
