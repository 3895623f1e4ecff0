"""A lake copied from one location to another, with its history: files byte by byte, the catalogue row by row.

A row of the catalogue says the same in SQLite and in PostgreSQL, so what the chain recorded of it still holds.
"""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from pipelines import duck
from pipelines.lake.catalogue_lock import confirm_lock
from pipelines.lake.foreign import DUCKLAKE_TABLES
from pipelines.lake.location import LakeLocation
from pipelines.settings import Settings


class CopyFailed(RuntimeError):
    """A file that arrived is not what was sent; the text names it."""


def connect_both(settings: Settings, origin: LakeLocation, target: LakeLocation) -> duckdb.DuckDBPyConnection:
    """Logged in to both; only one of them may lie on servers, whose logins have one name."""
    needed = dict.fromkeys((*origin.extensions, *target.extensions))
    con = duck.connect(settings.extensions, loading=tuple(needed))
    origin.log_in(con)
    target.log_in(con)
    return con


def copy_files(
    con: duckdb.DuckDBPyConnection, origin: LakeLocation, target: LakeLocation, names: Iterable[str]
) -> int:
    """How many were copied: those that are not there already, byte by byte. CopyFailed where one arrived otherwise."""
    expected = origin.files.hash_files(con, sorted(names))
    missing = target.files.list_missing(con, expected)
    present = target.files.hash_files(con, sorted(expected.keys() - missing))
    needed = [name for name, sha256 in expected.items() if present.get(name) != sha256]
    for name in needed:
        target.files.make_room(name)
        content = f"select content from read_blob({duck.literal(origin.files.root + name)})"
        con.execute(f"copy ({content}) to {duck.literal(target.files.root + name)} (format blob)")
    arrived = target.files.hash_files(con, needed)
    if wrong := [name for name in needed if arrived[name] != expected[name]]:
        raise CopyFailed(f"{wrong[0]} did not arrive as it was sent. Nothing was changed.")
    return len(needed)


def copy_catalogue(con: duckdb.DuckDBPyConnection, origin: LakeLocation, target: LakeLocation) -> None:
    """All rows in one transaction, in place of those that a new lake has. It is made where there is none."""
    options = [f"data_path {duck.literal(target.files.root)}", "override_data_path true", *target.options]
    con.execute(f"attach {duck.literal(target.uri)} as fresh ({', '.join(options)})")
    con.execute("detach fresh")
    origin.attach_tables(con, "origin", read_only=True)
    target.attach_tables(con, "target", read_only=False)
    con.execute("begin")
    query = "select table_name from duckdb_tables() where database_name = 'origin'"
    present = {name for (name,) in con.execute(query).fetchall()}
    for table in sorted(DUCKLAKE_TABLES & present):
        name = duck.identifier(table)
        con.execute(f"delete from target.{name}")
        con.execute(f"insert into target.{name} by name from origin.{name}")
    con.execute("update target.ducklake_metadata set value = ? where key = 'data_path'", [target.files.root])
    confirm_lock()
    con.execute("commit")
    con.execute("detach origin")
    con.execute("detach target")
