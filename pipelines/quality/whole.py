"""A batch as a whole: how many rows against the same weekday before, and how fresh its newest one is.

The facts of a chunk's batches become one small frame, a row per batch, judged by Great Expectations like
any other: one road for rules, reasons and counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

import duckdb
import pandas as pd

from pipelines import duck
from pipelines.landing.batches import Batch
from pipelines.landing.withdrawals import list_remaining
from pipelines.quality.split import KeyedBatch
from pipelines.quality.suite import BATCH_FACTS, Suite
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.relation import tells_only_now

# The same weekday of the last eight weeks; fewer than three such days, or days of a handful of rows,
# are no measure.
WEEKS, ENOUGH_DAYS, ENOUGH_ROWS = 8, 3, 20


def collect_batch_facts(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    suite: Suite,
    keyed: Sequence[KeyedBatch],
    settings: Settings,
) -> pd.DataFrame:
    """One row per batch of the chunk (index: its place): every one of BATCH_FACTS."""
    batches = list_remaining(settings.landing, source.name)
    landed = {batch.partition: batch.rows for batch in batches}
    last: dict[Any, Any] = {}
    if suite.newest:
        newest_times = con.execute(
            f"select _place, max(cast({suite.newest} as timestamp)) from typed group by 1"
        ).fetchall()
        last = dict(newest_times)
    facts = [
        {
            "rows": p.batch.rows,
            "rows_emptied": count_emptied_rows(p.batch, source, batches),
            "volume_ratio": compute_volume_ratio(p.batch, landed),
            "hours_behind": compute_hours_behind(p.batch, last.get(place)),
        }
        for place, p in enumerate(keyed)
    ]
    return pd.DataFrame(facts, columns=list(BATCH_FACTS)).astype("float64")


def count_emptied_rows(batch: Batch, source: Source, landed: Iterable[Batch]) -> int | None:
    """Rows of the delivery that an empty one would replace; None where the batch holds rows or may be empty.

    A day of changes replaces an earlier pull of the same day; any other delivery the newest one before it.
    Only what was pulled before counts, so that a later pull never changes the verdict.
    """
    if batch.rows or source.may_be_empty:
        return None
    is_change = source.partitioning == "change_day"
    replaced = [
        (earlier.partition, earlier.batch_id, earlier.rows)
        for earlier in landed
        if earlier.rows
        and earlier.batch_id < batch.batch_id
        and (earlier.partition == batch.partition or not is_change)
        and earlier.partition <= batch.partition
    ]
    return max(replaced)[-1] if replaced else None


def compute_volume_ratio(batch: Batch, landed: Mapping[str, int]) -> float | None:
    """Rows ÷ the median of the same weekday before; None where there is too little to compare with."""
    day = date.fromisoformat(batch.partition)
    before = [landed.get(str(day - timedelta(weeks=n))) for n in range(1, WEEKS + 1)]
    rows = [n for n in before if n is not None]
    usual = median(rows) if len(rows) >= ENOUGH_DAYS else 0
    return round(batch.rows / usual, 4) if usual >= ENOUGH_ROWS else None


def compute_hours_behind(batch: Batch, last: datetime | None) -> float | None:
    """From the newest row's time to the end of the day, or to the pull where that came first."""
    if last is None:
        return None
    end = datetime.combine(date.fromisoformat(batch.partition), time()) + timedelta(days=1)
    return round((min(end, read_pull_time(batch)) - last) / timedelta(hours=1), 2)


def read_pull_time(batch: Batch) -> datetime:
    """Local wall time of the pull; far ahead where a batch does not tell."""
    try:
        utc = datetime.fromisoformat(f"{batch.pulled_at}+00:00")
    except ValueError:
        return datetime(9999, 12, 31)
    return utc.astimezone(LOCAL_ZONE).replace(tzinfo=None)


def select_row_facts(source: Source, keyed: Sequence[KeyedBatch]) -> str:
    """SQL columns `_place` (of the batch in its chunk) and ROW_FACTS, from a row's `_batch`."""

    def pick(values: Iterable[date | datetime]) -> str:
        kind = {date: "date"}
        listed = ", ".join(f"{kind.get(type(v), 'timestamp')} {duck.literal(v)}" for v in values)
        return f"[{listed}][_batch::bigint + 1]"

    days = [date.fromisoformat(p.batch.partition) for p in keyed]
    pulls = [read_pull_time(p.batch) for p in keyed]
    exports = [datetime.combine(day, source.snapshot_at) for day in days]
    # A day of grace: a table is often exported some hours after its nominal hour.
    is_of_its_day = source.milestones and not tells_only_now(source)
    export = f"{pick(exports if is_of_its_day else pulls)} + interval 1 day"
    return (
        f"_batch::bigint as _place, {pick(days)} as _partition, {pick(days)} + interval 1 day as _day_end, "
        f"{pick(pulls)} as _pulled_at, {export} as _export_at"
    )
