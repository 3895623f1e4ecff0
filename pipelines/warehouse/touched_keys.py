"""Which keys are derived again: those of rows that came or went, and those that a move of as_of touches.

Each model has a set of its own: what follows as_of alone need not be derived again above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import duckdb

from pipelines import duck
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.narrowing import KeySet, RefreshRefused


class TouchedKeys:
    """Temporary tables of keys, gathered while the build of before is as it was."""

    def __init__(self, con: duckdb.DuckDBPyConnection, lineage: Lineage) -> None:
        self.con, self.lineage = con, lineage
        self.sets: dict[tuple[str, frozenset[str]], KeySet] = {}
        self.all: dict[str, KeySet] = {}

    def gather(
        self, key: str, deliveries: Mapping[str, str | None], earlier: datetime, later: datetime
    ) -> None:
        """`deliveries`: as of a refresh; `earlier`, `later`: the two as_of. RefreshRefused where a row has no key."""
        delivered = self._gather_delivered(key, deliveries)
        moved: dict[str, str] = {}
        for unique_id, rule in self.lineage.rules.items():
            if rule.by == key and rule.touched and earlier != later:
                table = KeySet(key, f"moved_{key}_{len(moved)}").table
                self._gather_moved(table, key, rule.touched, earlier, later)
                moved[unique_id] = table
        for unique_id, rule in self.lineage.rules.items():
            models = self.lineage.list_moving(unique_id, key) if rule.by == key else frozenset[str]()
            if rule.by != key or rule.compared or (key, models) in self.sets:
                continue
            self.sets[key, models] = KeySet(key, f"touched_{key}_{len(self.sets)}")
            tables = [delivered, *(moved[model] for model in sorted(models) if model in moved)]
            self.con.execute(
                f"create temp table {self.sets[key, models].table} as "
                f"select distinct * from ({' union all '.join(f'from {table}' for table in tables)})"
            )
        self.all[key] = KeySet(key, f"touched_{key}")
        gathered = [keys.table for (column, _), keys in self.sets.items() if column == key]
        self.con.execute(
            f"create temp table {self.all[key].table} as {' union '.join(f'from {table}' for table in gathered)}"
        )

    def _gather_delivered(self, key: str, deliveries: Mapping[str, str | None]) -> str:
        column, table = duck.identifier(key), KeySet(key, f"delivered_{key}").table
        names = self.lineage.list_deliveries(key)
        if not names:
            raise RefreshRefused(f"no model by {key} reads accepted rows that have it")
        rows = [f"select {column} from ({query})" for name in names if (query := deliveries[name])]
        rows += [f"select {column} from {duck.identifier('raw', name)} where false" for name in names]
        self.con.execute(f"create temp table {table} as select distinct * from ({' union all '.join(rows)})")
        if count_rows(self.con, f"{table} where {column} is null"):
            raise RefreshRefused(f"a row has no {key}")
        return table

    def _gather_moved(
        self, table: str, key: str, touched: Mapping[str, str], earlier: datetime, later: datetime
    ) -> None:
        """The keys whose rows of a model follow as_of between its two moments."""
        moments = [duck.literal(moment) + "::timestamp" for moment in (earlier, later)]
        rows = " union all ".join(
            f"select {duck.identifier(key)} from (select *, {moments[0]} as earlier, {moments[1]} as later "
            f"from {duck.identifier(*relation.split('.'))}) where {condition}"
            for relation, condition in touched.items()
        )
        self.con.execute(f"create temp table {table} as select distinct * from ({rows})")

    def find(self, unique_id: str, key: str) -> KeySet:
        """The keys of which a model's rows are derived again; RefreshRefused where no accepted row has the column."""
        keys = self.sets.get((key, self.lineage.list_moving(unique_id, key)))
        if keys is None:
            raise RefreshRefused(f"{unique_id}: no accepted row says which {key} was touched")
        return keys

    def count(self, key: str) -> int:
        """How many keys any model is derived again for."""
        return count_rows(self.con, self.all[key].table)


def count_rows(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    row = con.execute(f"select count(*) from {rows}").fetchone()
    return int(row[0]) if row else 0
