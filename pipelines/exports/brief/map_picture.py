"""The map of the brief: a circle for each commune at its place, drawn by matplotlib as SVG inside the page.

Area: dossiers received. Colour: the online rate, in five classes of a scale that darkens evenly, so that it is read in
print and by the colour-blind. A thick ring: below the target. No tiles, nothing fetched.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import ceil, cos, floor, radians, sqrt
from typing import Any

from pipelines.exports import formats
from pipelines.exports.brief.figures import Marts
from pipelines.exports.brief.sections import RATE, SINCE, UNITS, Section, find_level, of_level

CLASSES = 5
WIDTH = 7.2  # inches
# The largest circle's radius, as a share of the map's width: neighbours in a town still show.
LARGEST = 0.035
KM_PER_DEGREE = 111.2
# Colours that the page's own style replaces, so that the map follows the dark scheme.
INK, PAPER = "#010203", "#010204"
OURS = {INK: "var(--ink)", PAPER: "var(--paper)"}


@dataclass(frozen=True)
class Circle:
    """A commune on the map; `rate` and `target` 0..1."""

    code: str
    name: str
    longitude: float
    latitude: float
    received: int
    rate: float
    target: float | None

    @property
    def is_below(self) -> bool:
        return self.target is not None and self.rate < self.target

    @property
    def text(self) -> str:
        return f"{self.name}: {formats.rate(self.rate)[0]}, {formats.count(self.received)[0]} hồ sơ"


def picture(marts: Marts) -> Section:
    """The map and who is not on it; None where fewer than two communes have coordinates and a rate."""
    own = of_level(find_level(marts))
    units = marts.rows(UNITS, f"is_current and {own}", order="unit_name, unit_code")
    newest = marts.newest(RATE)
    if not units or newest is None or "latitude" not in units[0]:
        return None
    rates = {
        row["unit_code"].value: row
        for row in marts.rows(RATE, f"{newest} and {SINCE} and {own} and rate is not null")
    }
    circles, unplaced = [], []
    for unit in units:
        code, name = unit["unit_code"].value, unit["unit_name"].value
        place = unit["longitude"].value, unit["latitude"].value
        if code not in rates:
            continue
        if None in place:
            unplaced.append((code, name))
            continue
        row = rates[code]
        circles.append(
            Circle(code, name, *place, row["denominator"].value, row["rate"].value, row["target"].value)
        )
    if len(circles) < 2:
        return None
    below = sum(circle.is_below for circle in circles)
    return {
        "svg": draw(circles),
        "classes": list_classes([circle.rate for circle in circles]),
        "unplaced": unplaced,
        "legend_vi": "Diện tích: số hồ sơ tiếp nhận. Màu: tỷ lệ nộp trực tuyến, càng sáng càng cao. "
        f"Viền đậm: dưới chỉ tiêu ({below} đơn vị).",
        "legend_en": "Area: dossiers received. Colour: online submission rate, the brighter the higher. "
        f"Thick ring: below the target ({below} units).",
    }


def draw(circles: list[Circle]) -> str:
    """`<svg>…</svg>` for a page; equal circles give equal text."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    edges = list_edges([circle.rate for circle in circles])
    middle = radians(sum(circle.latitude for circle in circles) / len(circles))
    points = [(c.longitude * cos(middle) * KM_PER_DEGREE, c.latitude * KM_PER_DEGREE) for c in circles]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    bottom, top = min(y for _, y in points), max(y for _, y in points)
    width = max(right - left, top - bottom, 1.0)
    most, pad = max(circle.received for circle in circles), 0.04 * width
    options: Any = {"svg.hashsalt": "thongsuot"}
    with mpl.rc_context(options):
        height = WIDTH * (top - bottom + 2 * pad) / (right - left + 2 * pad)
        figure = Figure(figsize=(WIDTH, min(height, 1.2 * WIDTH)))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_aspect("equal")
        axes.set_xlim(left - pad, right + pad)
        axes.set_ylim(bottom - pad, top + pad)
        colours = mpl.colormaps["cividis"].resampled(CLASSES)
        # The small lie on the large.
        for circle, point in sorted(zip(circles, points, strict=True), key=lambda one: -one[0].received):
            _add_circle(
                axes, point, LARGEST * width * sqrt(circle.received / most), colours(_class_of(circle.rate, edges)),
                gid=f"unit-{circle.code}", is_below=circle.is_below,
            )  # fmt: skip
        image = io.StringIO()
        figure.savefig(image, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _fit_page(image.getvalue(), {f"unit-{circle.code}": circle.text for circle in circles})


def list_edges(rates: list[float]) -> list[float]:
    """Edges of at most five classes of whole percents around all rates."""
    low, high = floor(min(rates) * 100 + 1e-9), ceil(max(rates) * 100 - 1e-9)
    step = max(ceil((high - low) / CLASSES), 1)
    return [(low + step * number) / 100 for number in range(CLASSES + 1)]


def _class_of(rate: float, edges: list[float]) -> int:
    return max(number for number, edge in enumerate(edges[:-1]) if rate >= edge - 1e-12 or number == 0)


def _add_circle(
    axes: Any, place: tuple[float, float], radius: float, colour: Any, *, gid: str, is_below: bool
) -> None:
    from matplotlib.patches import Circle as Patch

    edge = {"edgecolor": INK, "linewidth": 2.2} if is_below else {"edgecolor": INK, "linewidth": 0.5}
    # Not `add_patch`: it measures each circle for limits that are set already.
    axes.add_artist(Patch(place, radius, facecolor=colour, alpha=0.92, gid=gid, clip_on=False, **edge))


def list_classes(rates: list[float]) -> list[tuple[str, str]]:
    """(colour, its rates in words) of each class, the lowest first: the key beneath the map."""
    import matplotlib as mpl
    from matplotlib.colors import to_hex

    edges, colours = list_edges(rates), mpl.colormaps["cividis"].resampled(CLASSES)
    return [
        (to_hex(colours(number)), f"{low * 100:.0f}–{high * 100:.0f} %")
        for number, (low, high) in enumerate(pairwise(edges))
    ]


def _fit_page(svg: str, texts: dict[str, str]) -> str:
    """matplotlib's file as part of an HTML page: no prologue, no names of its own, a title for each circle."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:\w+)?="[^"]*"', "", svg)
    for theirs, ours in OURS.items():
        svg = svg.replace(theirs, ours)
    for gid, text in texts.items():
        group = f'<g id="{escape(gid)}">'
        svg = svg.replace(group, f"{group}<title>{escape(text)}</title>")
    head = 'role="img" aria-label="Bản đồ tỷ lệ nộp trực tuyến của các xã, phường" '
    svg = re.sub(r'(<svg )(?:width="[^"]*" |height="[^"]*" )*', rf"\1{head}", svg, count=1)
    return re.sub(r'(<svg [^>]*?) width="[^"]*"', r"\1", re.sub(r'(<svg [^>]*?) height="[^"]*"', r"\1", svg))
