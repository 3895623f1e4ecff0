"""One way to open DuckDB: packaged extensions, no download, bounded memory and threads, identifiers quoted.

DuckDB would fetch `ducklake` and the scanners from the internet; the pinned wheels carry the same
signed files, so they are linked into a directory that every connection (and dbt) uses.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import count
from pathlib import Path

import duckdb

from pipelines.settings import LOCAL_ZONE

EXTENSIONS = ("ducklake", "sqlite_scanner", "postgres_scanner", "mysql_scanner")
# Each list of more than five constants would become a join of its own: a second of planning for some 60 of them.
DISABLED_OPTIMIZERS = "in_clause"
# DuckDB hands out work by row groups of this many rows: a smaller table is read by one thread, and the others only
# wait for it, awake.
ROW_GROUP = 122_880
# How rows are written. Of the log the lowest level costs a fifth less than the usual one; landed rows take no more
# room, accepted ones a tenth.
PARQUET = "(format parquet, compression zstd, compression_level 1)"
# Files of extensions whose signature DuckDB has checked in this process: path, size, time.
_VERIFIED: set[tuple[str, int, int]] = set()


MEMORY = "THONGSUOT_DUCKDB_MEMORY"
# Folder of the data directory for what does not fit into memory; in it `<process>-<instance>`.
SPILL = "duckdb_tmp"
_INSTANCES = count()


class NotEnoughMemory(RuntimeError):
    """DuckDB may use no more; the text says for what, and what to do. Nothing is wrong with the data."""


def describe_lack_of_memory(subject: str, error: duckdb.OutOfMemoryException) -> str:
    """`subject`: source, day, batch."""
    return (
        f"{subject}: DuckDB needs more memory for it than it may use here ({MEMORY}={_read_memory()}): "
        f"{str(error).splitlines()[0]}. Nothing is wrong with what was delivered. Set {MEMORY} higher where the "
        "machine has more, or make room on the disk of the data directory, where it puts what does not fit; then "
        "`thongsuot run` again."
    )


def _read_memory() -> str:
    return os.environ.get(MEMORY, "1500MB")


def prepare_extensions(directory: Path) -> Path:
    """Link the packaged extensions into `<directory>/v<duckdb>/<platform>/`; returns `directory`."""
    target = directory / f"v{duckdb.__version__}" / _find_platform()
    target.mkdir(parents=True, exist_ok=True)
    for name in EXTENSIONS:
        link = target / f"{name}.duckdb_extension"
        packaged = _find_packaged(name)
        if packaged is None or (link.is_symlink() and link.resolve() == packaged.resolve()):
            continue
        # A unique name and a rename: two processes may prepare the same directory at once.
        fresh = target / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(packaged)
        fresh.replace(link)
    return directory


@cache
def _find_platform() -> str:
    row = duckdb.execute("pragma platform").fetchone()
    assert row is not None
    return str(row[0])


@cache
def _find_packaged(name: str) -> Path | None:
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or spec.origin is None:
        return None
    return next(Path(spec.origin).parent.rglob(f"{name}.duckdb_extension"), None)


def connect(
    extensions: Path,
    database: Path | None = None,
    *,
    read_only: bool = False,
    loading: Sequence[str] = (),
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection in local time that never downloads; `database=None` is in memory.

    `loading`: extensions that are loaded at once. Their signature is checked once in a process (`load_signed`), as it
    costs an eighth of a second each.
    """
    files = [file for name in loading if (file := _find_packaged(name))]
    threads = _read_threads()
    if fresh := [file for file in files if _stamp(file) not in _VERIFIED]:
        with duckdb.connect() as strict:
            for file in fresh:
                _load_signed(strict, file)
    con = duckdb.connect(
        str(database) if database else ":memory:",
        read_only=read_only,
        config={
            "extension_directory": str(prepare_extensions(extensions)),
            "autoinstall_known_extensions": False,
            "allow_unsigned_extensions": bool(files),
            # A file is this program's own, but for `marts.duckdb`, which names its version: as DuckDB writes for
            # clients of years ago, a text column costs three times as much to compress.
            "storage_compatibility_version": "latest",
            "temp_directory": str(_choose_spill_folder(extensions.parent, database)),
            "memory_limit": _read_memory(),
            **({"threads": threads} if threads else {}),
        },
    )
    for file in files:
        con.execute(f"load {literal(file)}")
    if files:
        con.execute("set allow_unsigned_extensions = false")  # which nobody can take back
    con.execute(f"set global TimeZone = {literal(LOCAL_ZONE)}")  # cursors too
    con.execute("set enable_progress_bar = false")
    con.execute(f"set disabled_optimizers = '{DISABLED_OPTIMIZERS}'")
    return con


def _choose_spill_folder(data: Path, database: Path | None) -> Path:
    """Where what does not fit goes: under the data directory, never the working directory, and in no other instance's.

    Files in it have the same names in every instance: two that spill into one folder read each other's rows. One file
    that is opened again in a process is the same instance, and has to be opened with the same settings. DuckDB makes
    the folder when it spills, and takes it away.
    """
    parent = data / SPILL
    parent.mkdir(exist_ok=True)
    name = hashlib.sha256(str(database).encode()).hexdigest()[:8] if database else next(_INSTANCES)
    return parent / f"{os.getpid()}-{name}"


def load_signed(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension into an open connection, which checks its signature; `connect` does not check it again."""
    if file := _find_packaged(name):
        _load_signed(con, file)


def _load_signed(con: duckdb.DuckDBPyConnection, file: Path) -> None:
    con.execute(f"load {literal(file)}")
    _VERIFIED.add(_stamp(file))


def fit_threads(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    """One thread where the largest table of what follows has `rows` that fill no row group; else all there are.

    On small data one thread takes a sixth less of the processor than two.
    """
    threads = 1 if rows < ROW_GROUP else _read_threads()
    con.execute(f"set threads = {threads}" if threads else "reset threads")


def _read_threads() -> int | None:
    """As many as the operator allows; None: all there are."""
    threads = os.environ.get("THONGSUOT_DUCKDB_THREADS")
    return int(threads) if threads else None


def _stamp(file: Path) -> tuple[str, int, int]:
    about = file.stat()
    return str(file), about.st_size, about.st_mtime_ns


def describe_table(con: duckdb.DuckDBPyConnection, schema: str, table: str) -> dict[str, str]:
    """Column → type, in its order, of a table or view of the database in use; `describe` would open a view's files.

    duckdb.CatalogException where it is not there.
    """
    rows = con.execute(
        "select column_name, data_type from duckdb_columns() where database_name = current_database() "
        "and schema_name = ? and table_name = ? order by column_index",
        [schema, table],
    ).fetchall()
    if not rows:
        raise duckdb.CatalogException(f"there is no table or view {schema}.{table}")
    return dict(rows)


def identifier(*names: str) -> str:
    """Quoted, dotted identifier: `identifier("lake", "marts", "t")` → `"lake"."marts"."t"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def join_key(columns: Iterable[str]) -> str:
    """SQL: the values of these columns as one text; a NULL is left out of it."""
    return "concat_ws('|', " + ", ".join(identifier(column) for column in columns) + ")"


def literal(value: object) -> str:
    """A quoted SQL text literal, for the places where DuckDB takes no parameter (ATTACH, COPY)."""
    return "'" + str(value).replace("'", "''") + "'"
