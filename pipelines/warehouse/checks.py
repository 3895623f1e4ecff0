"""Validation reports → table `raw.checks`: the outcome of every rule on every batch, passed or not."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from pipelines.quality.reports import Report

COLUMNS = {
    "source": pa.string(), "partition_key": pa.string(), "batch_id": pa.string(), "rule": pa.string(),
    "column_name": pa.string(), "scope": pa.string(), "severity": pa.string(), "evaluated": pa.int64(),
    "unexpected": pa.int64(), "observed": pa.float64(), "reason_en": pa.string(), "reason_vi": pa.string(),
    "rules": pa.string(),
}  # fmt: skip


def write_checks(con: duckdb.DuckDBPyConnection, reports: Iterable[Report]) -> None:
    """One row per batch × rule; `rules` is the checksum of the contract and suite that judged it."""
    rows = [
        (
            r.source, r.partition, r.batch_id, result["rule"], result["column"], result.get("scope", "row"),
            result["severity"], result["evaluated"], result["unexpected"], result.get("observed"),
            result["reason_en"], result["reason_vi"], r.rules,
        )
        for r in reports
        for result in r.results
    ]  # fmt: skip
    columns = zip(*rows, strict=True) if rows else ([] for _ in COLUMNS)
    arrays = {n: pa.array(v, t) for (n, t), v in zip(COLUMNS.items(), columns, strict=True)}
    con.register("incoming", pa.table(arrays))
    con.execute(
        "create or replace table raw.checks as "
        "select * replace (partition_key::date as partition_key) from incoming"
    )
    con.unregister("incoming")
