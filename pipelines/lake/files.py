"""The lake's Parquet files: what a release wrote, and their SHA-256, so that an edit is told by name."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import ALIAS, METADATA
from pipelines.lake.location import locate_lake
from pipelines.settings import Settings

# Ledger tables prove themselves by the chain; their files are written after these are hashed.
FOLDERS = ("marts", "audit")
# What the catalogue names: data, what strikes rows out, and what the next cleaning deletes.
NAMING = ("ducklake_data_file", "ducklake_delete_file", "ducklake_files_scheduled_for_deletion")
# DuckLake calls a file by a UUID of version 7, which begins with its milliseconds since 1970.
NAME = re.compile(r"ducklake-([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21})")
# As it lies there, also where a writer was stopped in the middle of it.
OF_DUCKLAKE = re.compile(rf"(tmp_)?{NAME.pattern}(-delete)?\.(parquet|puffin)")
# No release is written for longer.
OLD = timedelta(days=1)


def list_sizes(con: duckdb.DuckDBPyConnection, settings: Settings) -> dict[str, int]:
    """Path under the lake → bytes of every file, those that a stopped writer left behind among them."""
    files = locate_lake(settings).files
    return {name: size for folder in FOLDERS for name, size in files.list_sizes(con, folder).items()}


def record_files(
    con: duckdb.DuckDBPyConnection, release_id: int, settings: Settings, before: dict[str, int]
) -> None:
    """Note the files this release wrote, by their path under the lake. `before`: those that were there."""
    written = {name: size for name, size in list_sizes(con, settings).items() if name not in before}
    hashes = locate_lake(settings).files.hash_files(con, sorted(written))
    if rows := [[release_id, name, written[name], sha256] for name, sha256 in sorted(hashes.items())]:
        con.executemany(f"insert into {ALIAS}.audit.release_files values (?, ?, ?, ?)", rows)


def read_recorded(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int, str]]:
    """path → (release that wrote it, bytes, SHA-256)."""
    rows = con.execute(f"select path, release_id, bytes, sha256 from {ALIAS}.audit.release_files").fetchall()
    return {path: (release_id, size, sha256) for path, release_id, size, sha256 in rows}


def list_table_files(con: duckdb.DuckDBPyConnection, table: str, snapshot_id: int) -> frozenset[str]:
    """The files that the catalogue names for `schema.table`, those that strike rows out among them."""
    schema, name = table.split(".")
    rows = con.execute(
        f"select data_file, delete_file from ducklake_list_files('{ALIAS}', ?, schema => ?, "
        "snapshot_version => ?)",
        [name, schema, snapshot_id],
    ).fetchall()
    return frozenset(path for row in rows for path in row if path)


def list_scheduled(con: duckdb.DuckDBPyConnection) -> list[tuple[str, bool]]:
    """(path, whether it is below the lake) of files that no state names any more: the next cleaning deletes them."""
    table = duck.identifier(METADATA, "ducklake_files_scheduled_for_deletion")
    return con.execute(f"select path, path_is_relative from {table}").fetchall()


def list_leftovers(con: duckdb.DuckDBPyConnection, settings: Settings, now: datetime) -> dict[str, int]:
    """Name → bytes of files that no state of the catalogue names: a writer was stopped before it committed, more than a
    day ago, or somebody else wrote them (not `is_of_ducklake`). `now`: UTC.

    By names alone, which are never given twice: a lake that was moved has other paths.
    """
    tables = " union all ".join(f"select path from {duck.identifier(METADATA, table)}" for table in NAMING)
    names = {path.rpartition("/")[2] for (path,) in con.execute(tables).fetchall()}
    return {
        name: size
        for name, size in list_sizes(con, settings).items()
        if name.rpartition("/")[2] not in names and _is_old(name, now)
    }


def is_of_ducklake(name: str) -> bool:
    """Whether a file has a name as DuckLake makes them."""
    return OF_DUCKLAKE.fullmatch(name.rpartition("/")[2]) is not None


def _is_old(name: str, now: datetime) -> bool:
    """Also what DuckLake did not name."""
    match = NAME.search(name)
    moment = datetime.fromtimestamp((uuid.UUID(match[1]).int >> 80) / 1000, UTC) if match else None
    return moment is None or moment.replace(tzinfo=None) < now - OLD
