"""Which rows of each published table a build in part replaced: all others are byte for byte those of the build before.

It stands in the warehouse itself, in a schema that the next build drops before it writes anything; a full build leaves
none. It says from which release's build it went out: compared with another one, it says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.warehouse.refresh import Refresh
from pipelines.warehouse.statements import TABLE

SCHEMA = "replaced"


class ReplacedRows(NamedTuple):
    """`release_hash`: the release whose rows all others are; `keys`: `schema.table` → a table of values of some of its
    columns: only rows that have them can be others. What is not named may be another in every row."""

    release_hash: str
    keys: Mapping[str, str]


def record_replaced(con: duckdb.DuckDBPyConnection, refresh: Refresh, release_hash: str) -> None:
    """Once all is derived. `release_hash`: of the release that holds what the build of before gave."""
    con.execute(f"create schema {SCHEMA}")
    con.execute(f"create table {SCHEMA}.since as select ? as release_hash", [release_hash])
    for unique_id, statement in refresh.lineage.statements.items():
        key = statement.meta.get("key")
        if statement.kind != TABLE or not key:
            continue
        if unique_id not in refresh.changes:
            rows = f"select {', '.join(map(duck.identifier, key))} from {statement.relation} limit 0"
        elif unique_id in refresh.replaced_rows:
            rows = f"select distinct * from ({refresh.replaced_rows[unique_id]})"
        else:
            continue
        name = duck.identifier(SCHEMA, f"{statement.schema}.{statement.name}")
        con.execute(f"create table {name} as {rows}")


def find_replaced(con: duckdb.DuckDBPyConnection, database: str) -> ReplacedRows | None:
    """Of an attached warehouse; None after a full build, or where no release held the build of before."""
    try:
        row = con.execute(f"from {duck.identifier(database, SCHEMA, 'since')}").fetchone()
    except duckdb.CatalogException:
        return None
    tables = con.execute(
        "select table_name from duckdb_tables() where database_name = ? and schema_name = ?",
        [database, SCHEMA],
    ).fetchall()
    keys = {name: duck.identifier(database, SCHEMA, name) for (name,) in tables if name != "since"}
    return ReplacedRows(str(row[0]), keys) if row else None
