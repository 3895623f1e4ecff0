"""What landed, or was rejected, between two releases, for the items whose count changed.

Read from the accepted rows of the batches that count now, from those of the batches they replaced, and
from both releases' lists of rejections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.settings import Settings
from pipelines.sources.contracts.canonical import Evidence
from pipelines.sources.contracts.contract import Source
from pipelines.sql import read_sql
from pipelines.warehouse.accepted_files import list_batches_of, select_batches

Files = list[tuple[str, str]]
"""Day and batch of accepted or rejected rows."""


def gather_evidence(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: Source,
    evidence: Evidence,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Temp tables `deliveries` (row × how it arrived), `newly_rejected` (item_code) and `pulled_again` (item_code,
    cause, batch_id).

    `before`, `after`: `schema.table` → relation of the two releases; temp table `changed` names the items.
    How a row arrived: `old` (its batch counted before), `released` (counted, but rejected there),
    `pulled_again` (its batch replaced another one of its day, or came back), `new` (its day had no batch).
    """
    con.execute(
        f"create or replace temp table batches_before as select batch_id, partition_key "
        f"from {before['audit.batches']} where source = ? and is_current",
        [source.name],
    )
    names = [*source.key, *evidence.moves]
    with _use_warehouse(con):
        query = read_sql(
            "pipelines.explain",
            "deliveries",
            columns=column_values(source, names),
            names=names,
            item=source.key[0],
            evidence=evidence,
            relation=_select_around_changed(con, source),
            reads={
                name.split(".")[1]: duck.identifier("warehouse", *name.split(".")) for name in evidence.reads
            },
            rejections=before["audit.rejections"],
        )
        con.execute(query, {"source": source.name})
    _find_newly_rejected(con, settings, source, before, after)
    _find_pulled_again(con, settings, source, names, after)


@contextmanager
def _use_warehouse(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """What is named without a database is the warehouse's, or temporary."""
    row = con.execute("select current_database(), current_schema()").fetchone()
    assert row is not None
    con.execute("use warehouse")
    try:
        yield
    finally:
        with suppress(duckdb.TransactionException):  # aborted: no statement is taken before its rollback
            con.execute(f"use {duck.identifier(*row)}")


def _select_around_changed(con: duckdb.DuckDBPyConnection, source: Source) -> str:
    """Relation of accepted rows with all those of the items in `changed`: of the batches that have any, where the build
    noted which these are. The warehouse is in use."""
    whole, item = duck.identifier("warehouse", "raw", source.name), source.key[0]
    keys = f"(select distinct item_code as {duck.identifier(item)} from changed)"
    batches = list_batches_of(con, source.name, item, keys)
    return whole if batches is None else f"({select_batches(con, source.name, batches)})"


def column_values(source: Source, names: list[str]) -> dict[str, str]:
    """column → SQL of its value, the contract's default where a row says nothing."""
    defaults = {column.name: column.default for column in source.columns}
    return {
        name: f"coalesce({duck.identifier(name)}, {duck.literal(default)})"
        if (default := defaults[name])
        else duck.identifier(name)
        for name in names
    }


def _find_newly_rejected(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: Source,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Items of rows that counted before and are rejected now, in the batches that were there before."""
    con.execute(
        read_sql(
            "pipelines.explain",
            "rejected_since",
            rejections_before=before["audit.rejections"],
            rejections_after=after["audit.rejections"],
        ),
        {"source": source.name},
    )
    batches: Files = con.execute(
        "select distinct partition_key::varchar, batch_id from rejected_since order by all"
    ).fetchall()
    item = duck.identifier(source.key[0])
    rows = _read_rows(settings, source, batches, "rejected")
    con.execute(
        "create or replace temp table newly_rejected as select distinct item_code from ("
        + (f"select {item} as item_code, batch_id, _row from {rows}" if rows else _NO_ROWS)
        + ") semi join rejected_since using (batch_id, _row)"
    )


def _find_pulled_again(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    source: Source,
    names: list[str],
    after: Mapping[str, str],
) -> None:
    """Items whose day was pulled again, or lost or got back a batch, and then said something else of them."""
    replaced: Files = con.execute(
        f"select partition_key::varchar, batch_id from batches_before where batch_id not in "
        f"(select batch_id from {after['audit.batches']} where is_current)"
    ).fetchall()
    rows = _read_rows(settings, source, replaced, "accepted")
    con.execute(
        read_sql(
            "pipelines.explain",
            "pulled_again",
            columns=column_values(source, names),
            names=names,
            item=source.key[0],
            rows=rows,
        ),
        {"source": source.name},
    )


_NO_ROWS = "select null::varchar as item_code, null::varchar as batch_id, null::bigint as _row where false"


def _read_rows(settings: Settings, source: Source, batches: Files, kind: str) -> str | None:
    """SQL: the accepted or rejected rows of the batches; None where no such file is kept."""
    files: list[Path] = [
        settings.quality / source.name / day / f"{batch}.{kind}.parquet" for day, batch in batches
    ]
    listed = ", ".join(duck.literal(file) for file in files if file.exists())
    return f"read_parquet([{listed}], union_by_name = true)" if listed else None
