"""dbt's data tests, one query each: whether a table that was built keeps what `dbt_project/` says of it."""

from __future__ import annotations

import time
from collections.abc import Mapping

import duckdb

from pipelines import duck
from pipelines.settings import Settings
from pipelines.warehouse.compiled import DataTest, read_compiled
from pipelines.warehouse.dbt import NodeResult
from pipelines.warehouse.statements import build_statements


def build_and_test(settings: Settings) -> list[NodeResult]:
    """Seeds and models, then every data test whose tables were built."""
    compiled = read_compiled(settings)
    with duck.connect(settings.extensions, settings.warehouse) as con:
        # No model depends on row order; keeping it would cost memory on large inserts.
        con.execute("set preserve_insertion_order = false")
        nodes = build_statements(con, compiled.statements, settings.dbt_project)
        unbuilt = {node.unique_id for node in nodes if node.status != "success"}
        return [*nodes, *run_tests(con, compiled.tests, unbuilt)]


def build_models(settings: Settings) -> list[NodeResult]:
    """Seeds and models alone."""
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("set preserve_insertion_order = false")
        return build_statements(con, read_compiled(settings).statements, settings.dbt_project)


def run_tests(
    con: duckdb.DuckDBPyConnection, tests: Mapping[str, DataTest], unbuilt: set[str]
) -> list[NodeResult]:
    """`unbuilt`: nodes that failed or were skipped; a test that reads one of them is skipped too."""
    return [
        NodeResult(unique_id, "skipped", 0.0, "", 0)
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
