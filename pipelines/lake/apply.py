"""Make a table of the lake equal a relation, touching only the rows that differ.

In place (one MERGE action and one DELETE), so that the table keeps its id and `table_changes` between
two releases is the true difference. What differs is looked for first, so that the content hash moves by the same rows;
among all rows, or among those of some keys where the others are known to be the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.lake.catalogue import ALIAS, scratch_table
from pipelines.lake.content_hash import (
    Content,
    describe_columns,
    has_columns,
    hash_content,
    have_same_rows,
    move_content,
    row_hash_sql,
    sum_hashes,
)
from pipelines.lake.manifest import Mart
from pipelines.sql import read_sql


class TableChange(NamedTuple):
    """What makes a table equal its source.

    `differing`: a table with the keys of the rows that leave, come or change; None where the whole table
    is made anew. `fresh`: the relation of those that come or change. `leaving`: a table of the lake's rows that leave
    or change; None where it is not laid out. `among`: a table of the values, in some columns, of all rows that may
    differ; None where any may.
    """

    mart: Mart
    source: str
    content: Content
    differing: str | None
    fresh: str
    leaving: str | None = None
    among: str | None = None


def lake_table(mart: Mart) -> str:
    return duck.identifier(ALIAS, mart.schema, mart.name)


def find_change(
    con: duckdb.DuckDBPyConnection,
    mart: Mart,
    source: str,
    before: Content | None,
    number: int,
    among: str | None = None,
) -> TableChange:
    """`source`: anything that may follow FROM; `before`: what the lake's table holds, None where nobody
    vouches for it; `among`: as of a change.

    That, a changed contract or a key that is not one is a new table, hashed whole: older releases keep
    the old one through time travel. What differs rests in the attached database `scratch`.
    """
    described = describe_columns(con, source)
    if not before or not mart.key or not has_columns(con, lake_table(mart), described):
        return TableChange(mart, source, hash_content(con, source), None, source)
    table, rows, present = lake_table(mart), _count(con, source), source
    if among:
        table, present = (scratch_table(f"{word}_{number:d}") for word in ("earlier", "later"))
        for part, whole in ((table, lake_table(mart)), (present, source)):
            con.execute(f"create table {part} as {_select_among(con, whole, among)}")
        if before.rows - _count(con, table) != rows - _count(con, present):
            return find_change(con, mart, source, before, number)
    differing = scratch_table(f"differing_{number:d}")
    leaving, coming = _find_differing(con, mart, table, present, described, differing)
    if not leaving and not coming and rows == before.rows:
        return TableChange(mart, source, before, differing, source, among=among)
    fresh = source
    if coming < rows:
        fresh = scratch_table(f"fresh_{number:d}")
        con.execute(f"create table {fresh} as {_among(mart, present, f'(from {differing} where is_fresh)')}")
    # A mart of the newest day alone changes whole: then its new rows are all there is to hash.
    if leaving + coming >= rows:
        return TableChange(mart, source, hash_content(con, source), differing, fresh)
    # They are read again for each rate that the mart explains.
    gone = scratch_table(f"leaving_{number:d}")
    con.execute(f"create table {gone} as {_among(mart, table, differing)}")
    hashed = row_hash_sql(described)
    removed = sum_hashes(con, f"select {hashed} as h from {gone}")
    content = move_content(before, removed, sum_hashes(con, f"select {hashed} as h from {fresh}"))
    if content.rows != rows:
        return TableChange(mart, source, hash_content(con, source), None, source)
    return TableChange(mart, source, content, differing, fresh, gone, among)


def _find_differing(
    con: duckdb.DuckDBPyConnection,
    mart: Mart,
    table: str,
    source: str,
    columns: dict[str, str],
    differing: str,
) -> tuple[int, int]:
    """By 64-bit hashes of rows, so that a night costs what changed: (leaving or changed, coming or changed)."""
    query = read_sql(
        "pipelines.lake",
        "differing",
        differing=differing,
        keys=[duck.identifier(name) for name in mart.key],
        columns=[duck.identifier(name) for name in columns],
        source=source,
        table=table,
        same_key=_same_key(mart.key, "earlier", "later"),
    )
    con.execute(query)
    row = con.execute(
        f"select count(*) filter (was_there), count(*) filter (is_fresh) from {differing}"
    ).fetchone()
    assert row is not None
    return row


def apply_change(con: duckdb.DuckDBPyConnection, change: TableChange) -> None:
    """Make the lake's table what `change` says, inside the caller's transaction."""
    table, mart, differing = lake_table(change.mart), change.mart, change.differing
    if differing is None:
        con.execute(f"create or replace table {table} as from {change.source}")
        return
    columns = list(describe_columns(con, change.source))
    if change.fresh == change.source:  # no row stays: nothing is to be matched, and no file of before is kept
        names = ", ".join(map(duck.identifier, columns))
        con.execute(f"delete from {table}")
        con.execute(f"insert into {table} ({names}) select {names} from {change.source}")
        return
    query = read_sql(
        "pipelines.lake",
        "merge_rows",
        table=table,
        fresh=change.fresh,
        same_key=_same_key(mart.key, "present", "fresh"),
        columns=[duck.identifier(name) for name in columns],
        attributes=[duck.identifier(name) for name in columns if name not in mart.key],
    )
    con.execute(query)
    row = con.execute(f"select count(*) from {differing} where not is_fresh").fetchone()
    if row and row[0]:
        same_key = _same_key(mart.key, "present", "leaving")
        con.execute(
            f"delete from {table} as present using (from {differing} where not is_fresh) as leaving "
            f"where {same_key}"
        )


def is_applied(con: duckdb.DuckDBPyConnection, change: TableChange) -> bool:
    """Whether the lake's table is its source now: in all rows, or in their number and in those that may differ."""
    table, source, among = lake_table(change.mart), change.source, change.among
    if among is None:
        return have_same_rows(con, source, table)
    parts = (f"({_select_among(con, relation, among)})" for relation in (source, table))
    return _count(con, source) == _count(con, table) and have_same_rows(con, *parts)


def list_parts(
    changes: Iterable[TableChange], before: Mapping[str, str], after: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Table → its rows of before that leave or change, and those that come or change; not what is made anew.

    `before`, `after`: table → relation of all its rows. What has no change has no such rows.
    """
    parts = {
        name: (f"(from {before[name]} limit 0)", f"(from {after[name]} limit 0)")
        for name in before.keys() & after
    }
    for change in changes:
        name, differing = change.mart.qualified, change.differing
        if differing is None:
            parts.pop(name, None)
        elif name in before:
            parts[name] = (
                change.leaving or f"({_among(change.mart, before[name], differing)})",
                change.fresh,
            )
    return parts


def _among(mart: Mart, relation: str, keys: str) -> str:
    """SQL: the rows of a relation whose key is among `keys`."""
    return _select_of(relation, keys, mart.key)


def _select_among(con: duckdb.DuckDBPyConnection, relation: str, keys: str) -> str:
    """SQL: the rows of a relation whose values are among those of the table `keys`, in all of its columns."""
    return _select_of(relation, keys, describe_columns(con, keys))


def _select_of(relation: str, keys: str, columns: Iterable[str]) -> str:
    # A join says so itself: of an `exists` DuckDB would first list every key that the relation has.
    same_key = _same_key(columns, "present", "chosen")
    return f"select present.* from {relation} as present semi join {keys} as chosen on {same_key}"


def _same_key(columns: Iterable[str], left: str, right: str) -> str:
    return " and ".join(f"{left}.{k} is not distinct from {right}.{k}" for k in map(duck.identifier, columns))


def _count(con: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = con.execute(f"select count(*) from {relation}").fetchone()
    assert row is not None
    return int(row[0])
