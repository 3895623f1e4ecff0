"""The lake's Parquet files: what a release wrote, and their SHA-256, so that an edit is told by name."""

from __future__ import annotations

from pathlib import Path

import duckdb

from pipelines.landing.batches import file_sha256
from pipelines.releases.lake import ALIAS
from pipelines.settings import Settings

# Ledger tables prove themselves by the chain; their files are written after these are hashed.
FOLDERS = ("marts", "audit")


def listed(settings: Settings) -> set[Path]:
    """Every file under the lake, those that a stopped writer left behind among them."""
    return {path for folder in FOLDERS for path in (root(settings) / folder).rglob("*.parquet")}


def root(settings: Settings) -> Path:
    return settings.lake / "files"


def append(con: duckdb.DuckDBPyConnection, release_id: int, settings: Settings, written: set[Path]) -> None:
    """Note the files this release wrote, by their path under the lake."""
    rows = [
        [release_id, path.relative_to(root(settings)).as_posix(), path.stat().st_size, file_sha256(path)]
        for path in sorted(written)
    ]
    if rows:
        con.executemany(f"insert into {ALIAS}.audit.release_files values (?, ?, ?, ?)", rows)


def recorded(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int, str]]:
    """path → (release that wrote it, bytes, SHA-256)."""
    rows = con.execute(f"select path, release_id, bytes, sha256 from {ALIAS}.audit.release_files").fetchall()
    return {path: (release_id, size, sha256) for path, release_id, size, sha256 in rows}
