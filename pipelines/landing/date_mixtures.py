"""Days and months that changed places: in a part of a column, by a spreadsheet of other settings, or in all of it.

As in workbooks (`sources/values/mixtures.py`), for texts: `05/08/2025` came out as `2025-05-08` or `8/5/2025 …`,
`13/08/2025` as it went in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.landing.batches import list_columns
from pipelines.landing.gathered import GatheredTable
from pipelines.sources.contracts.contract import Source
from pipelines.sources.contracts.table_contract import DAY_OR_MONTH
from pipelines.sources.errors import DeliveryRefused
from pipelines.sources.notes import CHECK, EXAMPLES
from pipelines.sources.values.mixtures import ENOUGH_DAYS, LAST_MONTH
from pipelines.sources.values.moments import is_of_moments, list_formats

SAMPLE_ROWS = 20_000
DAY = r"^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})"
PARTS = re.compile(r"(\d+)[-/.](\d+)[-/.](\d+)")


def check_date_mixtures(
    con: duckdb.DuckDBPyConnection, source: Source, partition: str, path: Path
) -> tuple[str, ...]:
    """DeliveryRefused where day and month of a part of a column were exchanged, by all appearances.

    Notes on the columns in which they may be exchanged in every row.
    """
    present = set(list_columns(path))
    names = [c.name for c in source.columns if is_of_moments(c) and c.name in present]
    if not names:
        return ()
    first_rows = f"(select 0 as _day, * from read_parquet({duck.literal(path)}) limit {SAMPLE_ROWS})"
    days = _list_days(con, names, first_rows)
    notes = []
    for name in names:
        of_column = days.get((0, name), [])
        if example := find_running_months(of_column, is_month_first=_is_month_first(source, name)):
            notes.append(
                f"{CHECK}column {name!r} holds many months and hardly a day: day and month may have changed "
                f"places in all of it (`date_formats`, `datetime_formats`){EXAMPLES}{example!r}"
            )
        if examples := find_exchange(of_column):
            changed, whole = examples
            raise DeliveryRefused(
                f"{source.name} {partition}: column {name!r} writes its dates in two ways: none of those like "
                f"{changed!r} has a day above {LAST_MONTH}, all of those like {whole!r} have. A spreadsheet with other "
                f"settings opened it: what it could read became dates with day and month exchanged. Nothing was "
                f"landed. Export it again without opening it, or with all dates as 2025-08-06."
            )
    return tuple(notes)


def find_mixed_days(con: duckdb.DuckDBPyConnection, source: Source, table: GatheredTable) -> set[int]:
    """The days in whose batches `check_date_mixtures` finds something."""
    names = [c.name for c in source.columns if is_of_moments(c) and c.name in table.names]
    if not names:
        return set()
    is_first = {name: _is_month_first(source, name) for name in names}
    return {
        day
        for (day, name), texts in _list_days(con, names, table.select_first(SAMPLE_ROWS)).items()
        if find_running_months(texts, is_month_first=is_first[name]) or find_exchange(texts)
    }


def _list_days(
    con: duckdb.DuckDBPyConnection, names: list[str], first_rows: str
) -> dict[tuple[int, str], list[str]]:
    """`_day` and column of the relation `first_rows` → its dates as they are written, without their time."""
    listed, cells = ", ".join(map(duck.literal, names)), ", ".join(map(duck.identifier, names))
    rows = con.execute(
        f"select distinct _day, _name, regexp_extract(_cell, {duck.literal(DAY)}, 1) from (select _day, "
        f"unnest([{listed}]) as _name, unnest([{cells}]) as _cell from {first_rows})"
    ).fetchall()
    days: dict[tuple[int, str], list[str]] = {}
    for day, name, text in rows:
        days.setdefault((day, name), []).append(text)
    return days


def find_running_months(days: Iterable[str | None], *, is_month_first: bool) -> str | None:
    """An example where one day of the month (not the first, on which much begins) goes through months, four for a day.

    So it looks where the days of one month, none after its twelfth, are written in the other order.
    """
    pairs: set[tuple[int, int]] = set()
    example = None
    for text in days:
        match = PARTS.fullmatch(text or "")
        if match is None:
            continue
        first, second, third = (int(part) for part in match.groups())
        day, month = (
            (third, second) if len(match[1]) == 4 else (second, first) if is_month_first else (first, second)
        )
        if max(day, month) > LAST_MONTH:
            return None
        pairs.add((day, month))
        example = min(example or match[0], match[0])
    read_days, months = {day for day, _ in pairs}, {month for _, month in pairs}
    is_running = len(months) >= ENOUGH_DAYS * max(len(read_days), 1) and read_days != {1}
    return example if is_running else None


def _is_month_first(source: Source, name: str) -> bool:
    """Whether the column's first format that tells an order of day and month begins with the month."""
    column = next(column for column in source.columns if column.name == name)
    orders = [
        DAY_OR_MONTH.findall(written) for written in list_formats(source, column) if "%Y-" not in written
    ]
    first = next((order for order in orders if len(order) == 2), [""])
    return first[0].endswith("m")


def find_exchange(days: Iterable[str | None]) -> tuple[str, str] | None:
    """An example of the dates that were exchanged and of those that were not; None where nothing tells of it."""
    changed: list[re.Match[str]] = []
    kept: list[re.Match[str]] = []
    for day in days:
        match = PARTS.fullmatch(day or "")
        if match is None:
            continue
        first, second, third = (int(part) for part in match.groups())
        is_year_first = len(match[1]) == 4
        fits_both_ways = max(second, third if is_year_first else first) <= LAST_MONTH
        has_single_digit = not is_year_first and min(len(match[1]), len(match[2])) == 1
        has_zero = not is_year_first and "0" in (match[1][0], match[2][0])
        if is_year_first or has_single_digit:
            if not fits_both_ways:
                return None
            changed.append(match)
        elif has_zero or not fits_both_ways:
            if fits_both_ways:
                return None
            kept.append(match)
    other = _select_other_layouts(changed, kept)
    return (min(other), min(m[0] for m in kept)) if min(len(other), len(kept)) >= ENOUGH_DAYS else None


def _select_other_layouts(changed: list[re.Match[str]], kept: list[re.Match[str]]) -> list[str]:
    """Those of `changed` that whoever wrote `kept` writes otherwise: 6/10/2025 is natural beside 13/10/2025.

    Another order, sign or length of the year; or one digit where `kept` has a zero before it.
    """
    orders = {_order(m) for m in kept}
    padded = {(_order(m), place) for m in kept for place in (1, 2) if m[place][0] == "0"}
    return [
        m[0]
        for m in changed
        if _order(m) not in orders
        or any(len(m[place]) == 1 and (_order(m), place) in padded for place in (1, 2))
    ]


def _order(match: re.Match[str]) -> str:
    """`6/10/2025` → `d/d/Y`."""
    return re.sub(r"\d+", lambda number: "Y" if len(number[0]) == 4 else "d", match[0])
