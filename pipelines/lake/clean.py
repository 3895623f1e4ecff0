"""Taking away from the lake what no release put there: what its newest state shows, and what older ones kept."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Collection
from contextlib import closing

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import (
    ALIAS,
    METADATA,
    catalog_file,
    find_data_path,
    open_lake,
)
from pipelines.lake.catalogue_lock import confirm_lock
from pipelines.lake.foreign import (
    DUCKLAKE_TABLES,
    OBJECTS,
    SETTINGS,
    VALUES,
    list_foreign_file_objects,
)  # fmt: skip
from pipelines.lake.ledger import TABLES
from pipelines.lake.location import BUSY_TIMEOUT_MS
from pipelines.lake.manifest import SCHEMAS
from pipelines.settings import Settings

# Rows of the catalogue that belong to those of `OBJECTS`.
PARTS = (
    "ducklake_macro_impl", "ducklake_macro_parameters", "ducklake_partition_column", "ducklake_sort_expression",
)  # fmt: skip


def drop_foreign_objects(con: duckdb.DuckDBPyConnection, marts: Collection[str]) -> None:
    """Views, macros, tables and schemas of others leave the newest state, inside the caller's transaction.

    `marts`: `schema.table` of the release that is being made; the ledger stays.
    """
    own = {*marts, *(f"audit.{name}" for name in TABLES)}
    for schema, name in _list(con, "select schema_name, view_name from duckdb_views()"):
        con.execute(f"drop view {duck.identifier(ALIAS, schema, name)}")
    for schema, name, kind in _list(
        con, "select distinct schema_name, function_name, function_type from duckdb_functions()"
    ):
        word = "macro table" if kind == "table_macro" else "macro"
        con.execute(f"drop {word} {duck.identifier(ALIAS, schema, name)}")
    for schema, name in _list(con, "select schema_name, table_name from duckdb_tables()"):
        if f"{schema}.{name}" not in own:
            con.execute(f"drop table {duck.identifier(ALIAS, schema, name)}")
    for (schema,) in _list(con, "select schema_name from duckdb_schemas()"):
        if schema not in (*SCHEMAS, "main"):
            con.execute(f"drop schema {duck.identifier(ALIAS, schema)} cascade")


def _list(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, ...]]:
    return con.execute(f"{query} where database_name = ? and not internal", [ALIAS]).fetchall()


def forget_foreign_objects(con: duckdb.DuckDBPyConnection) -> None:
    """Out of the catalogue goes every row of a kind that the publisher never writes."""
    con.execute("begin")
    for table in (*(table for table, _ in OBJECTS.values()), *PARTS):
        con.execute(f"delete from {duck.identifier(METADATA, table)}")
    confirm_lock()
    con.execute("commit")


def forget_foreign_settings(con: duckdb.DuckDBPyConnection) -> None:
    """They count for whoever attaches the lake next; this connection still goes by them. No file is deleted."""
    con.execute("begin")
    con.execute(f"delete from {duck.identifier(METADATA, 'ducklake_files_scheduled_for_deletion')}")
    metadata = duck.identifier(METADATA, "ducklake_metadata")
    con.execute(
        f"delete from {metadata} where scope is not null or key not in (select unnest(?))", [sorted(SETTINGS)]
    )
    own = {"data_path": find_data_path(con), **VALUES}
    for key, value in own.items():
        con.execute(f"update {metadata} set value = ? where key = ? and value <> ?", [value, key, value])
    confirm_lock()
    con.execute("commit")


def drop_foreign_file_objects(settings: Settings) -> None:
    """Triggers, views, indexes and tables of others leave the catalogue's file, before a transaction fires them."""
    with open_lake(settings) as con:
        foreign = list_foreign_file_objects(con)
    strange_tables = [one.name for one in foreign if one.is_plain and one.name in DUCKLAKE_TABLES]
    # Nor is a view in place of a table dropped: only a backup has that table.
    foreign = [one for one in foreign if one.name not in DUCKLAKE_TABLES]
    if not foreign and not strange_tables:
        return
    definitions = _read_definitions(settings) if strange_tables else {}
    # DuckDB drops no trigger. Its connection is closed: no two of SQLite have the file open at once.
    with closing(sqlite3.connect(catalog_file(settings), timeout=BUSY_TIMEOUT_MS / 1000)) as file:
        for one in foreign:
            file.execute(f"drop {one.kind} if exists {duck.identifier(one.name)}")
        for name in strange_tables:
            _make_anew(file, name, definitions[name])
        file.commit()


def _read_definitions(settings: Settings) -> dict[str, str]:
    """How DuckLake makes its tables: those of a lake that is made for it."""
    with tempfile.TemporaryDirectory(prefix="thongsuot-") as folder:
        with duck.connect(settings.extensions, loading=("sqlite_scanner", "ducklake")) as con:
            target = duck.literal(f"ducklake:sqlite:{folder}/catalog.sqlite")
            con.execute(f"attach {target} as lake (data_path {duck.literal(folder)})")
        with closing(sqlite3.connect(f"{folder}/catalog.sqlite")) as file:
            return dict(file.execute("select name, sql from sqlite_master where type = 'table'").fetchall())


def _make_anew(file: sqlite3.Connection, name: str, definition: str) -> None:
    """The table with its rows, as `definition` says."""
    table, draft = duck.identifier(name), duck.identifier(f"{name}_draft")
    file.execute(definition.replace(name, f"{name}_draft", 1))
    columns = ", ".join(duck.identifier(row[1]) for row in file.execute(f"pragma table_info({draft})"))
    file.execute(f"insert into {draft} ({columns}) select {columns} from {table}")
    file.execute(f"drop table {table}")
    file.execute(f"alter table {draft} rename to {table}")
