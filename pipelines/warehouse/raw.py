"""Schema `raw` of the warehouse: accepted rows as views on Parquet, and what Python knows of batch and run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from pipelines import duck
from pipelines.landing.batches import Batch, hash_file
from pipelines.landing.withdrawals import Withdrawal
from pipelines.quality.counting import Counting
from pipelines.quality.reports import Report
from pipelines.sources.contracts.contract import Contracts, Place
from pipelines.warehouse.accepted_files import AcceptedFile, write_files
from pipelines.warehouse.counting import find_standing

# Table of bookkeeping → column → DuckDB type.
BATCHES = {
    "batch_id": "varchar", "source": "varchar", "partition_key": "date", "is_current": "boolean",
    "is_accepted": "boolean", "rows_read": "bigint", "rows_accepted": "bigint", "rows_rejected": "bigint",
    "sha256": "varchar", "schema_fingerprint": "varchar", "origin": "varchar", "pulled_at": "timestamp",
    "run_id": "varchar", "standing": "varchar",
}  # fmt: skip
WITHDRAWALS = {
    "event_id": "bigint", "event": "varchar", "source": "varchar", "partition_key": "date", "batch_id": "varchar",
    "author": "varchar", "reason": "varchar", "happened_at": "timestamp",
}  # fmt: skip
BATCH_FILES = {
    "source": "varchar", "partition_key": "date", "batch_id": "varchar", "sidecar_sha256": "varchar",
    "report_sha256": "varchar", "accepted_sha256": "varchar", "rejected_sha256": "varchar",
}  # fmt: skip
RUN_PARAMETERS = {
    "as_of": "timestamp", "partition_day": "date", "place_code": "varchar", "counts_since": "date",
    "stopped_is_end": "boolean", "done_by_word": "boolean", "whole_name_vi": "varchar",
    "late_phrases": "varchar[]", "in_time_phrases": "varchar[]",
}  # fmt: skip


def write_accepted(
    con: duckdb.DuckDBPyConnection,
    contracts: Contracts,
    reported: Sequence[tuple[Batch, Report]],
    counting: Counting,
) -> None:
    """A view per source over the accepted files of the batches that count, empty where there is none.

    `raw.accepted_files` says of each file what is asked of it every night.
    """
    reports = {(batch.source, batch.batch_id): report for batch, report in reported}
    files = [
        AcceptedFile(*key, reports[key].hash_files()["accepted"], reports[key].accepted)
        for batch in counting.values()
        if (key := (batch.source, batch.batch_id))
    ]
    for name, columns in contracts.accepted_columns().items():
        _write_view(con, name, [file.path for file in files if file.source == name], columns)
    write_files(con, files, contracts.accepted_columns())


def write_batches(
    con: duckdb.DuckDBPyConnection,
    reported: Sequence[tuple[Batch, Report]],
    counting: Counting,
    references: Mapping[str, Batch],
    withdrawn: Collection[tuple[str, str]] = (),
) -> None:
    """`raw.batches`: every batch with a report, and of each reference table the batch that counts.

    Reference files are all or nothing: every row read is accepted. `withdrawn`: (source, batch).
    """
    rows = []
    for batch, report in reported:
        standing = find_standing(batch, report, counting, withdrawn)
        kept = (not report.blocked, report.rows_accepted, report.rows_rejected)
        rows.append(_describe_batch(batch, standing == "current", *kept, standing))
    rows += [_describe_batch(batch, True, True, batch.rows, 0, "current") for batch in references.values()]
    _create(con, "batches", BATCHES)
    _insert(con, "batches", BATCHES, rows)


def write_withdrawals(con: duckdb.DuckDBPyConnection, events: Sequence[Withdrawal]) -> None:
    """`raw.withdrawals`: every event, oldest first."""
    _create(con, "withdrawals", WITHDRAWALS)
    _insert(con, "withdrawals", WITHDRAWALS, [list(vars(event).values()) for event in events])


def write_batch_files(
    con: duckdb.DuckDBPyConnection,
    reported: Sequence[tuple[Batch, Report]],
    references: Mapping[str, Batch],
) -> None:
    """`raw.batch_files`: the hash of what lies beside each batch, and of what validation made of it."""
    rows: list[list[object]] = []
    for batch, report in reported:
        files = report.hash_files()
        rows.append(
            [batch.source, batch.partition, batch.batch_id, hash_file(batch.sidecar), report.digest,
             files.get("accepted"), files.get("rejected")]
        )  # fmt: skip
    rows += [
        [b.source, b.partition, b.batch_id, hash_file(b.sidecar), *3 * [None]] for b in references.values()
    ]
    _create(con, "batch_files", BATCH_FILES)
    _insert(con, "batch_files", BATCH_FILES, rows)


def write_parameters(con: duckdb.DuckDBPyConnection, place: Place, as_of: datetime, day: date) -> None:
    """`raw.run_parameters`: one row, the moment and the place that the build answers for."""
    is_end, by_word = place.stopped_is == "end", place.done_by == "word"
    late, in_time = (
        [word for word, meaning in place.timeliness_words.items() if meaning == side]
        for side in ("late", "in_time")
    )
    row = [as_of, day, place.code, place.counts_since, is_end, by_word, place.whole_name, late, in_time]
    _create(con, "run_parameters", RUN_PARAMETERS)
    _insert(con, "run_parameters", RUN_PARAMETERS, [row])


def write_calendar(con: duckdb.DuckDBPyConnection, calendar: pd.DataFrame) -> None:
    con.register("incoming", calendar)
    con.execute("create or replace table raw.calendar as from incoming")
    con.unregister("incoming")


def _describe_batch(
    batch: Batch, is_current: bool, is_accepted: bool, kept: int, rejected: int, standing: str
) -> list[object]:
    return [
        batch.batch_id, batch.source, batch.partition, is_current, is_accepted, batch.rows, kept, rejected,
        batch.sha256, batch.schema_fingerprint, batch.origin, batch.pulled_at, batch.run_id, standing,
    ]  # fmt: skip


def _create(con: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
    typed = ", ".join(f"{duck.identifier(column)} {kind}" for column, kind in columns.items())
    con.execute(f"create or replace table raw.{name} ({typed})")


def _insert(
    con: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]
) -> None:
    """In one statement: years of batches, row by row, would take half a minute."""
    if not rows:
        return
    values = zip(*rows, strict=True)
    con.register("incoming", pa.table({c: pa.array(v) for c, v in zip(columns, values, strict=True)}))
    typed = ", ".join(f"cast({duck.identifier(c)} as {kind})" for c, kind in columns.items())
    con.execute(f"insert into raw.{name} select {typed} from incoming")
    con.unregister("incoming")


def _write_view(
    con: duckdb.DuckDBPyConnection, name: str, files: Sequence[Path], columns: Mapping[str, str]
) -> None:
    """Every column of the contract, also one that no file has: those of before it was there."""
    read, present = "", set[str]()
    if files:
        read = f"read_parquet([{', '.join(map(duck.literal, sorted(files)))}], union_by_name = true)"
        present = {row[0] for row in con.execute(f"describe from {read}").fetchall()}
    absent = [f"null::{kind} as {duck.identifier(c)}" for c, kind in columns.items() if c not in present]
    rows = (
        f"select {', '.join(['*', *absent])} from {read}"
        if read
        else f"select {', '.join(absent)} where false"
    )
    con.execute(f"create or replace view {duck.identifier('raw', name)} as {rows}")
