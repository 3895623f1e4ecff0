"""Make a table of the lake equal a relation, touching only the rows that differ.

In place (one MERGE action and one DELETE), so that the table keeps its id and `table_changes` between
two releases is the true difference.
"""

from __future__ import annotations

import duckdb

from pipelines import duck
from pipelines.releases import ledger
from pipelines.releases.lake import ALIAS
from pipelines.releases.marts import Mart, columns


def target(mart: Mart) -> str:
    return duck.identifier(ALIAS, mart.schema, mart.name)


def apply(con: duckdb.DuckDBPyConnection, mart: Mart, source: str) -> None:
    """`source`: anything that may follow FROM. A changed contract, or no known key, is a new table:
    older releases keep the old one through time travel."""
    into, described = target(mart), columns(con, source)
    if not ledger.exists(con, mart.schema, mart.name):
        con.execute(f"create table {into} as from {source}")
        return
    if not mart.key or columns(con, into) != described:
        con.execute(f"create or replace table {into} as from {source}")
        return
    keys, names = ([duck.identifier(c) for c in told] for told in (mart.key, described))
    same_key = " and ".join(f"t.{k} is not distinct from s.{k}" for k in keys)
    of_the_same_key = " and ".join(f"t.{k} is not distinct from d.{k}" for k in keys)
    hashed = f"{', '.join(keys)}, hash({', '.join(names)}) as h, true as there"
    # Found by 64-bit hashes of rows, so that a night costs what changed; what a collision would hide, the
    # publisher's audit of the written table tells.
    con.execute(
        f"""
        create or replace temp table delta as
        select {", ".join(f"coalesce(s.{k}, t.{k}) as {k}" for k in keys)}, s.there is null as is_gone
        from (select {hashed} from {source}) as s
        full join (select {hashed} from {into}) as t on {same_key}
        where s.h is distinct from t.h
        """
    )
    rest = [n for n in names if n not in keys]
    update = f"when matched then update set {', '.join(f'{n} = s.{n}' for n in rest)}" if rest else ""
    con.execute(
        f"""
        merge into {into} as t
        using (
            select t.* from (from {source}) as t
            where exists (select 1 from delta as d where not d.is_gone and {of_the_same_key})
        ) as s on ({same_key}) {update}
        when not matched then insert ({", ".join(names)}) values ({", ".join("s." + n for n in names)})
        """
    )
    con.execute(
        f"delete from {into} as t where exists (select 1 from delta as d where d.is_gone and {of_the_same_key})"
    )
