"""The rows of all touched keys of a relation, as they are now: a table is scanned once, whoever reads of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import duckdb

from pipelines import duck
from pipelines.warehouse.accepted_files import list_batches_of, select_batches
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.narrowing import KeySet


class TouchedRows:
    """Temporary tables and views, laid out when somebody asks for them."""

    def __init__(self, con: duckdb.DuckDBPyConnection, lineage: Lineage, keys: Mapping[str, KeySet]) -> None:
        """`keys`: column → all values of it that any model is derived again for."""
        self.con, self.lineage, self.keys = con, lineage, keys
        self.scanned: dict[tuple[str, str], str] = {}
        self.present: dict[tuple[str, str], str] = {}
        self.laid_out = 0

    def find(self, unique_id: str, key: str) -> str:
        slot = (unique_id, key)
        if slot not in self.present:
            table = self._name(unique_id)
            self.con.execute(f"create temp table {table} as {self._select(unique_id, self.keys[key])}")
            self.present[slot] = self.scanned[slot] = table
        return self.present[slot]

    def replace(self, unique_id: str, keys: KeySet, rows: str) -> None:
        """Of these keys the relation has other rows from now on."""
        slot, column = (unique_id, keys.column), duck.identifier(keys.column)
        if slot in self.present:
            view = self._name(unique_id)
            self.con.execute(
                f"create temp view {view} as select * from {self.present[slot]} "
                f"where {column} not in (from {keys.table}) union all by name from {rows}"
            )
            self.present[slot] = view

    def forget(self, unique_id: str) -> None:
        """The relation was made whole."""
        for slot in [slot for slot in self.present if slot[0] == unique_id]:
            del self.present[slot], self.scanned[slot]

    def add(self, keys: KeySet, relations: Collection[str]) -> None:
        """Keys that turned out to be touched too, of relations that have not changed in their rows."""
        fresh = KeySet(keys.column, f"fresh_{keys.name}")
        every = self.keys[keys.column].table
        self.con.execute(f"create temp table {fresh.table} as from {keys.table} except from {every}")
        for (unique_id, key), table in self.scanned.items():
            if key == keys.column and unique_id in relations:
                self.con.execute(f"insert into {table} by name {self._select(unique_id, fresh)}")
        self.con.execute(f"insert into {every} from {fresh.table}")

    def _select(self, unique_id: str, keys: KeySet) -> str:
        column = duck.identifier(keys.column)
        schema, table = self.lineage.locate(unique_id)
        rows = duck.identifier(schema, table)
        if (
            schema == "raw"
            and (batches := list_batches_of(self.con, table, keys.column, keys.table)) is not None
        ):
            rows = f"({select_batches(self.con, table, batches)})"
        return f"select * from {rows} where {column} in (from {keys.table})"

    def _name(self, unique_id: str) -> str:
        self.laid_out += 1
        words = ("rows", str(self.laid_out), *self.lineage.locate(unique_id))
        return duck.identifier("temp", "main", "_".join(words))
