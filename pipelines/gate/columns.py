"""Columns that emptied: each delivery beside those before it, from the footers of their files; no row is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from statistics import median
from typing import NamedTuple

import duckdb

from pipelines.gate.deliveries import Delivery
from pipelines.gate.facts import Fact
from pipelines.gate.history import MOST_RELEASES, ONE_FAULT
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts

# A column without a value in so many of its rows has none: a few rows may have been typed by hand.
EMPTIED = 0.98
# What stands in fewer rows than one of five (a refusal) was not filled; that it is gone says nothing.
FILLED = 0.8


class Emptiness(NamedTuple):
    """Of one column in one delivery: the share of its rows without a value."""

    share: float
    rows: float


def list_empty_columns(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, settings: Settings, deliveries: Iterable[Delivery]
) -> Iterator[Fact]:
    """Per mapped column of every delivery that is examined: how empty, and how much more so than those before."""
    for name, group in groupby(deliveries, key=lambda delivery: delivery.source):
        filled = [delivery for delivery in group if delivery.rows]
        first = next((n for n, delivery in enumerate(filled) if delivery.is_examined), len(filled))
        compared = filled[max(first - MOST_RELEASES, 0) :]
        mapped = {column.name for column in contracts.sources[name].columns if column.mapped}
        shares = read_emptiness(con, settings, compared, mapped)
        for index, delivery in enumerate(compared):
            earlier = shares[max(index - MOST_RELEASES, 0) : index]
            for column in sorted(shares[index]) if delivery.is_examined else ():
                before = [columns[column].share for columns in earlier if column in columns]
                yield from measure_column(f"{name}.{column}", delivery, shares[index][column], before)


def read_emptiness(
    con: duckdb.DuckDBPyConnection, settings: Settings, deliveries: Sequence[Delivery], columns: Iterable[str]
) -> list[dict[str, Emptiness]]:
    """Of each delivery column → how empty it is; nothing of one whose file is not there."""
    files = {str(delivery.find_accepted(settings)): n for n, delivery in enumerate(deliveries)}
    shares: list[dict[str, Emptiness]] = [{} for _ in deliveries]
    there = [file for file, n in files.items() if deliveries[n].find_accepted(settings).exists()]
    if there:
        rows = con.execute(
            "select file_name, path_in_schema, sum(stats_null_count), sum(num_values) from parquet_metadata(?) "
            "where list_contains(?, path_in_schema) group by all having sum(num_values) > 0 order by all",
            [there, list(columns)],
        ).fetchall()
        for file, column, empty, count in rows:
            if empty is not None:
                shares[files[file]][column] = Emptiness(float(empty / count), float(count))
    return shares


def measure_column(scope: str, delivery: Delivery, now: Emptiness, before: Sequence[float]) -> Iterator[Fact]:
    """`before`: the shares in the deliveries before it, of which there may be none.

    Between two days of a log a share swings: what came three times of itself is usual.
    """
    is_newest, days, details = delivery.is_newest, (delivery.partition,), (f"{now.share:.0%}",)
    if is_newest:
        yield Fact("empty_share", scope, now.share, now.share * now.rows, days=days)
    usual, extreme = (median(before), find_usual_extreme(before)) if before else (now.share, now.share)
    rise = now.share - usual if now.share > 2 * extreme - usual else 0.0
    is_emptied = rise > 0 and now.share >= EMPTIED and usual <= FILLED
    for fact, value in (("empty_column", float(is_emptied)), ("emptied_share", rise)):
        if is_newest or value:
            yield Fact(
                fact, scope, value, rise * now.rows, details, days=days, usual=usual, is_recorded=is_newest
            )


def find_usual_extreme(shares: Sequence[float]) -> float:
    """How empty the column was three times; the median where there are too few deliveries for that."""
    return max(sorted(shares, reverse=True)[ONE_FAULT] if len(shares) > ONE_FAULT else 0.0, median(shares))
