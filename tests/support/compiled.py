"""dbt's statements without dbt: the project is compiled once, then run on any warehouse in a second or two.

For nights that are about something else. What dbt itself does is tried by test_dbt_unit_tests and by the
small province; a test holds a build of these statements to dbt's own, table by table.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from pipelines import duck
from pipelines.quality.rejections import write_rejections
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import Contracts, load_contracts
from pipelines.warehouse import dbt
from pipelines.warehouse.checks import write_checks
from pipelines.warehouse.dbt import NodeResult
from tests import crashing

BOOKKEEPING = {
    "batches": "batch_id varchar, source varchar, partition_key date, is_current boolean, is_accepted boolean, "
    "rows_read bigint, rows_accepted bigint, rows_rejected bigint, sha256 varchar, schema_fingerprint varchar, "
    "origin varchar, pulled_at timestamp, run_id varchar, standing varchar",
    "withdrawals": "event_id bigint, event varchar, source varchar, partition_key date, batch_id varchar, "
    "author varchar, reason varchar, happened_at timestamp",
    "run_parameters": "as_of timestamp, partition_day date, place_code varchar, counts_since date, "
    "stopped_is_end boolean, done_by_word boolean, whole_name_vi varchar, "
    "late_phrases varchar[], in_time_phrases varchar[]",
    "calendar": "date date, is_working_day boolean, holiday_name varchar",
}  # fmt: skip


class Statement(NamedTuple):
    """One node of the project. `kind`: view or table; `select`: its rows, columns as its contract orders them."""

    unique_id: str
    schema: str
    name: str
    kind: str
    select: str


def compile_project(data: Path) -> None:
    """An installation whose raw tables are empty and whose dbt target is parsed and compiled, by a child process."""
    crashing.ask_in_child(_compile, Settings(data=data))


def _compile(settings: Settings) -> None:
    """What a model compiles to depends on the columns of the raw tables; rows are not needed."""
    with duckdb.connect(str(settings.warehouse)) as con:
        _create_raw_tables(con, load_contracts(PROJECT / "sources.yaml"))
    outcome = dbt._invoke(
        settings, "compile", "--quiet", "--log-level-file", "none", manifest=dbt.read_parsed(settings)
    )
    assert outcome.success, outcome.exception


def read_statements(target: Path) -> list[Statement]:
    """Seeds, then models with the parents of each before it."""
    manifest = json.loads((target / "manifest.json").read_text(encoding="utf-8"))
    return [*_read_seeds(manifest), *_read_models(manifest, target)]


def create_relation(con: duckdb.DuckDBPyConnection, statement: Statement) -> None:
    """The view or table of a statement, anew."""
    con.execute(f"create schema if not exists {statement.schema}")
    relation = duck.identifier(statement.schema, statement.name)
    con.execute(f"create or replace {statement.kind} {relation} as {statement.select}")


def build_compiled(settings: Settings) -> list[NodeResult]:
    """In place of `build_and_test`: every seed and model, no data test.

    Compiles where the target folder is no copy of a compiled one.
    """
    if not (settings.dbt_target / "compiled").exists():
        with tempfile.TemporaryDirectory() as folder:
            compile_project(Path(folder))
            shutil.copytree(Settings(data=Path(folder)).dbt_target, settings.dbt_target, dirs_exist_ok=True)
    results = []
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("set preserve_insertion_order = false")
        for statement in read_statements(settings.dbt_target):
            start = time.monotonic()
            create_relation(con, statement)
            seconds = time.monotonic() - start
            results.append(NodeResult(statement.unique_id, "success", seconds, "", 0))
    return results


def _read_seeds(manifest: Mapping[str, Any]) -> Iterator[Statement]:
    for unique_id, node in manifest["nodes"].items():
        if node["resource_type"] == "seed":
            typed = f", types = {types}" if (types := node["config"]["column_types"]) else ""
            path = PROJECT / "dbt_project" / node["original_file_path"]
            select = f"from read_csv('{path}', header = true{typed})"
            yield Statement(unique_id, node["schema"], node["alias"], "table", select)


def _read_models(manifest: Mapping[str, Any], target: Path) -> list[Statement]:
    models = {u: n for u, n in manifest["nodes"].items() if n["resource_type"] == "model"}
    ordered: dict[str, Statement] = {}

    def add(unique_id: str) -> None:
        if unique_id in ordered or unique_id not in models:
            return
        node = models[unique_id]
        for parent in node["depends_on"]["nodes"]:
            add(parent)
        select = (target / "compiled" / "thongsuot" / node["original_file_path"]).read_text(encoding="utf-8")
        if node["config"]["contract"]["enforced"]:
            columns = ", ".join(f'"{name}"' for name in node["columns"])
            select = f"select {columns} from (\n{select}\n)"
        kind = "view" if node["config"]["materialized"] == "view" else "table"
        ordered[unique_id] = Statement(unique_id, node["schema"], node["alias"], kind, select)

    for unique_id in sorted(models):
        add(unique_id)
    return list(ordered.values())


def _create_raw_tables(con: duckdb.DuckDBPyConnection, contracts: Contracts) -> None:
    """Empty tables of schema raw, as the layout of the warehouse types them."""
    tables: dict[str, dict[str, str]] = {**contracts.accepted_columns(), **contracts.reference_columns()}
    con.execute("create schema raw")
    write_checks(con, [])
    write_rejections(con, contracts, [], "raw.rejections")
    for name, columns in tables.items():
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        con.execute(f"create table raw.{name} ({typed})")
    for name, declaration in BOOKKEEPING.items():
        con.execute(f"create table raw.{name} ({declaration})")
