"""Index 766 in the brief: points by component with what they cover, item by item, and where points were lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pipelines.exports.brief.drawing import sparkline
from pipelines.exports.brief.figures import Marts, Row, by_column
from pipelines.exports.brief.sections import (
    INDEX,
    INDEX_DAILY,
    INDEX_ITEMS,
    INDEX_NATIONAL,
    SINCE,
    Section,
    of_level,
    of_whole,
)

MOST_MONTHS, MOST_DAYS = 6, 31


def index_of_whole(marts: Marts) -> Section:
    """The whole place since counting began, with the portal's points by component; None without the index."""
    index = next(iter(_list_indices(marts, of_whole()).values()), None)
    portal = marts.rows(INDEX_NATIONAL, "is_own and is_newest", order="component_order")
    return index and {**index, "portal": {row["component"].value: row for row in portal}}


def indices_of_level(marts: Marts, level: str) -> dict[Any, dict[str, Any]]:
    """Unit → its index, of every unit of a level."""
    return _list_indices(marts, of_level(level))


def _list_indices(marts: Marts, where: str) -> dict[Any, dict[str, Any]]:
    newest = marts.newest(INDEX)
    if newest is None:
        return {}
    chosen = f"{newest} and {SINCE} and {where}"
    items = by_column(marts.rows(INDEX_ITEMS, chosen, order="item_order"), "unit_code")
    indices = by_column(marts.rows(INDEX, chosen, order="component_order"), "unit_code")
    scored = f"{where} and period = 'month' and component = 'total' and working_points is not null"
    months = by_column(marts.rows(INDEX, scored, order="period_start"), "unit_code")
    days = by_column(_list_days(marts, where), "unit_code")
    return {
        code: _describe(rows, items.get(code, []), months.get(code, [])[-MOST_MONTHS:])
        | {"days": _draw_days(days.get(code, []))}
        for code, rows in indices.items()
    }


def _list_days(marts: Marts, where: str) -> list[Row]:
    """The totals of the newest days, the newest last."""
    newest = marts.values(f"select max(as_of_day) from {{{INDEX_DAILY}}}")
    if not newest or newest[0][0] is None:
        return []
    first = newest[0][0] - timedelta(days=MOST_DAYS - 1)
    scored = f"{where} and working_points is not null and as_of_day >= date '{first}'"
    return marts.rows(INDEX_DAILY, scored, order="as_of_day")


def _draw_days(rows: list[Row]) -> Section:
    """First and last day of those that cover what the last one covers, and the line between; None of fewer than two."""
    rows = [row for row in rows if row["working_covered"].value == rows[-1]["working_covered"].value]
    if len(rows) < 2:
        return None
    return {
        "first": rows[0],
        "last": rows[-1],
        "path": sparkline([(row["as_of_day"].value, row["working_points"].value) for row in rows]),
    }


def _describe(rows: list[Row], items: list[Row], months: list[Row]) -> dict[str, Any]:
    """`costly`: items that lost points, the most first, confirmed or working. `months`: totals, the newest last."""
    counted = [row for row in items if row["rate"].value is not None]
    lost = [
        row for row in counted if row["working_points"].value is not None and row["share_of_points"].value < 1
    ]
    lost.sort(key=lambda row: row["working_points"].value - row["working_maximum"].value)
    return {
        "total": rows[-1],
        "components": rows[:-1],
        "items": items,
        "costly": lost,
        "portal": {},
        "months": months,
    }
