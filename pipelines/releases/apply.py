"""Make a table of the lake equal a relation, touching only the rows that differ.

In place (one MERGE action and one DELETE), so that the table keeps its id and `table_changes` between
two releases is the true difference. Found first, so that the content hash moves by the same rows.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.releases.lake import ALIAS
from pipelines.releases.marts import Content, Mart, columns, content, moved, row_hash, row_sum


class Change(NamedTuple):
    """What makes a table equal its source. `delta`: suffix of the temp tables `delta_…` (keys of rows
    that differ) and `fresh_…` (rows that come or change); None where the table is made anew."""

    mart: Mart
    source: str
    content: Content
    delta: str | None


def target(mart: Mart) -> str:
    return duck.identifier(ALIAS, mart.schema, mart.name)


def change(
    con: duckdb.DuckDBPyConnection, mart: Mart, source: str, before: Content | None, delta: str
) -> Change:
    """`source`: anything that may follow FROM; `before`: what the lake's table is known to hold, None where
    nobody vouches for it.

    That, a changed contract or a key that is not one is a new table, hashed whole: older releases keep
    the old one through time travel.
    """
    described = columns(con, source)
    if not before or not mart.key or columns(con, target(mart)) != described:
        return Change(mart, source, content(con, source), None)
    _find(con, mart, source, described, delta)
    row = con.execute(
        f"select count(*), count(*) filter (not is_gone), (select count(*) from {source}) from delta_{delta}"
    ).fetchone()
    assert row is not None
    differing, fresh, rows = row
    if not differing and rows == before.rows:
        return Change(mart, source, before, delta)
    # A mart of the newest day alone changes whole: then its new rows are all there is to hash.
    if differing + fresh >= rows:
        return Change(mart, source, content(con, source), delta)
    held = moved(before, *_sums(con, mart, described, delta))
    if held.rows != rows:
        return Change(mart, source, content(con, source), None)
    return Change(mart, source, held, delta)


def _sums(
    con: duckdb.DuckDBPyConnection, mart: Mart, described: dict[str, str], delta: str
) -> list[tuple[int, int]]:
    """Of the rows that leave, and of those that come."""
    leaving = (
        f"{target(mart)} as t where exists (select 1 from delta_{delta} as d where {_of_key(mart, 't', 'd')})"
    )
    return [
        row_sum(con, f"select {row_hash(described)} as h from {rows}") for rows in (leaving, f"fresh_{delta}")
    ]


def _find(
    con: duckdb.DuckDBPyConnection, mart: Mart, source: str, described: dict[str, str], delta: str
) -> None:
    keys, names = ([duck.identifier(c) for c in told] for told in (mart.key, described))
    hashed = f"{', '.join(keys)}, hash({', '.join(names)}) as h, true as there"
    # Found by 64-bit hashes of rows, so that a night costs what changed.
    con.execute(
        f"""
        create or replace temp table delta_{delta} as
        select {", ".join(f"coalesce(s.{k}, t.{k}) as {k}" for k in keys)}, s.there is null as is_gone
        from (select {hashed} from {source}) as s
        full join (select {hashed} from {target(mart)}) as t on {_of_key(mart, "t", "s")}
        where s.h is distinct from t.h
        """
    )
    con.execute(
        f"""
        create or replace temp table fresh_{delta} as
        select t.* from (from {source}) as t
        where exists (select 1 from delta_{delta} as d where not d.is_gone and {_of_key(mart, "t", "d")})
        """
    )


def apply(con: duckdb.DuckDBPyConnection, wanted: Change) -> None:
    into, mart, delta = target(wanted.mart), wanted.mart, wanted.delta
    if delta is None:
        con.execute(f"create or replace table {into} as from {wanted.source}")
        return
    names = [duck.identifier(c) for c in columns(con, wanted.source)]
    keys = {duck.identifier(k) for k in mart.key}
    rest = [n for n in names if n not in keys]
    update = f"when matched then update set {', '.join(f'{n} = s.{n}' for n in rest)}" if rest else ""
    con.execute(
        f"""
        merge into {into} as t using fresh_{delta} as s on ({_of_key(mart, "t", "s")}) {update}
        when not matched then insert ({", ".join(names)}) values ({", ".join("s." + n for n in names)})
        """
    )
    row = con.execute(f"select count(*) from delta_{delta} where is_gone").fetchone()
    if row and row[0]:
        con.execute(
            f"delete from {into} as t where exists "
            f"(select 1 from delta_{delta} as d where d.is_gone and {_of_key(mart, 't', 'd')})"
        )


def _of_key(mart: Mart, a: str, b: str) -> str:
    return " and ".join(f"{a}.{k} is not distinct from {b}.{k}" for k in map(duck.identifier, mart.key))
