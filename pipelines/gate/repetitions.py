"""Deliveries that say what another one said, row for row, and lists that stay away longer than they ever did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby, pairwise

import duckdb

from pipelines.gate.deliveries import Delivery
from pipelines.gate.facts import Fact
from pipelines.sources.contracts.contract import Contracts
from pipelines.sources.files.file_set import read_hashes
from pipelines.warehouse.calendar import build_calendar

# So many deliveries tell how often a list comes; fewer than three tell nothing.
RECENT, ENOUGH = 6, 3


def list_repetitions(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, deliveries: Sequence[Delivery], batches: str
) -> Iterator[Fact]:
    """Of every delivery that is examined whether it has the content of an earlier day.

    `delivery_unchanged`: of a list, that of the delivery just before it, on a day on which people work;
    `delivery_again`: that of an older one, or of another day of a log.
    """
    for name, group in groupby(deliveries, key=lambda delivery: delivery.source):
        source = contracts.sources[name]
        contents = read_contents(con, name, batches)
        for delivery in group:
            if not delivery.is_examined or not delivery.rows:
                continue
            days = sorted(day for day in contents if day < delivery.partition)
            own = contents.get(delivery.partition, set())
            same = [day for day in days if contents[day] & own]
            is_last = bool(same) and same[-1] == days[-1] and source.partitioning != "change_day"
            is_again = bool(same) and not is_last
            is_unchanged = is_last and is_working_day(contracts.place.country, delivery.partition)
            for fact, value in (("delivery_again", is_again), ("delivery_unchanged", is_unchanged)):
                if delivery.is_newest or value:
                    yield Fact(
                        fact, name, float(value), float(delivery.rows), tuple(same[-1:]),
                        days=(delivery.partition,), is_recorded=delivery.is_newest,
                    )  # fmt: skip


def list_overdue(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, as_of: datetime, batches: str
) -> Iterator[Fact]:
    """Of every list by how many days it is later than its longest pause between the last deliveries."""
    for source in contracts.sources.values():
        if source.partitioning == "change_day":
            continue
        days = sorted(map(date.fromisoformat, read_contents(con, source.name, batches)))[-RECENT:]
        days = [day for day in days if day <= as_of.date()]
        if len(days) < ENOUGH:
            continue
        usual = max((later - earlier).days for earlier, later in pairwise(days))
        overdue = max((as_of.date() - days[-1]).days - usual, 0)
        yield Fact("days_overdue", source.name, overdue, overdue, (str(days[-1]),))


def read_contents(con: duckdb.DuckDBPyConnection, source: str, batches: str) -> Mapping[str, set[str]]:
    """Day → the contents of what was delivered for it and counted at some time.

    Of files by their own hashes: what is landed of a table may depend on its day.
    """
    rows = con.execute(
        f"select partition_key::varchar, origin, sha256 from {batches} "
        "where source = ? and rows_accepted > 0 and standing in ('current', 'superseded')",
        [source],
    ).fetchall()
    contents: dict[str, set[str]] = {}
    for day, origin, sha256 in rows:
        contents.setdefault(day, set()).add(" ".join(read_hashes(origin)) or sha256)
    return contents


def is_working_day(country: str, day: str) -> bool:
    there = date.fromisoformat(day)
    return bool(build_calendar(country, there, there)["is_working_day"].all())
