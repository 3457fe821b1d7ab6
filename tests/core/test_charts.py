"""Plots: well-formed, to scale, and the same for the same data."""

from xml.etree import ElementTree

import pytest

from heaters.core.charts import bars, histogram, lines

SVG = "{http://www.w3.org/2000/svg}"


def test_bars_are_to_scale_and_named() -> None:
    text = bars("A <title> & more", {"a": 1, "b": 4, "<c>": 0}, x="what", y="how many")
    root = ElementTree.fromstring(text)
    heights = [float(bar.get("height", "")) for bar in root.iter(f"{SVG}rect")][1:]  # the first is the ground
    assert heights[1] == pytest.approx(4 * heights[0])
    assert heights[2] == 0
    assert {"A <title> & more", "what", "how many", "<c>"} <= {element.text for element in root.iter(f"{SVG}text")}
    assert bars("A <title> & more", {"a": 1, "b": 4, "<c>": 0}, x="what", y="how many") == text
    ElementTree.fromstring(bars("nothing", {}))


def test_lines_go_up_where_values_do() -> None:
    root = ElementTree.fromstring(lines("t", {"up": [(0, 0), (0.5, 0.25), (1, 1)], "none": []}, mark=0.5))
    points = [tuple(map(float, p.split(","))) for p in next(root.iter(f"{SVG}polyline")).get("points", "").split()]
    assert points[0][1] - points[1][1] == pytest.approx((points[0][1] - points[2][1]) / 4, abs=0.1)
    assert points[1][0] - points[0][0] == pytest.approx(points[2][0] - points[1][0], abs=0.2)


def test_a_histogram_counts_each_value_once() -> None:
    assert histogram([0, 0.5, 1, 3, 99, -1], (0, 1, 2)) == {"0–1": 3, "1–2": 1, "2+": 2}
