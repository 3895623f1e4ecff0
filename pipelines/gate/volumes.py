"""How many rows a day of a log brings, beside the same weekday of the weeks before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from statistics import median

from pipelines.gate.deliveries import Delivery
from pipelines.gate.facts import Fact
from pipelines.sources.contracts.contract import Contracts
from pipelines.warehouse.calendar import build_calendar

# The last month says how much is usual now; one such day alone is no measure.
WEEKS, ENOUGH_DAYS = 4, 2


def list_volumes(contracts: Contracts, deliveries: Iterable[Delivery]) -> Iterator[Fact]:
    """Per examined day of a source of changes: 0.5 for half of the usual rows, and for twice as many.

    Not of a list, which grows, nor of a public holiday.
    """
    rows: dict[str, dict[str, int]] = {}
    examined = []
    for delivery in deliveries:
        if contracts.sources[delivery.source].partitioning == "change_day" and delivery.rows:
            rows.setdefault(delivery.source, {})[delivery.partition] = delivery.rows
            examined += [delivery] if delivery.is_examined else []
    holidays = list_holidays(contracts.place.country, [delivery.partition for delivery in examined])
    for delivery in examined:
        usual = find_usual_rows(rows[delivery.source], delivery.partition)
        if not usual or delivery.partition in holidays:
            continue
        ratio = delivery.rows / usual
        yield Fact(
            "volume_change", delivery.source, 1 - min(ratio, 1 / ratio), abs(delivery.rows - usual),
            (str(delivery.rows),), days=(delivery.partition,), usual=usual, is_recorded=delivery.is_newest,
        )  # fmt: skip


def find_usual_rows(rows: Mapping[str, int], day: str) -> float | None:
    """The median of the same weekday before; None where there are too few. `rows`: day → how many."""
    there = date.fromisoformat(day)
    before = [rows.get(str(there - timedelta(weeks=week))) for week in range(1, WEEKS + 1)]
    counts = [count for count in before if count]
    return median(counts) if len(counts) >= ENOUGH_DAYS else None


def list_holidays(country: str, days: Collection[str]) -> set[str]:
    """The public holidays from the first of the days to the last, whatever day of the week."""
    if not days:
        return set()
    calendar = build_calendar(country, date.fromisoformat(min(days)), date.fromisoformat(max(days)))
    return set(map(str, calendar["date"][calendar["holiday_name"].notna()]))
