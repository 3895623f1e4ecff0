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
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.values.mixtures import LAST_MONTH
from pipelines.sources.values.moments import is_of_moments

SAMPLE_ROWS = 20_000
# So many different days of either kind: by chance all of one would hardly fit, and none of the other.
ENOUGH_DAYS = 4
DAY = r"^\s*(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4})"
PARTS = re.compile(r"(\d+)[-/.](\d+)[-/.](\d+)")


def check_date_mixtures(con: duckdb.DuckDBPyConnection, source: Source, partition: str, path: Path) -> None:
    """PermanentSourceError where day and month of a part of a column were exchanged, by all appearances."""
    relation = f"read_parquet({duck.literal(path)})"
    present = {str(row[0]) for row in con.execute(f"describe from {relation}").fetchall()}
    names = [c.name for c in source.columns if is_of_moments(c) and c.name in present]
    if not names:
        return
    lists = ", ".join(
        f"list(distinct regexp_extract({duck.identifier(name)}, {duck.literal(DAY)}, 1))" for name in names
    )
    row = con.execute(f"select {lists} from (from {relation} limit {SAMPLE_ROWS})").fetchone() or ()
    for name, days in zip(names, row, strict=True):
        if examples := find_exchange(days or ()):
            changed, whole = examples
            raise PermanentSourceError(
                f"{source.name} {partition}: column {name!r} writes its dates in two ways: none of those like "
                f"{changed!r} has a day above {LAST_MONTH}, all of those like {whole!r} have. A spreadsheet with other "
                f"settings opened it: what it could read became dates with day and month exchanged. Nothing was "
                f"landed. Export it again without opening it, or with all dates as 2025-08-06."
            )


def find_exchange(days: Iterable[str | None]) -> tuple[str, str] | None:
    """An example of the dates that were exchanged and of those that were not; None where nothing tells of it."""
    changed: list[str] = []
    kept: list[str] = []
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
            changed.append(match[0])
        elif has_zero or not fits_both_ways:
            if fits_both_ways:
                return None
            kept.append(match[0])
    if min(len(changed), len(kept)) < ENOUGH_DAYS:
        return None
    return min(changed), min(kept)
