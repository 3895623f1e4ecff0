"""The same seeds, models and tests, built on Spark: a plan goes out, Parquet comes back, and the warehouse holds it.

What downstream reads is what DuckDB's own build leaves: marts and audit are tables of the warehouse file, under its
seal; tables that nobody publishes stay Parquet, behind views. Spark runs in a process and an environment of its own.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from pipelines import duck
from pipelines.landing.batches import write_json
from pipelines.log import get_logger
from pipelines.masking import list_public_variables
from pipelines.settings import LOCAL_ZONE, Settings
from pipelines.warehouse.compiled import Compiled, read_compiled, read_compiled_for_spark
from pipelines.warehouse.dbt import DbtError, NodeResult
from pipelines.warehouse.engine import EngineRecord
from pipelines.warehouse.spark import job
from pipelines.warehouse.spark.extra import check_java, find_python
from pipelines.warehouse.spark.layout import translate_type, write_layout
from pipelines.warehouse.statements import (
    SEED,
    TABLE,
    Statement,
    create_relation,
    empty_schemas,
    import_table,
)

LOG = get_logger(__name__)
# Laid out before the models are built; the other schemas are Spark's to fill.
SOURCE_SCHEMAS = ("raw", "seeds")
# What reads less Parquet than this is built with as little ado as Spark knows (job.py); figures are the same.
LITTLE_BYTES = 8 * 2**20
# Where all that is read is small, the last degree of compilation costs more than it saves, too.
SMALL_BYTES = 40 * 2**20
FOR_LITTLE = {
    **job.FOR_LITTLE,
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
SECRET = re.compile(r"secret|password|token|credential|key", re.IGNORECASE)
# A line of progress each time so many more nodes have ended.
EVERY = 50


class SparkStopped(DbtError):
    """Spark ended before its work did; the text repeats what it said last."""


def build_on_spark(
    con: duckdb.DuckDBPyConnection, settings: Settings
) -> tuple[list[NodeResult], EngineRecord]:
    """Seeds, models and data tests; then every table that was built, in the warehouse that `con` has open.

    SparkMissing where it cannot begin, SparkStopped where it did not come to an end.
    """
    python = find_python(settings)
    check_java()
    here, there = read_compiled(settings), read_compiled_for_spark(settings)
    empty_schemas(con, here.statements)
    results = [
        _create_seed(con, settings, statement) for statement in here.statements if statement.kind == SEED
    ]
    folder = settings.spark_files
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    plan = folder / "plan.json"
    sources = write_layout(con, settings, SOURCE_SCHEMAS, folder)
    tuning = choose_tuning(folder)
    write_json(plan, make_plan(settings, there, sources, tuning))
    record = EngineRecord("spark", "", {})
    total = len(here.statements) + len(here.tests)
    for event in run_job(python, plan, settings.spark.master):
        if "engine" in event:
            record = EngineRecord(
                event["engine"], event["version"], tuning | describe_settings(settings) | event["settings"]
            )
            LOG.info("building on Spark", version=record.version, master=settings.spark.master)
        else:
            results.append(NodeResult(**event))
            if len(results) % EVERY == 0:
                LOG.info("building on Spark", nodes=len(results), of=total)
    built = {result.unique_id for result in results if result.status == "success"}
    for statement in here.statements:
        if statement.kind != SEED and statement.unique_id in built:
            import_relation(con, settings, statement, folder)
    for name in ("managed", "scratch", *SOURCE_SCHEMAS):
        shutil.rmtree(folder / name, ignore_errors=True)
    return results, record


def describe_settings(settings: Settings) -> dict[str, str]:
    """What a release may show: a setting that may hold a secret is named without its value."""
    spark = settings.spark
    visible = {name: "…" if SECRET.search(name) else value for name, value in spark.settings.items()}
    return {"master": spark.master, "memory": spark.memory, **visible}


def _create_seed(con: duckdb.DuckDBPyConnection, settings: Settings, statement: Statement) -> NodeResult:
    create_relation(con, statement, settings.dbt_project)
    return NodeResult(statement.unique_id, "success", 0.0, "", 0)


def choose_tuning(folder: Path) -> dict[str, str]:
    """Settings for as much as was laid out there."""
    laid_out = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    return FOR_LITTLE if laid_out < SMALL_BYTES else {}


def make_plan(
    settings: Settings, compiled: Compiled, sources: Sequence[Mapping[str, Any]], tuning: Mapping[str, str]
) -> dict[str, Any]:
    """All that the job is told; see `job.py`."""
    folder, spark = settings.spark_files, settings.spark
    models = [statement for statement in compiled.statements if statement.kind != SEED]
    nodes: list[dict[str, Any]] = [
        {
            **statement._asdict(),
            "location": str(folder / statement.schema / statement.name),
            "columns": {n: (translate_type(c.type), c.is_required) for n, c in statement.columns.items()},
        }
        for statement in models
    ]
    nodes += [
        {"unique_id": name, "parents": list(test.parents), "query": test.query}
        for name, test in compiled.tests.items()
    ]
    return {
        "folder": str(folder),
        "master": spark.master,
        "memory": spark.memory,
        "settings": {**tuning, **spark.settings},
        "threads": spark.threads,
        "little_bytes": LITTLE_BYTES,
        "schemas": sorted({s.schema for s in models} | set(SOURCE_SCHEMAS)),
        "sources": list(sources),
        "nodes": nodes,
    }


def run_job(python: Path, plan: Path, master: str) -> Iterator[dict[str, Any]]:
    """What the job says, line by line; SparkStopped where it ends before it has finished."""
    environment = {**list_public_variables(), "TZ": str(LOCAL_ZONE), "PYSPARK_PYTHON": str(python)}
    if master.startswith("local") or "//127.0.0.1" in master:  # nobody else is to speak with it
        environment.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    log = plan.with_name("spark.log")
    with log.open("w", encoding="utf-8") as errors, subprocess.Popen(
        [str(python), job.__file__, str(plan)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=plan.parent,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        is_finished = False
        try:
            for line in process.stdout:
                if not line.startswith("{"):  # what Java prints beside
                    continue
                event = json.loads(line)
                is_finished = is_finished or event.pop("finished", False)
                if event:
                    yield event
        finally:
            process.stdin.close()  # by which the job ends where it has not
    if not is_finished:
        last = find_last_error(log.read_text(encoding="utf-8", errors="replace").splitlines())
        raise SparkStopped(
            f"Spark stopped before the build was whole (exit code {process.returncode}); it said last: {last[:300]} "
            f"More in {log}. Nothing is published; the last release is still served."
        )


def find_last_error(lines: Sequence[str]) -> str:
    """What Spark itself calls an error goes before an exception of whoever met its consequence."""
    of_spark = [line for line in lines if " ERROR " in line]
    return (of_spark or [line for line in lines if "Exception" in line or "rror" in line] or ["nothing"])[-1]


def import_relation(
    con: duckdb.DuckDBPyConnection, settings: Settings, statement: Statement, folder: Path
) -> None:
    """A table of a contract is read into the warehouse, which refuses what breaks it; another stays where it is."""
    if statement.kind != TABLE:
        create_relation(con, statement, settings.dbt_project)
        return
    location = folder / statement.schema / statement.name
    rows = f"read_parquet({duck.literal(os.fspath(location / '*.parquet'))})"
    if statement.columns:
        import_table(con, statement, rows)
    else:
        con.execute(f"create view {statement.relation} as from {rows}")
