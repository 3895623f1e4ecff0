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
    reported: Sequence[tuple[Batch, Report]],
    counting: Counting,
    whole: Collection[str],
) -> None:
    """NothingLanded for the first day that has none but a blocked batch; of `whole` only the newest matters."""
    blocked = {(batch.source, batch.partition): report for batch, report in reported if report.blocked}
    newer = {key for key in blocked if key[0] not in whole or not any(key <= other for other in counting)}
    for name, day in sorted(newer - set(counting)):
        raise NothingLanded(blocked[name, day].describe_block(contracts.sources[name].max_rejected_share))


def find_newest_day(counting: Counting, settings: Settings) -> date:
    """The newest accepted day of the sources that move as_of (canon); NothingLanded where there is none."""
    names = [name for name, source in read_canon().sources.items() if source.moves_as_of]
    days = [day for name, day in counting if name in names]
    if not days:
        raise NothingLanded(
            f"No accepted batch of {' or '.join(names)} under {settings.landing}. "
            f"Land a day first: `thongsuot run`, or materialize landing/{names[0]}. Where that gave no "
            f"batch, `thongsuot sources check {names[0]}` says why."
        )
    return date.fromisoformat(max(days))
