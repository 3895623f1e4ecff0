"""Whether a build in part costs less than a whole one: by how long the history is, and how much of it is touched.

Why these limits: docs/decisions/0044-cost-follows-change.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import duckdb

from pipelines import duck
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.narrowing import RefreshRefused
from pipelines.warehouse.statements import TABLE
from pipelines.warehouse.touched_keys import TouchedKeys, count_rows

# Below so many accepted rows a build costs what its hundred tables cost, whatever is in them.
LEAST_ROWS = 300_000
# What is touched is derived twice where sums move, and what all keys read stays to be read.
MOST_SHARE = 0.15


class Extent(NamedTuple):
    """`rows`: accepted rows of the build before; `keys`: about so many are there; `share`: of the keys, how many are
    derived again, on average over the models."""

    rows: int
    keys: int
    share: float

    def __str__(self) -> str:
        return f"on average {self.share:.1%} of {self.keys} keys for each table, of {self.rows} rows before"


def measure_extent(con: duckdb.DuckDBPyConnection, lineage: Lineage, touched: TouchedKeys) -> Extent:
    """Of the build before, once the touched keys are gathered."""
    rows, keys, shares = 0, 0, list[float]()
    for key in lineage.keys:
        sources = ", ".join(map(duck.literal, lineage.list_deliveries(key)))
        counted = f"select coalesce(sum(rows_accepted), 0) from raw.batches where is_current and source in ({sources})"
        rows += int(con.execute(counted).fetchall()[0][0])
        models = [
            unique_id for unique_id, rule in lineage.rules.items() if rule.by == key and not rule.compared
        ]
        there = _count_rows_by(con, lineage, models, key) or max(
            _count_keys(con, lineage, unique_id, key) for unique_id in models
        )
        keys += there
        shares += [count_rows(con, touched.find(model, key).table) / max(there, 1) for model in models]
    return Extent(rows, keys, sum(shares) / max(len(shares), 1))


def _count_rows_by(con: duckdb.DuckDBPyConnection, lineage: Lineage, models: Sequence[str], key: str) -> int:
    """How many rows a table has that holds one of each key: nothing is read for that. 0 where there is none."""
    tables = [lineage.statements[unique_id] for unique_id in models]
    counts = [count_rows(con, table.relation) for table in tables if table.meta.get("key") == [key]]
    return max(counts, default=0)


def _count_keys(con: duckdb.DuckDBPyConnection, lineage: Lineage, unique_id: str, key: str) -> int:
    if not lineage.is_keyed(unique_id, key) or lineage.statements[unique_id].kind != TABLE:
        return 0
    counted = f"select approx_count_distinct({duck.identifier(key)}) from {lineage.relation(unique_id)}"
    return int(con.execute(counted).fetchall()[0][0])


def refuse_what_costs_more(extent: Extent) -> None:
    """RefreshRefused where a whole build costs less; the text says by which figures."""
    if extent.rows < LEAST_ROWS:
        raise RefreshRefused(f"it costs no more: {extent.rows} rows are fewer than {LEAST_ROWS}")
    if extent.share > MOST_SHARE:
        raise RefreshRefused(f"it costs less: {extent} would be derived again, more than {MOST_SHARE:.0%}")
