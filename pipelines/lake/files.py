"""The lake's Parquet files: what a release wrote, and their SHA-256, so that an edit is told by name."""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.lake.catalogue import ALIAS
from pipelines.landing.batches import hash_file
from pipelines.plain_files import list_below
from pipelines.settings import Settings

# Ledger tables prove themselves by the chain; their files are written after these are hashed.
FOLDERS = ("marts", "audit")


def list_files(settings: Settings) -> set[Path]:
    """Every file under the lake, those that a stopped writer left behind among them."""
    return {path for folder in FOLDERS for path in list_below(files_root(settings) / folder, "*.parquet")}


def files_root(settings: Settings) -> Path:
    return settings.lake / "files"


def record_files(
    con: duckdb.DuckDBPyConnection, release_id: int, settings: Settings, written: set[Path]
) -> None:
    """Note the files this release wrote, by their path under the lake."""
    rows = [
        [release_id, path.relative_to(files_root(settings)).as_posix(), path.stat().st_size, hash_file(path)]
        for path in sorted(written)
    ]
    if rows:
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
