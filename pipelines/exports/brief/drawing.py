"""Geometry of the brief's pictures: percentages of a box, so that one drawing fits paper and phone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil, floor

from pipelines.exports import formats

Point = tuple[float, float]


@dataclass(frozen=True)
class Trend:
    """`line` and `dots` in % of the box (x from the left, y from the top), ticks as (y, rate), days as (x, day)."""

    line: list[Point]
    dots: list[Point]
    marks: list[Point]
    ticks: list[tuple[float, float]]
    days: list[tuple[float, str]]

    @property
    def path(self) -> str:
        return " ".join(f"{x:.2f},{y:.2f}" for x, y in self.line)


def trend(
    line: list[tuple[date, float]], daily: list[tuple[date, float]], marks: list[tuple[datetime, float]]
) -> Trend:
    """The scale is cut to the values (it says so by its ticks): whole percents around all of them."""
    first, last = line[0][0], line[-1][0]
    days = max((last - first).days, 1)
    rates = [rate for _, rate in [*line, *daily]] + [rate for _, rate in marks]
    low, high = floor(min(rates) * 100 - 0.001), ceil(max(rates) * 100 + 0.001)
    step = next(s for s in (1, 2, 5, 10, 20, 50) if (high - low) / s <= 5)
    low, high = max(floor(low / step) * step, 0), min(ceil(high / step) * step, 100)

    def place(when: date, rate: float) -> Point:
        passed = (when if not isinstance(when, datetime) else when.date()) - first
        return passed.days / days * 100, (high - rate * 100) / (high - low) * 100

    return Trend(
        line=[place(*point) for point in line],
        dots=[place(*point) for point in daily if first <= point[0] <= last],
        marks=[place(*point) for point in marks],
        days=_list_days(first, days),
        ticks=[((high - t) / (high - low) * 100, t / 100) for t in range(low, high + 1, step)],
    )


def sparkline(line: list[tuple[date, float]]) -> str:
    """The points of a line without axes, from its lowest to its highest value; a flat one lies in the middle."""
    first, last = line[0][0], line[-1][0]
    low, high = min(value for _, value in line), max(value for _, value in line)
    return " ".join(
        f"{(day - first).days / max((last - first).days, 1) * 100:.2f},"
        f"{(high - value) / (high - low) * 100 if high > low else 50:.2f}"
        for day, value in line
    )


def _list_days(first: date, days: int, most: int = 3) -> list[tuple[float, str]]:
    """Days between the first and the last that are named below, evenly, far enough from both to be read."""
    step = ceil(days / (most + 1))
    steps = [number for number in range(step, days, step) if 12 <= number / days * 100 <= 68]
    return [(n / days * 100, formats.short_day(first + timedelta(days=n))[0]) for n in steps]


@dataclass(frozen=True)
class Diverging:
    """Bars that start at `centre`; `widest` is the distance that fills half the box."""

    centre: float
    widest: float

    @classmethod
    def around(cls, centre: float, rates: list[float]) -> Diverging:
        return cls(centre, max(max(abs(rate - centre) for rate in rates), 1e-9))

    def bar(self, rate: float) -> tuple[float, float, str]:
        """(left %, width %, above|below)."""
        width = abs(rate - self.centre) / self.widest * 50
        below = rate < self.centre
        return (50 - width if below else 50), width, "below" if below else "above"
