"""Tasks and issues as their snapshots show them: rows, silence and rejected rows, one snapshot after the other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import pandas as pd

Row = dict[str, Any]


class Mention(NamedTuple):
    """What one snapshot says of one thing: `row` as accepted; None where it was rejected or is missing."""

    day: date
    row: Row | None
    is_missing: bool


def records(rows: pd.DataFrame) -> list[Row]:
    """Plain Python: None for what is missing, dates for the days of snapshots."""
    plain = rows.astype(object).where(rows.notna(), None)
    plain_rows: list[Row] = plain.to_dict("records")
    for row in plain_rows:
        row["day"] = pd.Timestamp(row["partition_key"]).date()
    return plain_rows


def newest_of_each_day(rows: list[Row], key: list[str], touched: str) -> dict[tuple[date, Hashable], Row]:
    """A thing listed twice in one snapshot: the row that was touched last counts, then the one further down."""
    kept: dict[tuple[date, Hashable], Row] = {}
    for row in sorted(
        rows, key=lambda r: (r[touched] is not None, r[touched] or pd.Timestamp(0), r["batch_id"], r["_row"])
    ):
        kept[row["day"], tuple(row[name] for name in key)] = row
    return kept


def followed(
    kept: dict[tuple[date, Hashable], Row], rejected: set[tuple[date, Hashable]]
) -> Iterator[tuple[Hashable, list[Mention]]]:
    """Each thing with what every snapshot since its first row says of it; a missing one says so once."""
    days = sorted({day for day, _ in kept})
    for thing in sorted({thing for _, thing in kept}, key=str):
        mentions: list[Mention] = []
        for day in days:
            row = kept.get((day, thing))
            if row is not None:
                mentions.append(Mention(day, row, False))
            elif mentions and (day, thing) in rejected:
                mentions.append(Mention(day, None, False))
            elif mentions and not mentions[-1].is_missing:
                mentions.append(Mention(day, None, True))
        yield thing, mentions


def every_day(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
