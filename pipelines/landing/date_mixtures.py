"""Dates written in two ways in one column: the trace of a spreadsheet that read a part of them by other settings.

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
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import DeliveryRefused
from pipelines.sources.values.mixtures import ENOUGH_DAYS, LAST_MONTH
from pipelines.sources.values.moments import is_of_moments

SAMPLE_ROWS = 20_000
DAY = r"^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})"
PARTS = re.compile(r"(\d+)[-/.](\d+)[-/.](\d+)")


def check_date_mixtures(con: duckdb.DuckDBPyConnection, source: Source, partition: str, path: Path) -> None:
    """DeliveryRefused where day and month of a part of a column were exchanged, by all appearances."""
    relation = f"read_parquet({duck.literal(path)})"
    present = set(list_columns(path))
    names = [c.name for c in source.columns if is_of_moments(c) and c.name in present]
    if not names:
        return
    listed, cells = ", ".join(map(duck.literal, names)), ", ".join(map(duck.identifier, names))
    days = con.execute(
        f"select distinct _name, regexp_extract(_cell, {duck.literal(DAY)}, 1) from (select unnest([{listed}]) as "
        f"_name, unnest([{cells}]) as _cell from (from {relation} limit {SAMPLE_ROWS}))"
    ).fetchall()
    for name in names:
        if examples := find_exchange(day for column, day in days if column == name):
            changed, whole = examples
            raise DeliveryRefused(
                f"{source.name} {partition}: column {name!r} writes its dates in two ways: none of those like "
                f"{changed!r} has a day above {LAST_MONTH}, all of those like {whole!r} have. A spreadsheet with other "
                f"settings opened it: what it could read became dates with day and month exchanged. Nothing was "
                f"landed. Export it again without opening it, or with all dates as 2025-08-06."
            )


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
