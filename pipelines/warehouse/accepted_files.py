"""What was found out once about the accepted rows of each batch, so that a night need not read all of them for it.

`raw.accepted_files`: where the rows of a batch lie, and which days they name, by the file's SHA-256.
`raw.key_batches`: of each accepted row its key and its batch; what a batch has is noted when it comes, and again when
it comes back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from pipelines import duck

FILES, KEYS = "raw.accepted_files", "raw.key_batches"


class AcceptedFile(NamedTuple):
    """Of a batch that counts. `sha256`: of the file."""

    source: str
    batch_id: str
    sha256: str
    path: Path


def write_files(
    con: duckdb.DuckDBPyConnection, files: Sequence[AcceptedFile], columns: Mapping[str, Mapping[str, str]]
) -> None:
    """`raw.accepted_files`: those that are named and no other; days that were read before are not read again.

    `columns`: source → column → DuckDB type. `first_day`, `last_day`: of all moments of all rows; null where none has
    one.
    """
    kept = "select null::varchar, null::varchar, null::varchar, null::date, null::date where false"
    if has_table(con, FILES):
        kept = f"select source, batch_id, sha256, first_day, last_day from {FILES}"
    memory: dict[tuple[str, str, str], tuple[date | None, date | None]] = {
        (source, batch_id, sha256): (first, last)
        for source, batch_id, sha256, first, last in con.execute(kept).fetchall()
    }
    # What the contract names no more is read by nobody.
    files = [file for file in files if file.source in columns]
    for source, kinds in columns.items():
        fresh = [file for file in files if file.source == source and file[:3] not in memory]
        by_path = _find_days(con, [str(file.path) for file in fresh], kinds)
        memory |= {file[:3]: by_path[str(file.path)] for file in fresh}
    rows = [(*file[:3], str(file.path), *memory[file[:3]]) for file in files]
    names = ("source", "batch_id", "sha256", "path", "first_day", "last_day")
    types = [pa.string()] * 4 + [pa.date32()] * 2
    con.register(
        "incoming",
        pa.table(
            {
                name: pa.array([row[number] for row in rows], kind)
                for number, (name, kind) in enumerate(zip(names, types, strict=True))
            }
        ),
    )
    con.execute(f"create or replace table {FILES} as from incoming")
    con.unregister("incoming")


def _find_days(
    con: duckdb.DuckDBPyConnection, paths: Sequence[str], kinds: Mapping[str, str]
) -> dict[str, tuple[date | None, date | None]]:
    """Path → the first and the last day that any moment of its rows names."""
    days: dict[str, tuple[date | None, date | None]] = dict.fromkeys(paths, (None, None))
    if not paths:
        return days
    rows = f"read_parquet([{', '.join(map(duck.literal, paths))}], union_by_name = true, filename = true)"
    there = {row[0] for row in con.execute(f"describe from {rows}").fetchall()}
    moments = [
        duck.identifier(name)
        for name, kind in kinds.items()
        if kind in ("date", "timestamp") and name in there
    ]
    if moments:
        ends = [f"{word}({', '.join(f'{end}({m})::date' for m in moments)})"
                for word, end in (("least", "min"), ("greatest", "max"))]  # fmt: skip
        query = f"select filename, {', '.join(ends)} from {rows} group by filename"
        days |= {path: (first, last) for path, first, last in con.execute(query).fetchall()}
    return days


def write_key_batches(
    con: duckdb.DuckDBPyConnection, keys: Mapping[str, Collection[str]], rows: Mapping[str, str] | None = None
) -> None:
    """`raw.key_batches`, of every batch that counts; with `rows`, of the batches of these rows alone.

    `keys`: column → the tables of accepted rows that have it; `rows`: table → a query. A batch that no longer counts
    stays: to look for a key where it no longer is costs something, and finds nothing.
    """
    if rows is None:
        con.execute(
            f"create or replace table {KEYS} (key varchar, source varchar, key_hash ubigint, batch_id varchar)"
        )
    for key, tables in keys.items():
        for table in tables:
            query = f"from {duck.identifier('raw', table)}" if rows is None else rows.get(table)
            if query:
                slot = f"{duck.literal(key)} as key, {duck.literal(table)} as source"
                if rows is not None:
                    con.execute(
                        f"delete from {KEYS} where key = ? and source = ? "
                        f"and batch_id in (select batch_id from ({query}))",
                        [key, table],
                    )
                con.execute(
                    f"insert into {KEYS} select {slot}, {_hash_key(key)} as key_hash, batch_id from ({query})"
                )


def find_unnoted_batches(con: duckdb.DuckDBPyConnection, keys: Mapping[str, Collection[str]]) -> list[str]:
    """Batches of `raw.batches` that count and of which not every accepted row's key is noted.

    `keys`: column → tables. duckdb.CatalogException where nothing was ever noted.
    """
    slots = [(key, table) for key, tables in keys.items() for table in tables]
    unnoted = set[str]()
    for slot in slots:
        rows = con.execute(
            f"select batch_id from raw.batches left join (select batch_id, count(*) as rows_noted from {KEYS} "
            "where key = ? and source = ? group by batch_id) using (batch_id) where source = ? and is_current "
            "and is_accepted and rows_accepted <> coalesce(rows_noted, 0)",
            [*slot, slot[1]],
        ).fetchall()
        unnoted |= {batch_id for (batch_id,) in rows}
    return sorted(unnoted)


def list_batches_of(con: duckdb.DuckDBPyConnection, source: str, key: str, keys: str) -> list[str] | None:
    """The batches of a source in which rows of these keys may lie; None where nobody noted it.

    `keys`: a table of them, with the column `key`.
    """
    noted, slot = f"from {KEYS} where key = ? and source = ?", [key, source]
    if not has_table(con, KEYS) or not con.execute(f"select 1 {noted} limit 1", slot).fetchone():
        return None
    rows = con.execute(
        f"select distinct batch_id {noted} and key_hash in (select {_hash_key(key)} from {keys})", slot
    ).fetchall()
    return sorted(batch_id for (batch_id,) in rows)


def _hash_key(key: str) -> str:
    """Two keys of one hash cost a look too many. Forty-eight bits take three quarters of the room."""
    return f"hash({duck.identifier(key)}) >> 16"


def select_batches(con: duckdb.DuckDBPyConnection, table: str, batches: Collection[str]) -> str:
    """A query of the accepted rows of these batches, as far as they count: the columns and types are those of the
    whole, and no other file is opened."""
    whole = duck.identifier("raw", table)
    listed = ", ".join(map(duck.literal, batches))
    if not has_table(con, f"raw.{table}", "duckdb_views") or not has_table(con, FILES):
        # A table of its own; what it has of no batch is a join of nothing.
        return f"select * from {whole} where batch_id in (select unnest([{listed}]::varchar[]))"
    columns = duck.describe_table(con, "raw", table)
    paths = con.execute(
        f"select path from {FILES} where source = ? and batch_id in (select unnest(?::varchar[])) order by path",
        [table, list(batches)],
    ).fetchall()
    if not paths:
        nothing = (f"null::{kind} as {duck.identifier(name)}" for name, kind in columns.items())
        return f"select {', '.join(nothing)} where false"
    rows = f"read_parquet([{', '.join(duck.literal(path) for (path,) in paths)}], union_by_name = true)"
    there = {row[0] for row in con.execute(f"describe from {rows}").fetchall()}
    selected = (
        f"{duck.identifier(name) if name in there else 'null'}::{kind} as {duck.identifier(name)}"
        for name, kind in columns.items()
    )
    return f"select {', '.join(selected)} from {rows}"


def has_table(con: duckdb.DuckDBPyConnection, name: str, function: str = "duckdb_tables") -> bool:
    """`name`: with its schema, of the warehouse that is in use."""
    schema, _, table = name.partition(".")
    column = "view_name" if function == "duckdb_views" else "table_name"
    row = con.execute(
        f"select 1 from {function}() where database_name = current_database() and schema_name = ? and {column} = ?",
        [schema, table],
    ).fetchone()
    return row is not None
