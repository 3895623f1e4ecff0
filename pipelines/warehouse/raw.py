"""Schema `raw` of the warehouse: accepted rows as views on Parquet, and what Python knows of batch and run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from pipelines import duck
from pipelines.landing.batches import Batch
from pipelines.quality.reports import Report
from pipelines.sources.contracts.contract import Contracts, Place
from pipelines.warehouse.counting import Counting

# Table of bookkeeping → column → DuckDB type.
BATCHES = {
    "batch_id": "varchar", "source": "varchar", "partition_key": "date", "is_current": "boolean",
    "is_accepted": "boolean", "rows_read": "bigint", "rows_accepted": "bigint", "rows_rejected": "bigint",
    "sha256": "varchar", "schema_fingerprint": "varchar", "origin": "varchar", "pulled_at": "timestamp",
    "run_id": "varchar",
}  # fmt: skip
RUN_PARAMETERS = {
    "as_of": "timestamp", "partition_day": "date", "place_code": "varchar", "counts_since": "date",
    "stopped_is_end": "boolean", "whole_name_vi": "varchar",
}  # fmt: skip


def write_accepted(
    con: duckdb.DuckDBPyConnection,
    contracts: Contracts,
    reported: Sequence[tuple[Batch, Report]],
    counting: Counting,
) -> None:
    """A view per source over the accepted files of the batches that count; empty where there is none."""
    accepted = {(batch.source, batch.batch_id): report.accepted for batch, report in reported}
    for name, columns in contracts.accepted_columns().items():
        files = [accepted[b.source, b.batch_id] for b in counting.values() if b.source == name]
        _write_view(con, name, files, columns)


def write_batches(
    con: duckdb.DuckDBPyConnection,
    reported: Sequence[tuple[Batch, Report]],
    counting: Counting,
    references: Mapping[str, Batch],
) -> None:
    """`raw.batches`: every batch with a report, and of each reference table the batch that counts.

    Reference files are all or nothing: every row read is accepted.
    """
    rows = [
        _describe_batch(b, counting.get((b.source, b.partition)) == b, not r.blocked, r.rows_accepted, r.rows_rejected)
        for b, r in reported
    ]  # fmt: skip
    rows += [_describe_batch(batch, True, True, batch.rows, 0) for batch in references.values()]
    _create(con, "batches", BATCHES)
    if rows:
        con.executemany(f"insert into raw.batches values ({', '.join('?' * len(BATCHES))})", rows)


def write_parameters(con: duckdb.DuckDBPyConnection, place: Place, as_of: datetime, day: date) -> None:
    """`raw.run_parameters`: one row, the moment and the place that the build answers for."""
    row = [as_of, day, place.code, place.counts_since, place.stopped_is == "end", place.whole_name]
    _create(con, "run_parameters", RUN_PARAMETERS)
    con.execute(f"insert into raw.run_parameters values ({', '.join('?' * len(row))})", row)


def write_calendar(con: duckdb.DuckDBPyConnection, calendar: pd.DataFrame) -> None:
    con.register("incoming", calendar)
    con.execute("create or replace table raw.calendar as from incoming")
    con.unregister("incoming")


def _describe_batch(
    batch: Batch, is_current: bool, is_accepted: bool, kept: int, rejected: int
) -> list[object]:
    return [
        batch.batch_id, batch.source, batch.partition, is_current, is_accepted, batch.rows, kept, rejected,
        batch.sha256, batch.schema_fingerprint, batch.origin, batch.pulled_at, batch.run_id,
    ]  # fmt: skip


def _create(con: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
    typed = ", ".join(f"{duck.identifier(column)} {kind}" for column, kind in columns.items())
    con.execute(f"create or replace table raw.{name} ({typed})")


def _write_view(
    con: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path], columns: Mapping[str, str]
) -> None:
    relation = duck.identifier("raw", name)
    if files:
        paths = ", ".join(duck.literal(f) for f in sorted(files))
        con.execute(
            f"create or replace view {relation} as from read_parquet([{paths}], union_by_name = true)"
        )
    else:
        typed = ", ".join(f"null::{kind} as {duck.identifier(column)}" for column, kind in columns.items())
        con.execute(f"create or replace view {relation} as select {typed} where false")
