"""The map of the brief: places, areas and classes by hand; who has no coordinates is listed, never dropped."""

from __future__ import annotations

import re
from math import cos, radians
from pathlib import Path

import pytest

from pipelines.exports.brief import communes
from pipelines.exports.brief import export as brief
from pipelines.exports.brief.map_picture import Circle, draw, list_classes, list_edges
from pipelines.settings import Settings
from tests.unit.sample_marts import SampleMart, released

PLACES = {"A": (105.0, 19.0, 400, 0.9), "B": (106.0, 19.0, 100, 0.4), "C": (105.0, 18.0, 100, 0.6)}


def circles() -> list[Circle]:
    return [
        Circle(code, f"Xã {code}", lon, lat, received, rate, 0.5)
        for code, (lon, lat, received, rate) in PLACES.items()
    ]


def read_boxes(svg: str) -> dict[str, tuple[float, float, float]]:
    """Code → centre and width of its circle, from the points of the path."""
    boxes = {}
    for code, path in re.findall(r'<g id="unit-(\w)">.*?<path d="([^"]*)"', svg, re.DOTALL):
        numbers = [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]
        xs, ys = numbers[::2], numbers[1::2]
        boxes[code] = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs))
    return boxes


def test_a_circle_stands_at_its_place_and_its_area_is_its_dossiers() -> None:
    boxes = read_boxes(draw(circles()))
    (ax, ay, a_width), (bx, by, b_width), (cx, cy, _) = boxes["A"], boxes["B"], boxes["C"]
    assert ay == pytest.approx(by, abs=0.01) and ax == pytest.approx(cx, abs=0.01)
    # A degree of longitude is shorter than one of latitude, by the cosine of the latitude (the mean of the three).
    assert (bx - ax) / (cy - ay) == pytest.approx(cos(radians((19 + 19 + 18) / 3)), rel=0.001)
    assert (a_width / b_width) ** 2 == pytest.approx(4, rel=0.01)


def test_who_is_below_the_target_has_a_thick_ring_and_each_its_name() -> None:
    svg = draw(circles())
    rings = {
        code: float(width)
        for code, width in re.findall(r'<g id="unit-(\w)">.*?stroke-width: ([\d.]+)', svg, re.DOTALL)
    }
    assert rings["B"] > 2 > rings["A"] == rings["C"]
    assert "<title>Xã B: 40,00 %, 100 hồ sơ</title>" in svg


def test_the_picture_is_part_of_a_page_and_the_same_each_time() -> None:
    svg = draw(circles())
    assert svg == draw(circles())
    assert svg.startswith('<svg role="img" aria-label="') and "xmlns" not in svg and "url(" not in svg
    assert "var(--ink)" in svg and "<style" not in svg


@pytest.mark.parametrize(
    ("rates", "edges"),
    [
        ([0.681, 0.757], [0.68, 0.70, 0.72, 0.74, 0.76, 0.78]),
        ([0.0, 1.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([0.5, 0.5], [0.5, 0.51, 0.52, 0.53, 0.54, 0.55]),
    ],
)
def test_classes_are_whole_percents_around_all_rates(rates: list[float], edges: list[float]) -> None:
    assert list_edges(rates) == pytest.approx(edges)


def test_the_key_names_the_colours_of_the_map_from_dark_to_bright() -> None:
    classes = list_classes([0.9, 0.4, 0.6])
    assert [rates for _, rates in classes] == ["40–50 %", "50–60 %", "60–70 %", "70–80 %", "80–90 %"]
    brightness = [sum(bytes.fromhex(colour[1:])) for colour, _ in classes]
    assert brightness == sorted(brightness)
    svg = draw(circles())
    assert classes[0][0] in svg and classes[-1][0] in svg


def test_a_commune_without_coordinates_is_listed_beneath(settings: Settings) -> None:
    units = " union all ".join(
        f"select '{code}' as unit_code, date '2025-07-01' as valid_from, 'Xã {code}' as unit_name, "
        f"'commune' as unit_level, true as is_current, {lat}::double as latitude, {lon}::double as longitude"
        for code, lat, lon in [("A", 19.0, 105.0), ("B", 19.0, 106.0), ("C", "null", "null")]
    )
    columns = (
        "numerator", "denominator", "rank_in_level", "ranked_in_level", "rank_in_size_peers", "ranked_in_size_peers",
        "rank_movement_since_week_before", "additional_online_to_target",
    )  # fmt: skip
    rates = " union all ".join(
        f"select date '2025-08-06' as as_of_day, '{code}' as unit_code, 'since_start' as period, "
        f"'{name}' as unit_name, '{level}' as unit_level, 'small' as size_peers, "
        "timestamp '2025-08-06 23:59:59' as as_of, "
        "date '2025-07-01' as period_start, 0.5::double as rate, 0.5::double as target, 0.0::double as gap_to_target, "
        "null::double as change_since_week_before, " + ", ".join(f"1 as {column}" for column in columns)
        for code, name, level in [("province", "Toàn tỉnh", "province"),
                                  *((code, f"Xã {code}", "commune") for code in "ABC")]
    )  # fmt: skip
    key = ("as_of_day", "unit_code", "period")
    marts = {
        "marts.dim_unit": SampleMart(units, ("unit_code", "valid_from")),
        "marts.online_submission_rate": SampleMart(rates, key),
    }
    released(settings, marts)
    html = Path(brief.write_brief(settings).path).read_text(encoding="utf-8")
    assert set(re.findall(r'<g id="unit-(\w)">', html)) == {"A", "B"}
    beneath = html[html.index("Chưa có tọa độ:") :][:200]
    assert '<a href="brief/C.html">Xã C</a>' in beneath and "Xã A" not in beneath


def test_the_file_of_a_page_is_safe_whatever_the_code_is() -> None:
    codes = ["16681", "H41.02", "../brief", "a/b", "Xã Một", "a_b"]
    names = [communes.page_name(code) for code in codes]
    assert names[:2] == ["16681.html", "H41_2e_02.html"] and len(set(names)) == len(codes)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+\.html", name) for name in names)
