"""Which days a source still owes: the one rule behind `thongsuot run` and the landing assets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from pipelines.landing.arrivals import find_new_days
from pipelines.landing.batches import find_newest_batches
from pipelines.landing.withdrawals import find_withdrawn
from pipelines.quality.reports import Report, read_report
from pipelines.settings import Settings
from pipelines.sources.connectors import find_connector
from pipelines.sources.contracts.contract import Source


def choose_days(source: Source, days: Sequence[date]) -> Sequence[date]:
    """Those that a pull of the range asks for: of one file that holds the whole history the last one."""
    return days[-1:] if source.holds_history() else days


def find_missing_days(source: Source, days: Sequence[date], settings: Settings) -> list[date]:
    """Days without a batch, with one that the threshold blocked, or with a new file in the inbox.

    A day whose batch was withdrawn is not asked for by itself: the source would give the same again. A file is
    expected only where it exists; everything else is expected every day.
    """
    days = choose_days(source, days)
    connector = find_connector(source.connector).load()
    days = [day for day in days if connector.expects_delivery(source, day, settings)]
    waits = find_new_days(source, settings, days)
    landed = find_newest_batches(settings.landing, source.name)
    reports = {d: read_report(settings.quality, landed[str(d)]) for d in days if str(d) in landed}
    withdrawn = {batch_id for name, batch_id in find_withdrawn(settings.landing) if name == source.name}

    def is_missing(day: date) -> bool:
        if day in waits or day not in reports:
            return True
        return landed[str(day)].batch_id not in withdrawn and _is_blocked(reports[day])

    return [day for day in days if is_missing(day)]


def has_days(sources: Iterable[Source], settings: Settings, first: date, last: date) -> bool:
    """Nothing of these days is missing of any source; a later delivery of a whole table takes the place of theirs."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    for source in sources:
        landed = find_newest_batches(settings.landing, source.name)
        is_replaced = source.partitioning == "whole_table" and max(landed, default="") > str(last)
        if not is_replaced and find_missing_days(source, days, settings):
            return False
    return True


def _is_blocked(report: Report | None) -> bool:
    return report is not None and report.blocked
