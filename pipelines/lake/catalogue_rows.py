"""The catalogue's own tables as the database that holds them answers: its rows, columns and whatever else is there.

By the connection that holds the lake, never by Python's own SQLite beside it: of two in one process the one that
closes the file first takes away the locks of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import METADATA
from pipelines.sql import read_sql

# In PostgreSQL the catalogue has a database of its own, and this schema of it.
SCHEMA = "public"
# Connection → whether its lake's catalogue lies in PostgreSQL: a connection has one lake, and a publishing asks
# thirty times.
_IN_POSTGRES: WeakKeyDictionary[duckdb.DuckDBPyConnection, bool] = WeakKeyDictionary()


class CatalogueObject(NamedTuple):
    """`kind` is table, index, view, trigger, …; `is_plain`: a table of rows, or an index made for a key."""

    kind: str
    name: str
    is_plain: bool
    definition: str


class _Values(dict[str, object]):
    """Cell as SQLite spelt it → its value, read once: most cells of a catalogue repeat."""

    def __missing__(self, cell: str) -> object:
        value = self[cell] = _read_cell(cell[0], cell[1:])
        return value


def is_in_postgres(con: duckdb.DuckDBPyConnection) -> bool:
    if con not in _IN_POSTGRES:
        _IN_POSTGRES[con] = _ask_for_postgres(con)
    return _IN_POSTGRES[con]


def _ask_for_postgres(con: duckdb.DuckDBPyConnection) -> bool:
    row = con.execute("select type from duckdb_databases() where database_name = ?", [METADATA]).fetchone()
    if row is None:  # DuckDB's list leaves DuckLake's own database out
        row = con.execute("select catalog_type from ducklake_settings('lake')").fetchone()
    return row == ("postgres",)


def query_catalogue(
    con: duckdb.DuckDBPyConnection, columns: Sequence[str], rest: str
) -> list[tuple[object, ...]]:
    """Rows of `select columns rest` that the catalogue's database itself answers, in no order.

    Values are as SQLite has them, so that the same catalogue gives the same rows wherever it lies: a truth is 0 or 1,
    a moment or an identifier a text. Text of SQLite that is no UTF-8 comes with surrogates.
    """
    return query_each(con, {"rows": (columns, rest)})["rows"]


def query_each(
    con: duckdb.DuckDBPyConnection, queries: Mapping[str, tuple[Sequence[str], str]]
) -> dict[str, list[tuple[object, ...]]]:
    """As query_catalogue, of several (columns, rest); SQLite is asked once, as that costs more than a table's rows."""
    answers: dict[str, list[tuple[object, ...]]] = {name: [] for name in queries}
    if is_in_postgres(con):
        for name, (columns, rest) in queries.items():
            query = duck.literal(f"select {', '.join(columns)} {rest}")
            rows = con.execute(f"from postgres_query({duck.literal(METADATA)}, {query})").fetchall()
            answers[name] = [tuple(_spell_value(value) for value in row) for row in rows]
    elif queries:
        parts = (
            f"select {duck.literal(name)} as name, {_spell_cells(columns)} as cells {rest}"
            for name, (columns, rest) in queries.items()
        )
        query = duck.literal(" union all ".join(parts))
        rows = con.execute(
            f"select name, cells from sqlite_query({duck.literal(METADATA)}, {query})"
        ).fetchall()
        values = _Values()
        for name, line in rows:
            answers[name].append(tuple(map(values.__getitem__, line.split(","))))
    return answers


def _spell_cells(columns: Sequence[str]) -> str:
    """SQL of SQLite: a row as one text, each value with its kind."""
    return " || ',' || ".join(
        f"case typeof({column}) when 'integer' then 'i' || {column} when 'null' then 'n' "
        f"when 'real' then 'r' || printf('%!.17g', {column}) else substr(typeof({column}), 1, 1) || hex({column}) end"
        for column in columns
    )


def _spell_value(value: object) -> object:
    match value:
        case bool():
            return int(value)
        case UUID():
            return str(value)
        case datetime():
            return spell_moment(value)
        case _:
            return value


def spell_moment(moment: datetime) -> str:
    """As DuckDB writes it into SQLite: `2025-08-06 16:00:00.25+07`."""
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    offset = f"{moment:%z}"
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction}{offset[:3]}" + (
        f":{offset[3:]}" if offset[3:] != "00" else ""
    )


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


def list_columns(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """Table → its columns in their order."""
    if is_in_postgres(con):
        rows = query_catalogue(
            con,
            ("table_name::text", "ordinal_position::int", "column_name::text"),
            f"from information_schema.columns where table_schema = '{SCHEMA}'",
        )
    else:
        rows = query_catalogue(
            con,
            ("t.name", "c.cid", "c.name"),
            "from sqlite_master as t join pragma_table_info(t.name) as c where t.type = 'table'",
        )
    columns: dict[str, list[str]] = {}
    for table, _, column in sorted(rows, key=lambda row: int(str(row[1]))):
        columns.setdefault(str(table), []).append(str(column))
    return columns


def list_catalogue_objects(con: duckdb.DuckDBPyConnection) -> list[CatalogueObject]:
    """All that is in the catalogue's database: DuckDB's own lists leave DuckLake's tables out."""
    if is_in_postgres(con):
        query = read_sql("pipelines.lake", "postgres_objects")
        rows = query_catalogue(con, ("kind", "name", "is_plain", "definition"), f"from ({query}) as objects")
    else:
        is_plain = "((type = 'table' and rootpage > 0) or (type = 'index' and sql is null))"
        columns = ("type", "name", is_plain, "coalesce(sql, '')")
        rows = query_catalogue(con, columns, "from sqlite_master")
    return sorted(
        CatalogueObject(str(kind), str(name), bool(plain), str(definition))
        for kind, name, plain, definition in rows
    )
