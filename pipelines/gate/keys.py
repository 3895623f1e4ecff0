"""Keys of the lists and days of a build beside those of the deliveries that it replaces."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from pipelines import duck
from pipelines.gate.facts import PACKAGE, Fact
from pipelines.gate.kept_records import list_fallen_counts, list_jumped_values, list_undated_changes
from pipelines.gate.times import list_moved_times
from pipelines.lake import inputs
from pipelines.lake.inputs import ReleasedBatch
from pipelines.lake.ledger import Release
from pipelines.landing.withdrawals import find_withdrawn
from pipelines.settings import Settings
from pipelines.sources.contracts.canon import read_canon
from pipelines.sources.contracts.contract import Contracts, Source
from pipelines.sql import read_sql

# (partition, batch)
DayBatch = tuple[str, str]
# What was delivered before, and what takes its place.
Pair = tuple[Sequence[DayBatch], Sequence[DayBatch]]


def list_counted(con: duckdb.DuckDBPyConnection, previous: Release | None) -> list[ReleasedBatch]:
    """What the release before was made of; of a restored one, of the state that it restores."""
    return inputs.list_inputs(con, previous.restores or previous.release_id) if previous else []


def compare_keys(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    contracts: Contracts,
    counted: Sequence[ReleasedBatch] | None,
    batches: str,
) -> Iterator[Fact]:
    """Whole lists against the newest one that counted in the release before; days pulled again against theirs.

    `counted`: what the release before was made of; None before there is one: then each list is compared with the
    one before it, as in a run that lands several. What was withdrawn since is no measure of anything: what it had
    replaced is.
    """
    withdrawn = find_withdrawn(settings.landing)
    for source in contracts.sources.values():
        rows = con.execute(
            f"select partition_key::varchar, batch_id, is_current, rows_accepted from {batches} "
            "where source = ? and is_accepted order by partition_key, batch_id",
            [source.name],
        ).fetchall()
        empty = {batch for _, batch, _, count in rows if not count}
        now = [(day, batch) for day, batch, is_current, _ in rows if is_current]
        before = sorted(
            (batch.partition, batch.batch_id)
            for batch in counted or ()
            if batch.source == source.name
            and batch.standing in ("current", "superseded")
            and (batch.source, batch.batch_id) not in withdrawn
        )
        if source.partitioning == "change_day":
            pairs = _pair_days(before, now, empty)
        else:
            filled = [delivery for delivery in now if delivery[1] not in empty]
            if filled:
                yield from count_keys(con, source.name, _name_item(source), settings.landing, filled[-1])
            pairs = _pair_lists(before if counted is not None else filled[:1], filled, empty)
        for earlier, later in pairs:
            yield from _compare_pair(con, settings, source, earlier, later, is_newest=later is pairs[-1][1])


def _pair_days(before: Sequence[DayBatch], now: Sequence[DayBatch], empty: Collection[str]) -> list[Pair]:
    """The days that were pulled again; those that are empty now by themselves."""
    fresh = dict(now)
    again = [(day, batch) for day, batch in dict(before).items() if fresh.get(day, batch) != batch]
    # Many days that lost nothing are no excuse for one that is empty now.
    emptied = [delivery for delivery in again if fresh[delivery[0]] in empty]
    filled = [delivery for delivery in again if fresh[delivery[0]] not in empty]
    return [(days, [(day, fresh[day]) for day, _ in days]) for days in (emptied, filled) if days]


def _pair_lists(before: Sequence[DayBatch], now: Sequence[DayBatch], empty: Collection[str]) -> list[Pair]:
    """The newest list that counted, and each newer one after it with the one before it; at least the newest."""
    counted = [delivery for delivery in before if delivery[1] not in empty][-1:]
    newer = [delivery for delivery in now if not counted or delivery[0] >= counted[0][0]] or now[-1:]
    lists = [*counted, *newer]
    return [([earlier], [later]) for earlier, later in pairwise(lists) if earlier != later]


def _compare_pair(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: Source,
    earlier: Sequence[DayBatch],
    later: Sequence[DayBatch],
    *,
    is_newest: bool,
) -> Iterator[Fact]:
    """Facts of the keys that were lost; where a file of what counted is gone, that nothing can be compared."""
    files = [
        [settings.quality / source.name / day / f"{batch}.accepted.parquet" for day, batch in deliveries]
        for deliveries in (earlier, later)
    ]
    gone = [day for (day, _), path in zip(earlier, files[0], strict=True) if not path.exists()]
    if gone:
        yield Fact(
            "not_compared", source.name, float(len(gone)), float(len(gone)), tuple(gone), is_recorded=False
        )
    there = [[str(path) for path in paths if path.exists()] for paths in files]
    if all(there):
        days = tuple(day for day, _ in later)
        item = _name_item(source)
        facts = count_lost_keys(con, source.name, item, *there, is_fixed=_is_fixed(source))
        moved = list_moved_times(con, source.name, item, *there)
        fallen = list_fallen_counts(con, source.name, item, *there)
        jumped = list_jumped_values(con, source.name, item, *there)
        mapped = {column.name for column in source.columns if column.mapped}
        undated = list_undated_changes(con, source.name, item, *there, mapped=mapped)
        for fact in chain(facts, moved, fallen, jumped, undated):
            # A day of changes that is pulled again may have been a part of itself.
            if fact.fact == "keys_gained_share" and source.partitioning == "change_day":
                continue
            yield fact._replace(days=days, is_recorded=is_newest)


def _is_fixed(source: Source) -> bool:
    """Whether nothing ever leaves the list: a province that a ranking no longer names did not cease to be."""
    canonical = read_canon().sources.get(source.name)
    return canonical is not None and canonical.silence == "none"


def _name_item(source: Source) -> tuple[str, ...]:
    """The columns by which a delivery is compared: what its rows are about."""
    canonical = read_canon().sources.get(source.name)
    return (canonical.item if canonical else ()) or source.key


def count_lost_keys(
    con: duckdb.DuckDBPyConnection,
    source: str,
    item: tuple[str, ...],
    before: list[str],
    now: list[str],
    *,
    is_fixed: bool = False,
) -> Iterator[Fact]:
    """Of the keys in the files `before`, the share that `now` no longer has, and how many more it has.

    Of a fixed list the number of those that are gone, too.
    """
    columns = ", ".join(duck.identifier(column) for column in item)
    key = duck.join_key(item)
    query = read_sql(PACKAGE, "lost_keys", columns=columns, key=key)
    row = con.execute(query, {"before": before, "now": now}).fetchone()
    if row and row[0]:
        keys, lost, present, examples, others = row
        new = present - (keys - lost)
        yield Fact(
            "keys_lost_share", source, lost / keys, float(lost), tuple(examples or ()),
            instead=tuple(others or ()),
        )  # fmt: skip
        yield Fact("keys_gained_share", source, new / keys, float(new))
        if is_fixed:
            yield Fact("fixed_keys_lost", source, float(lost), float(lost), tuple(examples or ()))


def count_keys(
    con: duckdb.DuckDBPyConnection,
    source: str,
    item: tuple[str, ...],
    landing: Path,
    delivery: tuple[str, str],
) -> Iterator[Fact]:
    """How many keys a whole list has as it was landed, rejected rows too; `delivery`: partition, batch.

    A column of the key that the place does not map tells no row from another.
    """
    day, batch = delivery
    path = landing / source / day / f"{batch}.parquet"
    if not path.exists():
        return
    landed = set(pq.read_schema(path).names)
    columns = ", ".join(duck.identifier(column) for column in item if column in landed)
    if not columns:
        return
    row = con.execute(
        f"select count(*) from (select distinct {columns} from read_parquet(?))", [str(path)]
    ).fetchone()
    if row:
        yield Fact("keys", source, float(row[0]), float(row[0]), days=(day,))
