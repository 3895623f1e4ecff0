"""dbt's data tests without a dbt node each: compiled by dbt once per project, then one query each here.

A node costs dbt some 30 milliseconds around its query, and there are twice as many tests as tables. What they ask,
their names and descriptions stay in `dbt_project/`; `dbt build` by hand runs them as ever.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from pipelines import duck
from pipelines.landing.batches import write_json
from pipelines.settings import Settings
from pipelines.warehouse import dbt, parsed
from pipelines.warehouse.dbt import DbtError, NodeResult

FILE = "data_tests.json"
# How a test must be configured to be evaluated here: every row that its query gives is a failure.
CONFIGURATION = {"severity": "ERROR", "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0"}
UNSUPPORTED = ("where", "limit", "store_failures")


def build_and_test(settings: Settings) -> list[NodeResult]:
    """Seeds and models by dbt, then every data test whose tables were built."""
    nodes = dbt.build_models(settings)
    return [*nodes, *run_tests(settings, {node.unique_id for node in nodes if node.status != "success"})]


def run_tests(settings: Settings, unbuilt: set[str]) -> list[NodeResult]:
    """`unbuilt`: nodes that failed or were skipped; a test that reads one of them is skipped too."""
    manifest = json.loads((settings.dbt_target / parsed.MANIFEST).read_text(encoding="utf-8"))
    results = []
    queries = read_queries(settings)
    with duck.connect(settings.extensions, settings.warehouse, read_only=True) as con:
        for unique_id, query in queries.items():
            if unbuilt & set(manifest["nodes"][unique_id]["depends_on"]["nodes"]):
                results.append(NodeResult(unique_id, "skipped", 0.0, "", 0))
            else:
                results.append(_run_test(con, unique_id, query))
    return results


def _run_test(con: duckdb.DuckDBPyConnection, unique_id: str, query: str) -> NodeResult:
    start = time.monotonic()
    try:
        row = con.execute(f"select count(*) from (\n{query}\n) as failing_rows").fetchone()
    except duckdb.Error as error:
        return NodeResult(unique_id, "error", time.monotonic() - start, str(error), 0)
    failures = int(row[0]) if row else 0
    message = f"Got {failures} results, configured to fail if != 0" if failures else ""
    return NodeResult(unique_id, "fail" if failures else "pass", time.monotonic() - start, message, failures)


def read_queries(settings: Settings) -> Mapping[str, str]:
    """unique_id → the rows that break it, as SQL; compiled where nobody did so for this project and this dbt."""
    shared = parsed.find_shared(settings.dbt_project) / FILE
    project = parsed.hash_project(settings.dbt_project)
    for path in (shared, settings.dbt_target / FILE):
        if (queries := _read(path, project)) is not None:
            return queries
    queries = _compile(settings)
    for path in (shared, settings.dbt_target / FILE):
        try:
            write_json(path, {"project": project, "queries": queries})
            break
        except OSError:  # an environment that is read-only
            continue
    return queries


def _read(path: Path, project: str) -> dict[str, str] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content["queries"] if content["project"] == project else None
    except (OSError, ValueError, KeyError):
        return None


def _compile(settings: Settings) -> dict[str, str]:
    """Beside an empty warehouse: what a test compiles to depends on the project alone."""
    manifest = dbt.read_parsed(settings)
    with TemporaryDirectory() as folder:
        empty = replace(settings, data=Path(folder))
        results = dbt.compile_tests(empty, manifest)
    for unique_id, config in ((r.node.unique_id, r.node.config) for r in results):
        differing = {k: getattr(config, k) for k, v in CONFIGURATION.items() if getattr(config, k) != v}
        differing |= {k: getattr(config, k) for k in UNSUPPORTED if getattr(config, k)}
        if differing:
            raise DbtError(f"{unique_id}: {differing} is more than pipelines/warehouse/data_tests.py reads")
    return {result.node.unique_id: str(result.node.compiled_code) for result in results}


def parse_ahead() -> None:
    """Parse and compile for every data directory to come, as a part of installing."""
    with TemporaryDirectory() as folder:
        settings = replace(Settings.from_env(), data=Path(folder))
        dbt.ensure_manifest(settings)
        read_queries(settings)


if __name__ == "__main__":
    parse_ahead()
