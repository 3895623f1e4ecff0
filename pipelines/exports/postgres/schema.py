"""The PostgreSQL side of the export: schemas, tables, comments, `marts.releases`; the role is `reader.py`'s.

Every change of a table's shape is one that readers of an older snapshot survive: columns are added and
dropped in place, no table is truncated or rewritten.
"""

from __future__ import annotations

import re

import psycopg
from psycopg import sql as pgsql

from pipelines.exports.common import PublishedTable
from pipelines.exports.postgres.reader import (
    READER,
    ensure_reader,
    has_lost_rights,
    secure_reader,
    set_password,
)
from pipelines.lake.ledger import Release
from pipelines.sql import read_sql

# A change of shape waits for long readers this long, then fails by name instead of queueing everyone.
LOCK_TIMEOUT = "30s"
TYPES = {
    "VARCHAR": "text", "BIGINT": "bigint", "INTEGER": "integer", "SMALLINT": "smallint",
    "TINYINT": "smallint", "UINTEGER": "bigint", "UBIGINT": "numeric(20,0)", "HUGEINT": "numeric(38,0)",
    "DOUBLE": "double precision", "FLOAT": "real", "BOOLEAN": "boolean", "DATE": "date",
    "TIMESTAMP": "timestamp without time zone", "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "TIME": "time without time zone", "UUID": "uuid", "JSON": "json",
}  # fmt: skip


def sql(template: str, schema: str, table: str) -> pgsql.Composed:
    """`{}` in the template becomes the quoted name; the template is this package's own text."""
    return pgsql.SQL(template).format(pgsql.Identifier(schema, table))


def pg_type(duckdb_type: str) -> str:
    """The same type in PostgreSQL; ValueError for one that has none."""
    if decimal := re.fullmatch(r"DECIMAL\((\d+),\s*(\d+)\)", duckdb_type):
        return f"numeric({decimal[1]},{decimal[2]})"
    if duckdb_type not in TYPES:
        raise ValueError(f"no PostgreSQL type is known for DuckDB's {duckdb_type}; a mart needs a plain one")
    return TYPES[duckdb_type]


def lock_publisher(pg: psycopg.Connection) -> None:
    """Two publishers into one database: the second waits for the first, then finds nothing to do.

    A lock of a table that readers may only select from: unlike an advisory lock, no reader can hold it.
    LockNotAvailable after LOCK_TIMEOUT, as for any later lock.
    """
    pg.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
    if pg.execute("select to_regclass('marts.releases')").fetchone() != (None,):
        pg.execute("lock table marts.releases in share row exclusive mode")


def prepare(pg: psycopg.Connection, bi_password: str | None) -> list[str]:
    """Schemas, the ledger of loads, the reader's role and rights; what of the reader was not as it should be.

    Harmless when repeated.
    """
    lock_publisher(pg)
    is_first = pg.execute("select to_regclass('marts.releases')").fetchone() == (None,)
    if is_first:
        pg.execute("create schema if not exists marts; create schema if not exists audit")
        pg.execute(read_sql("pipelines.exports.postgres", "releases"))
    is_new = ensure_reader(pg)
    remarks = secure_reader(pg)
    if is_new or is_first or has_lost_rights(pg):
        pg.execute(read_sql("pipelines.exports.postgres", "grants", reader=READER))
        if not (is_new or is_first):
            remarks.append(f"rights of {READER} had been taken away, granted again")
    if bi_password is not None:
        set_password(pg, bi_password)
    return remarks


def read_current_hash(pg: psycopg.Connection) -> str | None:
    row = pg.execute("select release_hash from marts.releases order by loaded_at desc limit 1").fetchone()
    return row[0] if row else None


def note_release(pg: psycopg.Connection, release: Release, how: str) -> None:
    pg.execute(
        "insert into marts.releases (release_id, published_at, as_of, snapshot_id, code_version, "
        "release_hash, how) values (%s, %s, %s, %s, %s, %s, %s)",
        [release.release_id, release.published_at, release.as_of, release.snapshot_id,
         release.code_version, release.release_hash, how],
    )  # fmt: skip


def ensure_table(pg: psycopg.Connection, table: PublishedTable) -> bool:
    """Make the table's columns and comments the contract's; True where its rows must be compared."""
    expected = {column.name: pg_type(column.type) for column in table.columns}
    present: dict[str, str] = dict(
        pg.execute(
            "select attname, format_type(atttypid, atttypmod) from pg_attribute "
            "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
            [pgsql.Identifier(table.schema, table.name).as_string(pg)],
        ).fetchall()
    )

    def alter(words: str) -> None:
        pg.execute(sql(f"alter table {{}} {words}", table.schema, table.name))

    quoted = {name: pgsql.Identifier(name).as_string(pg) for name in {*expected, *present}}
    if not present:
        columns = ", ".join(f"{quoted[name]} {kind}" for name, kind in expected.items())
        pg.execute(sql(f"create table {{}} ({columns})", table.schema, table.name))
    gone = [name for name, kind in present.items() if expected.get(name) != kind]
    new = [name for name in expected if present and (name not in present or name in gone)]
    for name in gone:
        alter(f"drop column {quoted[name]}")
    for name in new:
        alter(f"add column {quoted[name]} {expected[name]}")
    if set(new) & set(table.key):
        # Rows without their key cannot be matched.
        pg.execute(sql("delete from {}", table.schema, table.name))
    _comment(pg, table)
    return bool(new)


def ensure_key(pg: psycopg.Connection, table: PublishedTable) -> None:
    """The table's key as its primary key, once its rows are in."""
    name = [pgsql.Identifier(table.schema, table.name).as_string(pg)]
    has_key = pg.execute(
        "select from pg_constraint where conrelid = to_regclass(%s) and contype = 'p'", name
    ).fetchone()
    if table.key and table.is_unique and has_key is None:
        key = ", ".join(pgsql.Identifier(column).as_string(pg) for column in table.key)
        pg.execute(sql(f"alter table {{}} add primary key ({key})", table.schema, table.name))


def _comment(pg: psycopg.Connection, table: PublishedTable) -> None:
    """Table and column descriptions, written only where they differ."""
    comments: dict[str, str] = dict(
        pg.execute(
            "select coalesce(a.attname, ''), d.description from pg_description d "
            "left join pg_attribute a on a.attrelid = d.objoid and a.attnum = d.objsubid "
            "where d.objoid = to_regclass(%s) and d.classoid = 'pg_class'::regclass",
            [pgsql.Identifier(table.schema, table.name).as_string(pg)],
        ).fetchall()
    )
    for name, text in {"": table.description, **{c.name: c.description for c in table.columns}}.items():
        if text and comments.get(name) != text:
            what = "column {}." + pgsql.Identifier(name).as_string(pg) if name else "table {}"
            quoted = pgsql.Literal(text).as_string(pg).replace("{", "{{").replace("}", "}}")
            pg.execute(sql(f"comment on {what} is {quoted}", table.schema, table.name))


def has_rows(pg: psycopg.Connection, table: PublishedTable) -> bool:
    row = pg.execute(sql("select exists (select from {})", table.schema, table.name)).fetchone()
    return bool(row and row[0])


def touched_table(pg: psycopg.Connection, table: PublishedTable) -> None:
    """An empty temporary table of the table's key."""
    kinds = {column.name: pg_type(column.type) for column in table.columns}
    columns = ", ".join(f"{pgsql.Identifier(name).as_string(pg)} {kinds[name]}" for name in table.key)
    pg.execute("drop table if exists pg_temp.touched")
    pg.execute(f"create temp table touched ({columns}) on commit drop")


def delete_touched(pg: psycopg.Connection, table: PublishedTable) -> int:
    """Delete the rows whose key is in `touched`; how many went."""
    pg.execute("analyze touched")
    quoted = [pgsql.Identifier(name).as_string(pg) for name in table.key]
    same = " and ".join(f"t.{name} = k.{name}" for name in quoted)
    return pg.execute(
        sql(f"delete from {{}} t using pg_temp.touched k where {same}", table.schema, table.name)
    ).rowcount
