"""Times that moved between two deliveries, or that lie at hours at which nobody works: a zone that nobody named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import duckdb
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.gate.deliveries import Delivery
from pipelines.gate.facts import PACKAGE, Fact
from pipelines.gate.kept_records import kept_values_sql
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.canonical import CanonicalTimes
from pipelines.sources.contracts.contract import Contracts
from pipelines.sql import read_sql

# Desks and offices are open within them, in any country. A zone nearer than three hours shows in no share of them.
OFFICE_HOURS = range(7, 18)
LEAST_OFFSET = 3
# Were the times of another zone, most of them would lie in office hours; a robot writes at one or two hours only.
SHARE_OF_PEOPLE = 0.7
ENOUGH_HOURS, SHARE_OF_AN_HOUR = 4, 0.03
DAY_MINUTES = 24 * 60
NO_TIMES = CanonicalTimes()


def read_times(source: str) -> CanonicalTimes:
    """What the contract of a source says of its times."""
    canonical = read_canon().sources.get(source)
    return canonical.times if canonical else NO_TIMES


def list_moved_times(
    con: duckdb.DuckDBPyConnection, source: str, item: Sequence[str], before: list[str], now: list[str]
) -> Iterator[Fact]:
    """Per column that a record keeps: the share of the records in the files of both whose time is another now."""
    times = read_times(source)
    there = set(pq.read_schema(before[-1]).names) & set(pq.read_schema(now[-1]).names)
    for column in times.lasting:
        if column not in there:
            continue
        kept = kept_values_sql(item, f"min({duck.identifier(column)})")
        query = read_sql(PACKAGE, "moved_times", kept=kept)
        row = con.execute(query, {"before": before, "now": now}).fetchone()
        if row and row[0]:
            records, moved, alike, minutes = row
            details = (f"{column} {moved}: {alike} × {describe_minutes(minutes)}",) if moved else ()
            yield Fact("times_moved", f"{source}: {column}", moved / records, float(moved), details)


def describe_minutes(minutes: int) -> str:
    """`-7 h`, `+31 d`, `-1 d 30 min`."""
    days, rest = divmod(abs(minutes), DAY_MINUTES)
    hours, rest = divmod(rest, 60)
    parts = [f"{number} {unit}" for number, unit in ((days, "d"), (hours, "h"), (rest, "min")) if number]
    return ("-" if minutes < 0 else "+") + " ".join(parts)


def list_foreign_hours(
    con: duckdb.DuckDBPyConnection, contracts: Contracts, settings: Settings, deliveries: Iterable[Delivery]
) -> Iterator[Fact]:
    """Per delivery that is examined and column that people enter: how many more of its times would lie in office
    hours if they were as far off as this place is from UTC; 0 where that explains nothing. Days without a time of
    day are none.
    """
    for name, group in groupby(deliveries, key=lambda delivery: delivery.source):
        files = {
            str(delivery.find_accepted(settings)): delivery
            for delivery in group
            if delivery.is_examined and delivery.rows and delivery.find_accepted(settings).exists()
        }
        there = set(pq.read_schema(max(files)).names) if files else set()
        mapped = {column.name for column in contracts.sources[name].columns if column.mapped}
        for column in (column for column in read_times(name).office if column in there & mapped):
            query = read_sql(PACKAGE, "hours", column=duck.identifier(column))
            hours: dict[str, dict[int, int]] = {}
            for file, hour, count in con.execute(query, {"files": list(files)}).fetchall():
                hours.setdefault(file, {})[hour] = count
            for file, counts in hours.items():
                yield from _measure_hours(column, files[file], counts)


def _measure_hours(column: str, delivery: Delivery, hours: Mapping[int, int]) -> Iterator[Fact]:
    offset = find_offset(datetime.fromisoformat(delivery.partition))
    gain, shift = max((measure_gain(hours, shift), shift) for shift in (offset, -offset))
    if gain or delivery.is_newest:
        total = sum(hours.values())
        now, then = (count_in_office(hours, by) / total for by in (0, shift))
        details = (f"{column} {now:.0%}; {shift:+d} h: {then:.0%}",)
        yield Fact(
            "hours_foreign", f"{delivery.source}: {column}", gain, float(total), details,
            days=(delivery.partition,), is_recorded=delivery.is_newest,
        )  # fmt: skip


def find_offset(day: datetime) -> int:
    """Whole hours by which this place's clock is ahead of UTC."""
    return round((day.replace(tzinfo=LOCAL_ZONE).utcoffset() or timedelta()) / timedelta(hours=1))


def measure_gain(hours: Mapping[int, int], shift: int) -> float:
    """By how much the share of office hours would grow, were each time `shift` hours later; 0 where nothing says so.

    `hours`: hour of the day → how many times.
    """
    total = sum(hours.values())
    spread = sum(count >= SHARE_OF_AN_HOUR * total for count in hours.values())
    if abs(shift) < LEAST_OFFSET or spread < ENOUGH_HOURS:
        return 0.0
    then = count_in_office(hours, shift) / total
    return max(then - count_in_office(hours, 0) / total, 0.0) if then >= SHARE_OF_PEOPLE else 0.0


def count_in_office(hours: Mapping[int, int], shift: int) -> int:
    return sum(count for hour, count in hours.items() if (hour + shift) % 24 in OFFICE_HOURS)
