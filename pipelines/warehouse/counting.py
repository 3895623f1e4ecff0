"""Which batches count in a build, and for which day it answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from pipelines.landing.batches import Batch
from pipelines.quality.reports import Report
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts

# (source, partition) → the batch that counts.
Counting = Mapping[tuple[str, str], Batch]
# Every batch that was validated, with what was found.
Reported = Sequence[tuple[Batch, Report]]


class NothingLanded(RuntimeError):
    """There is no accepted batch to build from, or a day has none but blocked ones."""


def select_current(
    reported: Iterable[tuple[Batch, Report]], whole: Collection[str] = ()
) -> dict[tuple[str, str], Batch]:
    """(source, partition) → its newest accepted batch: the one that counts.

    `whole`: sources whose every delivery is the whole table; of these only the newest partition counts.
    """
    accepted = {(batch.source, batch.partition): batch for batch, report in reported if not report.blocked}
    newest = {source: max(day for s, day in accepted if s == source) for source, _ in accepted}
    return {(s, day): b for (s, day), b in accepted.items() if s not in whole or day == newest[s]}


def refuse_blocked(
    contracts: Contracts,
    reported: Reported,
    counting: Counting,
) -> None:
    """NothingLanded for the first day that has none but a blocked batch.

    A later delivery of the whole list heals an earlier one that was blocked; a day of changes is its own.
    """
    blocked = {(batch.source, batch.partition): report for batch, report in reported if report.blocked}
    for name, day in sorted(set(blocked) - set(counting)):
        is_change = contracts.sources[name].partitioning == "change_day"
        if not is_change and any(source == name and later > day for source, later in counting):
            continue
        raise NothingLanded(blocked[name, day].describe_block(contracts.sources[name].max_rejected_share))


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
