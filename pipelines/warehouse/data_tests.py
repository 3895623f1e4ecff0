"""dbt's data tests, one query each: whether a table that was built keeps what `dbt_project/` says of it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import duckdb

from pipelines import duck
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse import dbt
from pipelines.warehouse.accepted_files import write_key_batches
from pipelines.warehouse.basis import write_basis
from pipelines.warehouse.build import count_largest_source
from pipelines.warehouse.compiled import Compiled, DataTest, read_compiled
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.engine import describe_duckdb, write_engine
from pipelines.warehouse.lineage import Lineage
from pipelines.warehouse.statements import DATABASE, build_statements


def build_and_test(settings: Settings) -> list[NodeResult]:
    """Seeds and models, then every data test whose tables were built, on the engine that the settings name."""
    with open_warehouse(settings) as con:
        compiled = read_project(settings)
        if settings.engine == "spark":
            from pipelines.warehouse.spark.build import build_on_spark

            nodes, record = build_on_spark(con, settings)
            write_engine(con, record)
            return nodes
        write_engine(con, describe_duckdb(con))
        nodes = build_statements(con, compiled.statements, settings.dbt_project)
        unbuilt = {node.unique_id for node in nodes if node.status != "success"}
        nodes += run_tests(con, compiled.tests, unbuilt)
        contracts = load_contracts(settings.sources_file)
        if not unbuilt:
            lineage = Lineage(con, compiled.statements, list(contracts.accepted_columns()))
            write_key_batches(con, lineage.list_keyed_tables())
        write_basis(con, settings, contracts)
        return nodes


def build_models(settings: Settings) -> list[NodeResult]:
    """Seeds and models alone."""
    with open_warehouse(settings) as con:
        return build_statements(con, read_project(settings).statements, settings.dbt_project)


def read_project(settings: Settings) -> Compiled:
    """What is built; beside it lies the manifest, by which a release and the exports know the tables."""
    dbt.ensure_manifest(settings)
    return read_compiled(settings)


def open_warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    con = duck.connect(settings.extensions, settings.warehouse)
    # No model depends on row order; keeping it would cost memory on large inserts.
    con.execute("set preserve_insertion_order = false")
    duck.fit_threads(con, count_largest_source(con, DATABASE))
    return con


def run_tests(
    con: duckdb.DuckDBPyConnection, tests: Mapping[str, DataTest | None], unbuilt: set[str]
) -> list[NodeResult]:
    """`unbuilt`: nodes that failed or were skipped; a test that reads one of them is skipped too. None: it passed on
    the same rows."""
    return [
        NodeResult(unique_id, "pass", 0.0, "", 0)
        if test is None
        else NodeResult(unique_id, "skipped", 0.0, "", 0)
        if unbuilt.intersection(test.parents)
        else _run_test(con, unique_id, test.query)
        for unique_id, test in tests.items()
    ]


def _run_test(con: duckdb.DuckDBPyConnection, unique_id: str, query: str) -> NodeResult:
    start = time.monotonic()
    try:
        row = con.execute(f"select count(*) from (\n{query}\n) as failing_rows").fetchone()
    except duckdb.Error as error:
        return NodeResult(unique_id, "error", time.monotonic() - start, str(error), 0)
    failures = int(row[0]) if row else 0
    message = f"Got {failures} results, configured to fail if != 0" if failures else ""
    return NodeResult(unique_id, "fail" if failures else "pass", time.monotonic() - start, message, failures)
