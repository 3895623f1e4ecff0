"""The lake: a DuckLake catalogue, in SQLite (WAL) or PostgreSQL, plus Parquet files, which BI reads at any moment.

Only this module knows how it is created and attached; where it lies: location.py. It rests on: one writer at a
time, readers never blocked, one transaction is one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from pipelines import duck
from pipelines.lake.catalogue_lock import confirm_lock
from pipelines.lake.location import check_place, describe_other_lake, locate_lake
from pipelines.settings import Settings

ALIAS = "lake"
# The catalogue's own tables, as DuckLake attaches them.
METADATA = f"__ducklake_metadata_{ALIAS}"
# In memory, seen by all cursors of a connection.
SCRATCH = "scratch"


def catalog_file(settings: Settings) -> Path:
    """Of a lake in the data directory."""
    return settings.lake / "catalog.sqlite"


def open_lake(
    settings: Settings, *, read_only: bool = True, snapshot_id: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection with the lake attached as `lake`; a writer creates it when there is none.

    `snapshot_id`: every query reads that state, whatever was written since.
    """
    location = locate_lake(settings)
    if not read_only:
        check_place(settings)
        confirm_lock()
    if read_only and not location.exists():
        raise FileNotFoundError(
            describe_other_lake(settings)
            or f"No release yet: there is no lake at {location.describe()}. Run `thongsuot run` first."
        )
    con = duck.connect(settings.extensions, loading=location.extensions)
    if not read_only:  # a reader of a lake on servers leaves no sign of one here
        settings.lake.mkdir(parents=True, exist_ok=True)
    location.log_in(con)
    options = [
        f"data_path {duck.literal(location.files.root)}",
        "override_data_path true",
        # Every value rests in a file whose bytes can be checked, none inlined in the catalogue.
        "data_inlining_row_limit 0",
        *location.options,
    ]
    if read_only:
        options.append("read_only")
    if snapshot_id is not None:
        options.append(f"snapshot_version {snapshot_id:d}")
    con.execute(f"attach {duck.literal(location.uri)} as {ALIAS} ({', '.join(options)})")
    if not read_only:
        con.execute(f"attach ':memory:' as {SCRATCH}")
    largest = con.execute(f"select max(record_count) from {METADATA}.ducklake_data_file").fetchone()
    duck.fit_threads(con, largest[0] or 0 if largest else 0)
    return con


def initialise_lake(con: duckdb.DuckDBPyConnection) -> None:
    """Schemas, and the rule that a write without a message is refused. Harmless when repeated."""
    schemas = {
        name
        for (name,) in con.execute(
            "select schema_name from information_schema.schemata where catalog_name = ?", [ALIAS]
        ).fetchall()
    }
    if not {"marts", "audit"} <= schemas:
        con.execute("begin")
        con.execute(f"create schema if not exists {ALIAS}.marts")
        con.execute(f"create schema if not exists {ALIAS}.audit")
        label_transaction(con, "thongsuot", "the empty lake")
        con.execute("commit")
    con.execute(f"call {ALIAS}.set_option('require_commit_message', true)")


def scratch_table(name: str) -> str:
    """The quoted name of a table in a writer's scratch database."""
    return duck.identifier(SCRATCH, name)


def label_transaction(
    con: duckdb.DuckDBPyConnection, author: str, message: str, extra_info: str | None = None
) -> None:
    """Name the open transaction's author and reason; the lake refuses unlabelled ones.

    Just before a commit: LakeUnreachable where another machine may be writing by now.
    """
    confirm_lock()
    con.execute(f"call {ALIAS}.set_commit_message(?, ?, extra_info => ?)", [author, message, extra_info])


def find_data_path(con: duckdb.DuckDBPyConnection) -> str:
    """The root of the files of the lake that a connection has attached, whatever the catalogue itself says."""
    row = con.execute(f"select data_path from ducklake_settings('{ALIAS}')").fetchone()
    assert row is not None
    return str(row[0])


@contextmanager
def plan_without_statistics(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """For queries that scan, copy or compare single tables: they have no joins that could be ordered badly.

    Two optimizers ask for the statistics of every column. DuckLake has none of an empty table, and looks them up in
    the catalogue's file each time: 30 ms for a table without a row.
    """
    con.execute(f"set disabled_optimizers = '{duck.DISABLED_OPTIMIZERS},statistics_propagation,join_order'")
    try:
        yield
    finally:
        with suppress(duckdb.TransactionException):  # aborted: no statement is taken before its rollback
            con.execute(f"set disabled_optimizers = '{duck.DISABLED_OPTIMIZERS}'")


def list_snapshots(con: duckdb.DuckDBPyConnection) -> set[int]:
    """Those that have not expired."""
    return {n for (n,) in con.execute(f"select snapshot_id from ducklake_snapshots('{ALIAS}')").fetchall()}


def find_newest_snapshot(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute(f"select max(snapshot_id) from ducklake_snapshots('{ALIAS}')").fetchone()
    return int(row[0]) if row and row[0] is not None else 0
