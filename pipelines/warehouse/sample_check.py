"""Some keys derived from accepted rows alone and compared with the build: is a build in part what it must be?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.narrowing import KeySet, Narrowing, Rows
from pipelines.warehouse.statements import TABLE

# So many keys, of so many batches, by the luck of the draw; so many more of what is touched.
KEYS, BATCHES, TOUCHED = 40, 5, 10
# So many values of a column that no accepted row has, of each table by them: a period, some of which are long.
VALUES = 2


class SampleCheck(NamedTuple):
    """`keys`: how many were derived again; `differing`: the tables in which one has other rows than that gives."""

    keys: int
    differing: list[str]


def check_sample(
    con: duckdb.DuckDBPyConnection, lineage: Lineage, rows: Rows, samples: Mapping[str, KeySet]
) -> SampleCheck:
    """`samples`: column → keys, among those that `rows` holds. Of other columns some values are drawn here, and derived
    from the sums below. Those are not asked again: data tests hold some to what they add up, a full build all."""
    narrowing = Narrowing(con, lineage, "sample", rows, is_derived=True)
    differing: list[str] = []
    drawn = 0
    for unique_id, rule in lineage.rules.items():
        if rule.by is None or rule.sums or rule.compared or lineage.statements[unique_id].kind != TABLE:
            continue
        column, relation = duck.identifier(rule.by), lineage.relation(unique_id)
        keys = samples.get(rule.by)
        if keys is None:
            keys = KeySet(rule.by, f"sample_{lineage.statements[unique_id].name}")
            con.execute(
                f"create temp table {keys.table} as from (select distinct {column} from {relation}) "
                f"order by random() limit {VALUES}"
            )
        columns = ", ".join(map(duck.identifier, lineage.list_columns(unique_id)))
        derived = f"select {columns} from {narrowing.find_part(unique_id, keys)}"
        built = f"select {columns} from {relation} where {column} in (from {keys.table})"
        row = con.execute(
            f"select count(*) from (({derived} except all {built}) union all ({built} except all {derived}))"
        ).fetchone()
        if row and row[0]:
            differing.append(unique_id)
    for keys in samples.values():
        row = con.execute(f"select count(*) from {keys.table}").fetchone()
        drawn += int(row[0]) if row else 0
    return SampleCheck(drawn, differing)


def draw_sample(con: duckdb.DuckDBPyConnection, lineage: Lineage, keys: KeySet, touched: KeySet) -> None:
    """Keys of all that there are, touched or not."""
    column = duck.identifier(keys.column)
    names = lineage.list_deliveries(keys.column)
    rows = " union all ".join(
        f"select {column}, batch_id from {duck.identifier('raw', name)}" for name in names
    )
    sources = ", ".join(map(duck.literal, names))
    con.execute(
        f"create temp table {keys.table} as (select distinct {column} from ({rows}) where batch_id in "
        f"(select batch_id from raw.batches where is_current and source in ({sources}) order by random() "
        f"limit {BATCHES}) order by random() limit {KEYS}) "
        f"union (from {touched.table} order by random() limit {TOUCHED})"
    )
