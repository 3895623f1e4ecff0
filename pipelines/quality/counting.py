"""Which batch of a day counts: the newest that validation accepted and nobody withdrew. One rule for all who ask."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from pipelines.landing.batches import Batch
from pipelines.landing.withdrawals import list_remaining
from pipelines.quality.reports import Report, read_report
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Contracts, Source

# (source, partition) → the batch that counts.
Counting = Mapping[tuple[str, str], Batch]
# Every batch that was validated, with what was found.
Reported = Sequence[tuple[Batch, Report]]


def group_by_day(batches: Iterable[Batch]) -> Iterator[list[Batch]]:
    """The batches of each source and day, the newest day and the newest batch first."""
    ordered = sorted(batches, key=lambda b: (b.partition, b.source, b.batch_id), reverse=True)
    for _, of_day in groupby(ordered, lambda b: (b.partition, b.source)):
        yield list(of_day)


def select_counting(
    batches: Iterable[Batch], read: Callable[[Batch], Report | None]
) -> Iterator[tuple[Batch, Report]]:
    """Of batches that were not withdrawn those that count, the newest day first; a report is read when it is needed."""
    for of_day in group_by_day(batches):
        reports = ((batch, read(batch)) for batch in of_day)
        counting = next(((batch, report) for batch, report in reports if report and not report.blocked), None)
        if counting:
            yield counting


def list_counting(
    settings: Settings, source: Source, until: str = "9999-12-31"
) -> Iterator[tuple[Batch, Report]]:
    """The batches of a source that count, up to a day, with their reports, the newest day first."""
    batches = [b for b in list_remaining(settings.landing, source.name) if b.partition <= until]
    return select_counting(batches, lambda batch: read_report(settings.quality, batch))


def select_current(
    contracts: Contracts, reported: Reported, withdrawn: Collection[tuple[str, str]] = ()
) -> dict[tuple[str, str], Batch]:
    """(source, partition) → its newest accepted batch that was not withdrawn: the one that counts.

    Of a source whose every delivery is the whole table only the newest partition counts. `withdrawn`: (source,
    batch).
    """
    reports = {(batch.source, batch.batch_id): (batch, report) for batch, report in reported}
    remaining = [batch for key, (batch, _) in reports.items() if key not in withdrawn]
    accepted = {
        (batch.source, batch.partition): batch
        for batch, _ in select_counting(remaining, lambda b: reports[b.source, b.batch_id][1])
    }
    whole = {s.name for s in contracts.sources.values() if s.partitioning == "whole_table"}
    newest = {source: max(day for s, day in accepted if s == source) for source, _ in accepted}
    return {(s, day): b for (s, day), b in accepted.items() if s not in whole or day == newest[s]}
