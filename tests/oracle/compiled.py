"""The project's own SQL on provinces made up on the spot: compiled once by dbt, then run in memory.

A province costs a second this way, so that a property test can try many and shrink what fails.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from pipelines.quality.rejections import write_rejections
from pipelines.settings import PROJECT
from pipelines.sources.contracts.contract import Contracts, load_contracts
from pipelines.warehouse.calendar import build_calendar
from pipelines.warehouse.checks import write_checks
from pipelines.warehouse.raw import BATCHES, RUN_PARAMETERS

DBT = PROJECT / "dbt_project"


class CompiledProject:
    """Seeds loaded and models compiled; `build` runs them all, in order, on one province."""

    def __init__(self, folder: Path) -> None:
        warehouse = folder / "warehouse.duckdb"
        contracts = load_contracts(PROJECT / "sources.yaml")
        with duckdb.connect(str(warehouse)) as con:
            self.columns = _raw_tables(con, contracts)
        _compile(folder, warehouse)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.models = _in_order(manifest, folder)
        self.con = duckdb.connect()
        self.con.execute(f"attach '{warehouse}' as prepared (read_only); attach ':memory:' as warehouse")
        self.con.execute("copy from database prepared to warehouse; detach prepared; use warehouse")
        self.con.execute("create schema seeds")
        for node in manifest["nodes"].values():
            if node["resource_type"] == "seed":
                typed = f", types = {types}" if (types := node["config"]["column_types"]) else ""
                self.con.execute(
                    f"create table seeds.{node['alias']} as from read_csv("
                    f"'{DBT / node['original_file_path']}', header = true{typed})"
                )
        for schema in {relation.split(".")[0] for relation, _, _ in self.models}:
            self.con.execute(f"create schema if not exists {schema}")
        calendar = build_calendar()
        self.con.register("incoming", calendar)
        self.con.execute("create or replace table raw.calendar as from incoming")

    def lay_out(self, raw: Mapping[str, pd.DataFrame]) -> None:
        """`raw`: table → its rows, all as text or typed; columns not named are null."""
        for name, rows in raw.items():
            rows = rows.reindex(columns=list(self.columns[name]))
            self.con.register("incoming", rows.astype(object).where(rows.notna(), None))
            typed = ", ".join(f'cast("{c}" as {t}) as "{c}"' for c, t in self.columns[name].items())
            self.con.execute(f"create or replace table raw.{name} as select {typed} from incoming")
            self.con.unregister("incoming")

    def build(self, raw: Mapping[str, pd.DataFrame]) -> None:
        """Every model on `raw`; a table that is not named keeps the rows it had."""
        self.lay_out(raw)
        for relation, kind, sql in self.models:
            self.con.execute(f"create or replace {kind} {relation} as {sql}")

    def mart(self, name: str, columns: str, where: str) -> pd.DataFrame:
        return self.con.execute(f"select {columns} from marts.{name} where {where}").df()


def _raw_tables(con: duckdb.DuckDBPyConnection, contracts: Contracts) -> dict[str, dict[str, str]]:
    """Empty tables of schema raw, as the layout of the warehouse types them."""
    tables: dict[str, dict[str, str]] = {**contracts.accepted_columns(), **contracts.reference_columns()}
    tables |= {"batches": BATCHES, "run_parameters": RUN_PARAMETERS}
    tables["calendar"] = {"date": "date", "is_working_day": "boolean", "holiday_name": "varchar"}
    con.execute("create schema raw")
    write_checks(con, [])
    write_rejections(con, contracts, [], "raw.rejections")
    for name, columns in tables.items():
        typed = ", ".join(f'"{c}" {t}' for c, t in columns.items())
        con.execute(f"create table raw.{name} ({typed})")
    laid_out = con.execute("select column_name, column_type from (describe raw.rejections)").fetchall()
    return {**tables, "rejections": dict(laid_out)}


def _compile(folder: Path, warehouse: Path) -> None:
    compilation = subprocess.run(
        [str(Path(sys.executable).with_name("dbt")), "compile", "--quiet", "--project-dir", str(DBT),
         "--profiles-dir", str(DBT), "--target-path", str(folder), "--log-path", str(folder)],
        env={**os.environ, "THONGSUOT_WAREHOUSE": str(warehouse)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert compilation.returncode == 0, compilation.stdout[-3000:] + compilation.stderr[-3000:]


def _in_order(manifest: Mapping[str, Any], folder: Path) -> list[tuple[str, str, str]]:
    """(schema.table, view or table, compiled select), parents first."""
    models = {u: n for u, n in manifest["nodes"].items() if n["resource_type"] == "model"}
    ordered: list[tuple[str, str, str]] = []
    done: set[str] = set()

    def add(unique_id: str) -> None:
        if unique_id in done or unique_id not in models:
            return
        done.add(unique_id)
        for parent in models[unique_id]["depends_on"]["nodes"]:
            add(parent)
        node = models[unique_id]
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        sql = (folder / "compiled" / "thongsuot" / node["original_file_path"]).read_text(encoding="utf-8")
        ordered.append((f"{node['schema']}.{node['alias']}", kind, sql))

    for unique_id in sorted(models):
        add(unique_id)
    return ordered
