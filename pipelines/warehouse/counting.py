"""Which batches count in a build, and for which day it answers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from pipelines.landing.batches import Batch, list_batches
from pipelines.landing.withdrawals import find_withdrawn, list_withdrawals
from pipelines.quality.counting import Counting, Reported, select_current
from pipelines.quality.reports import Report, read_report
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts


class NothingLanded(RuntimeError):
    """There is no accepted batch to build from, or a day has none but blocked ones."""


def find_standing(
    batch: Batch, report: Report, counting: Counting, withdrawn: Collection[tuple[str, str]]
) -> str:
    """`current`: it counts; `superseded`, `blocked` or `withdrawn`: why it does not."""
    if (batch.source, batch.batch_id) in withdrawn:
        return "withdrawn"
    if counting.get((batch.source, batch.partition)) == batch:
        return "current"
    return "blocked" if report.blocked else "superseded"


def refuse_blocked(
    contracts: Contracts,
    reported: Reported,
    counting: Counting,
    withdrawn: Collection[tuple[str, str]] = (),
) -> None:
    """NothingLanded for the first day that has none but a blocked batch that nobody withdrew.

    A later delivery of the whole list heals an earlier one that was blocked; a day of changes is its own. What
    the contract names no more blocks nothing.
    """
    blocked = {
        (batch.source, batch.partition): report
        for batch, report in reported
        if report.blocked and (batch.source, batch.batch_id) not in withdrawn
        if batch.source in contracts.sources
    }
    for name, day in sorted(set(blocked) - set(counting)):
        is_change = contracts.sources[name].partitioning == "change_day"
        if not is_change and any(source == name and later > day for source, later in counting):
            continue
        raise NothingLanded(blocked[name, day].describe_block(contracts.sources[name]))


def list_clocks(contracts: Contracts) -> list[str]:
    """The sources whose deliveries move as_of: the canon's, or all where the place has none of these."""
    canonical = read_canon().sources
    clocks = [name for name in contracts.sources if name in canonical and canonical[name].moves_as_of]
    return clocks or list(contracts.sources)


def find_newest_day(contracts: Contracts, reported: Reported, counting: Counting, settings: Settings) -> date:
    """The newest day for which every source that moves as_of delivered; NothingLanded where there is none.

    An accepted batch without rows is a delivery only where the source `may_be_empty`. A delivery of the
    whole list, or table, answers for the days before it too.
    """
    rows = {batch.batch_id: report.rows_accepted for batch, report in reported}
    clocks = list_clocks(contracts)
    days: dict[str, set[str]] = {name: set() for name in clocks}
    for (name, day), batch in counting.items():
        if name in days and (rows[batch.batch_id] or contracts.sources[name].may_be_empty):
            days[name].add(day)

    def is_covered(name: str, day: str) -> bool:
        is_change = contracts.sources[name].partitioning == "change_day"
        return day in days[name] if is_change else day <= max(days[name], default="")

    complete = [day for day in set().union(*days.values()) if all(is_covered(name, day) for name in clocks)]
    if not complete:
        raise NothingLanded(
            f"No accepted batch with rows of {' and '.join(clocks)} under {settings.landing}. "
            f"Land a day first: `thongsuot run`, or materialize landing/{clocks[0]}. Where that gave no "
            f"batch, `thongsuot sources check {clocks[0]}` says why."
        )
    return date.fromisoformat(max(complete))


def list_standings(settings: Settings, contracts: Contracts) -> list[dict[str, Any]]:
    """Every landed batch of the place's sources as it stands now, oldest first: as the next build would see it."""
    landed = [batch for name in contracts.sources for batch in list_batches(settings.landing, name)]
    reports = {(b.source, b.batch_id): read_report(settings.quality, b) for b in landed}
    reported = [(b, report) for b in landed if (report := reports[b.source, b.batch_id])]
    withdrawn = find_withdrawn(settings.landing)
    counting = select_current(contracts, reported, withdrawn)
    events = {(e.source, e.batch_id): e for e in list_withdrawals(settings.landing)}
    rows = []
    for batch in landed:
        key = (batch.source, batch.batch_id)
        report, event = reports[key], events.get(key) if key in withdrawn else None
        standing = find_standing(batch, report, counting, withdrawn) if report else "not validated"
        rows.append(
            {
                "source": batch.source, "day": batch.partition, "batch_id": batch.batch_id,
                "standing": "withdrawn" if event else standing, "rows": batch.rows,
                "rejected": report.rows_rejected if report else None, "pulled_at": batch.pulled_at,
                "withdrawn_by": event and event.author, "reason": event and event.reason,
            }
        )  # fmt: skip
    return rows
