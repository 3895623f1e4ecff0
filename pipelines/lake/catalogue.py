"""The lake: a DuckLake catalog in SQLite (WAL) plus Parquet files, which BI reads at any moment.

Only this module knows how it is created and attached. It rests on: one writer at a
time, readers never blocked in WAL mode, one transaction is one snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.settings import Settings

ALIAS = "lake"
# The catalogue's own tables, as DuckLake attaches them.
METADATA = f"__ducklake_metadata_{ALIAS}"
# In memory, seen by all cursors of a connection.
SCRATCH = "scratch"
BUSY_TIMEOUT_MS = 30_000


def catalog_file(settings: Settings) -> Path:
    return settings.lake / "catalog.sqlite"


def open_lake(
    settings: Settings, *, read_only: bool = True, snapshot_id: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection with the lake attached as `lake`; a writer creates it when there is none.

    `snapshot_id`: every query reads that state, whatever was written since.
    """
    if read_only and not catalog_file(settings).exists():
        raise FileNotFoundError(
            f"No release yet: there is no lake at {settings.lake}. Run `thongsuot run` first."
        )
    con = duck.connect(settings.extensions, loading=("sqlite_scanner", "ducklake"))
    settings.lake.mkdir(parents=True, exist_ok=True)
    options = [
        f"data_path {duck.literal(str(settings.lake / 'files') + '/')}",
        "override_data_path true",
        "meta_journal_mode 'WAL'",
        f"meta_busy_timeout {BUSY_TIMEOUT_MS}",
        # Every value rests in a file whose bytes can be checked, none inlined in the catalogue.
        "data_inlining_row_limit 0",
    ]
    if read_only:
        options.append("read_only")
    if snapshot_id is not None:
        options.append(f"snapshot_version {snapshot_id:d}")
    uri = duck.literal(f"ducklake:sqlite:{catalog_file(settings)}")
    con.execute(f"attach {uri} as {ALIAS} ({', '.join(options)})")
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
    """Name the open transaction's author and reason; the lake refuses unlabelled ones."""
    con.execute(f"call {ALIAS}.set_commit_message(?, ?, extra_info => ?)", [author, message, extra_info])


def find_catalogue_file(con: duckdb.DuckDBPyConnection) -> Path:
    """The file of the lake that a connection has attached."""
    row = con.execute("select path from duckdb_databases() where database_name = ?", [ALIAS]).fetchone()
    assert row is not None
    return Path(row[0].removeprefix("sqlite:"))


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


class CatalogueObject(NamedTuple):
    """A row of SQLite's own list: `kind` is table, index, view or trigger."""

    kind: str
    name: str
    is_plain: bool
    definition: str


def query_catalogue(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], rest: str
) -> list[tuple[object, ...]]:
    """Rows of `select columns rest` that SQLite itself answers, as they lie in the catalogue's file, in no order.

    By the connection that holds the lake, never by Python's own SQLite beside it: of two in one process the one that
    closes the file first takes away the locks of the other. Text that is no UTF-8 comes with surrogates.
    """
    cells = " || ',' || ".join(
        f"case typeof({column}) when 'integer' then 'i' || {column} when 'null' then 'n' "
        f"when 'real' then 'r' || printf('%!.17g', {column}) else substr(typeof({column}), 1, 1) || hex({column}) end"
        for column in columns
    )
    query = duck.literal(f"select {cells} as cells {rest}")
    rows = con.execute(f"select cells from sqlite_query({duck.literal(METADATA)}, {query})").fetchall()
    return [tuple(_read_cell(cell[0], cell[1:]) for cell in line.split(",")) for (line,) in rows]


def _read_cell(kind: str, content: str) -> object:
    match kind:
        case "i":
            return int(content)
        case "t":
            return bytes.fromhex(content).decode("utf-8", "surrogateescape")
        case "n":
            return None
        case "r":
            return float(content)
        case _:
            return bytes.fromhex(content)


def list_catalogue_objects(con: duckdb.DuckDBPyConnection) -> list[CatalogueObject]:
    """All that is in the catalogue's file: DuckDB's own lists leave DuckLake's tables out.

    `is_plain`: a table of rows, or an index that SQLite made for a key.
    """
    is_plain = "((type = 'table' and rootpage > 0) or (type = 'index' and sql is null))"
    rows = query_catalogue(con, ("type", "name", is_plain, "coalesce(sql, '')"), "from sqlite_master")
    return sorted(
        CatalogueObject(str(kind), str(name), bool(plain), str(definition))
        for kind, name, plain, definition in rows
    )


def find_newest_snapshot(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute(f"select max(snapshot_id) from ducklake_snapshots('{ALIAS}')").fetchone()
    return int(row[0]) if row and row[0] is not None else 0
