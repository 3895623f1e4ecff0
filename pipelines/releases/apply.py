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
    names = [duck.identifier(c) for c in described]
    rest = [n for c, n in zip(described, names, strict=True) if c not in mart.key]
    same_key = " and ".join(
        f"t.{duck.identifier(c)} is not distinct from s.{duck.identifier(c)}" for c in mart.key
    )
    update = ""
    if rest:
        differs = " or ".join(f"t.{n} is distinct from s.{n}" for n in rest)
        sets = ", ".join(f"{n} = s.{n}" for n in rest)
        update = f"when matched and ({differs}) then update set {sets}"
    con.execute(
        f"merge into {into} t using (from {source}) s on ({same_key}) {update} "
        f"when not matched then insert ({', '.join(names)}) values ({', '.join('s.' + n for n in names)})"
    )
    con.execute(f"delete from {into} t where not exists (select 1 from (from {source}) s where {same_key})")
