"""Some keys derived from accepted rows alone and compared with the build: is a build in part what it must be?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.warehouse.accepted_files import select_batches
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.narrowing import KeySet, Narrowing, Rows
from pipelines.warehouse.statements import TABLE
from pipelines.warehouse.tail import Tails

# So many keys, of so many batches, by the luck of the draw; so many more of what is touched.
KEYS, BATCHES, TOUCHED = 40, 5, 10
# So many values of a column that no accepted row has, of each table by them: a period, some of which are long.
VALUES = 2


class SampleCheck(NamedTuple):
    """`keys`: how many were derived again; `differing`: the tables in which one, or a day (`model on day`), has other
    rows than that gives."""

    keys: int
    differing: list[str]


def check_sample(
    con: duckdb.DuckDBPyConnection, lineage: Lineage, rows: Rows, samples: Mapping[str, KeySet], tails: Tails
) -> SampleCheck:
    """`samples`: column → keys, among those that `rows` holds. Of other columns some values are drawn here, and derived
    from the sums below; of a table by day any one of its days. What these are derived from is not asked again: data
    tests hold some to what they add up, a full build all."""
    narrowing = Narrowing(con, lineage, "sample", rows, is_derived=True)
    differing: list[str] = []
    drawn = 0
    for unique_id, rule in lineage.rules.items():
        if rule.day and (day := _draw_day(con, lineage.relation(unique_id), rule.day)):
            statement = lineage.statements[unique_id]
            of_day = f"{duck.identifier(rule.day)} = {duck.literal(day)}"
            sql = narrowing.replace_parents(statement, tails.replace_parents(statement, day, day))
            if not _have_same_rows(con, lineage, unique_id, f"({sql}) where {of_day}", of_day):
                differing.append(f"{unique_id} on {day}")
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
        part = narrowing.find_part(unique_id, keys)
        if not _have_same_rows(con, lineage, unique_id, part, f"{column} in (from {keys.table})"):
            differing.append(unique_id)
    for keys in samples.values():
        row = con.execute(f"select count(*) from {keys.table}").fetchone()
        drawn += int(row[0]) if row else 0
    return SampleCheck(drawn, differing)


def _draw_day(con: duckdb.DuckDBPyConnection, relation: str, day: str) -> date | None:
    column = duck.identifier(day)
    row = con.execute(
        f"from (select distinct {column} from {relation} where {column} is not null) order by random() limit 1"
    ).fetchone()
    return row[0] if row else None


def _have_same_rows(
    con: duckdb.DuckDBPyConnection, lineage: Lineage, unique_id: str, derived: str, condition: str
) -> bool:
    """Whether those of a table that meet the condition are those that were derived."""
    columns = ", ".join(map(duck.identifier, lineage.list_columns(unique_id)))
    anew = f"select {columns} from {derived}"
    built = f"select {columns} from {lineage.relation(unique_id)} where {condition}"
    row = con.execute(
        f"select count(*) from (({anew} except all {built}) union all ({built} except all {anew}))"
    ).fetchone()
    return row == (0,)


def draw_sample(con: duckdb.DuckDBPyConnection, lineage: Lineage, keys: KeySet, touched: KeySet) -> None:
    """Keys of all that there are, touched or not."""
    column = duck.identifier(keys.column)
    names = lineage.list_deliveries(keys.column)
    listed = ", ".join(map(duck.literal, names))
    batches = con.execute(
        f"select source, batch_id from raw.batches where is_current and source in ({listed}) "
        f"order by random() limit {BATCHES}"
    ).fetchall()
    rows = " union all ".join(
        f"select {column} from ({select_batches(con, name, [batch for source, batch in batches if source == name])})"
        for name in names
    )
    con.execute(
        f"create temp table {keys.table} as (select distinct {column} from ({rows}) order by random() limit {KEYS}) "
        f"union (from {touched.table} order by random() limit {TOUCHED})"
    )
