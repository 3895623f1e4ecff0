"""The project's own SQL on provinces made up on the spot: compiled once by dbt, then run in memory.

A province costs a second this way, so that a property test can try many and shrink what fails.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import pandas as pd

from pipelines.settings import Settings
from pipelines.warehouse.calendar import build_calendar
from pipelines.warehouse.compiled import read_compiled
from pipelines.warehouse.statements import SEED, build_statements, create_relation


class MemoryWarehouse:
    """Seeds loaded and models compiled; `build` runs them all, in order, on one province."""

    def __init__(self, empty: Settings) -> None:
        """`empty`: the installation that `compile_project` leaves."""
        # Of so few rows one thread is as quick as many, and costs a third less.
        self.con = duckdb.connect(config={"threads": 1})
        self.con.execute(f"attach '{empty.warehouse}' as empty (read_only)")
        self.con.execute("attach ':memory:' as warehouse")
        self.con.execute("copy from database empty to warehouse; detach empty; use warehouse")
        self.columns: dict[str, dict[str, str]] = {}
        for table, column, kind in self.con.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where database_name = 'warehouse' and schema_name = 'raw' order by table_name, column_index"
        ).fetchall():
            self.columns.setdefault(table, {})[column] = kind
        self.statements, self.project = read_compiled(empty).statements, empty.dbt_project
        self.models = [statement for statement in self.statements if statement.kind != SEED]
        build_statements(self.con, self.statements, self.project)
        calendar = build_calendar()
        self.con.register("incoming", calendar)
        self.con.execute("create or replace table raw.calendar as from incoming")

    def lay_out(self, raw: Mapping[str, pd.DataFrame]) -> None:
        """`raw`: table → its rows, all as text or typed; columns not named are null."""
        for name, rows in raw.items():
            self.lay_out_like(name, name, rows)

    def lay_out_like(self, name: str, table: str, rows: pd.DataFrame) -> None:
        """`raw.<table>`: rows of the kind that `raw.<name>` has."""
        rows = rows.reindex(columns=list(self.columns[name]))
        self.con.register("incoming", rows.astype(object).where(rows.notna(), None))
        typed = ", ".join(f'cast("{c}" as {t}) as "{c}"' for c, t in self.columns[name].items())
        self.con.execute(f"create or replace table raw.{table} as select {typed} from incoming")
        self.con.unregister("incoming")

    def build(self, raw: Mapping[str, pd.DataFrame]) -> None:
        """Every model on `raw`; a table that is not named keeps the rows it had."""
        self.lay_out(raw)
        for statement in self.models:
            create_relation(self.con, statement, self.project)

    def mart(self, name: str, columns: str, where: str) -> pd.DataFrame:
        return self.con.execute(f"select {columns} from marts.{name} where {where}").df()
