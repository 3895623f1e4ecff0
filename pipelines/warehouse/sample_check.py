"""Some keys derived from accepted rows alone and compared with the build: is a build in part what it must be?"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.narrowing import KeySet, Narrowing
from pipelines.warehouse.statements import TABLE

# So many keys, of so many batches, by the luck of the draw.
KEYS, BATCHES = 50, 5


class SampleCheck(NamedTuple):
    """`keys`: how many were derived again; `differing`: the tables in which one has other rows than that gives."""

    keys: int
    differing: list[str]


def check_sample(con: duckdb.DuckDBPyConnection, lineage: Lineage) -> SampleCheck:
    """Keys of all that there are, touched or not."""
    narrowing = Narrowing(con, lineage, "sample", is_derived=True)
    differing: list[str] = []
    drawn = 0
    for key in lineage.keys:
        keys = KeySet(key, f"sample_{key}")
        drawn += _draw_keys(con, lineage, keys)
        for unique_id, rule in lineage.rules.items():
            if rule.by != key or rule.sums or lineage.statements[unique_id].kind != TABLE:
                continue
            columns = ", ".join(map(duck.identifier, lineage.list_columns(unique_id)))
            derived = f"select {columns} from {narrowing.find_part(unique_id, keys)}"
            rows = f"{lineage.relation(unique_id)} where {duck.identifier(key)} in (from {keys.table})"
            built = f"select {columns} from {rows}"
            row = con.execute(
                f"select count(*) from (({derived} except all {built}) union all ({built} except all {derived}))"
            ).fetchone()
            if row and row[0]:
                differing.append(unique_id)
    return SampleCheck(drawn, differing)


def _draw_keys(con: duckdb.DuckDBPyConnection, lineage: Lineage, keys: KeySet) -> int:
    column = duck.identifier(keys.column)
    names = lineage.list_deliveries(keys.column)
    rows = " union all ".join(
        f"select {column}, batch_id from {duck.identifier('raw', name)}" for name in names
    )
    sources = ", ".join(map(duck.literal, names))
    con.execute(
        f"create temp table {keys.table} as select distinct {column} from ({rows}) where batch_id in "
        f"(select batch_id from raw.batches where is_current and source in ({sources}) order by random() "
        f"limit {BATCHES}) order by random() limit {KEYS}"
    )
    row = con.execute(f"select count(*) from {keys.table}").fetchone()
    return int(row[0]) if row else 0
