"""The program that Spark's own Python runs: tables and views of a plan, then its tests, each told in one line of JSON.

It imports the standard library and pyspark alone, for it runs in the extra's environment: `python job.py PLAN`. It ends
when its standard input does, so that nothing of it outlives the process that started it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

# What makes Spark mean what DuckDB means: quotes, strict casts, moments without a zone, days before 1582 as they are.
MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.caseSensitive": "false",
}
MACHINERY = {
    "spark.ui.enabled": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.adaptive.enabled": "true",
    "spark.scheduler.mode": "FAIR",
    "spark.sql.parquet.compression.codec": "zstd",
}
LOCK = threading.Lock()


class NotAsPromised(Exception):
    """A table breaks its contract; the text names the columns."""


def tell(**event: Any) -> None:
    with LOCK:
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def quote(*names: str) -> str:
    return ".".join(f"`{name}`" for name in names)


def end_with_parent() -> None:
    """Whoever started this holds the other end of standard input; Java ends when this process does."""
    sys.stdin.read()
    os._exit(1)


def open_session(plan: Mapping[str, Any]) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("thongsuot").master(plan["master"])
    scratch = {
        "spark.sql.warehouse.dir": f"{plan['folder']}/managed",
        "spark.local.dir": f"{plan['folder']}/scratch",
    }
    memory = {"spark.driver.memory": plan["memory"], "spark.executor.memory": plan["memory"]}
    for name, value in {**MACHINERY, **memory, **scratch, **plan["settings"], **MEANING}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    if "spark.sql.shuffle.partitions" not in plan["settings"]:
        parallelism = session.sparkContext.defaultParallelism
        session.conf.set("spark.sql.shuffle.partitions", str(max(2, 2 * parallelism)))
    return session


def create_sources(session: Any, plan: Mapping[str, Any]) -> None:
    """Tables over the Parquet files that were laid out: raw and seeds."""
    for schema in plan["schemas"]:
        session.sql(f"create database {quote(schema)}")
    for table in plan["sources"]:
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in table["columns"].items())
        relation = quote(table["schema"], table["name"])
        session.sql(f"create table {relation} ({columns}) using parquet location '{table['location']}'")


def build(session: Any, node: Mapping[str, Any]) -> None:
    """The view or table of a node; NotAsPromised where its columns, types or NULLs are not those of its contract."""
    relation = quote(node["schema"], node["name"])
    if node["kind"] == "view":
        session.sql(f"create view {relation} as {node['sql']}")
        return
    select = node["sql"]
    if node["columns"]:
        check_columns(session, node)
        select = f"select {', '.join(map(quote, node['columns']))} from (\n{select}\n)"
    session.sql(f"create table {relation} using parquet location '{node['location']}' as {select}")
    check_required(session, relation, [name for name, (_, needed) in node["columns"].items() if needed])


def check_columns(session: Any, node: Mapping[str, Any]) -> None:
    present = {field.name: field.dataType.simpleString() for field in session.sql(node["sql"]).schema.fields}
    promised = {name: kind for name, (kind, _) in node["columns"].items()}
    differing = [
        f"{name} is {present.get(name, 'missing')}, the contract says {promised.get(name, 'nothing of it')}"
        for name in dict.fromkeys([*promised, *present])
        if present.get(name) != promised.get(name)
    ]
    if differing:
        raise NotAsPromised(f"its columns are not those of its contract: {'; '.join(differing)}")


def check_required(session: Any, relation: str, names: Sequence[str]) -> None:
    """What DuckDB's constraint refuses, asked of the table once for all its columns."""
    if not names:
        return
    counts = ", ".join(f"count_if({quote(name)} is null)" for name in names)
    [row] = session.sql(f"select {counts} from {relation}").collect()
    if missing := [name for name, count in zip(names, row, strict=True) if count]:
        raise NotAsPromised(f"NOT NULL constraint failed: {', '.join(missing)}")


def count_failing(session: Any, query: str) -> int:
    [row] = session.sql(f"select count(*) from (\n{query}\n) as failing_rows").collect()
    return int(row[0])


def run_node(session: Any, node: Mapping[str, Any]) -> str:
    """One model or test to its end; returns its status."""
    start = time.monotonic()
    status, message, failures = "success", "", 0
    try:
        if "query" in node:
            failures = count_failing(session, node["query"])
            status = "fail" if failures else "pass"
            message = f"Got {failures} results, configured to fail if != 0" if failures else ""
        else:
            build(session, node)
    except Exception as error:  # whatever Spark or Java says of it belongs to the node
        status, message = "error", str(error).split("\n\nJVM stacktrace")[0][:2000]
    tell(
        unique_id=node["unique_id"],
        status=status,
        seconds=time.monotonic() - start,
        message=message,
        failures=failures,
    )
    return status


def run_all(session: Any, nodes: Sequence[Mapping[str, Any]], threads: int) -> None:
    """Each after its parents, several at a time; what rests on one that failed is skipped."""
    waiting = {node["unique_id"]: node for node in nodes}
    unbuilt: set[str] = set()
    running: dict[Future[str], str] = {}
    with ThreadPoolExecutor(threads) as pool:
        while waiting or running:
            busy = {*waiting, *running.values()}
            for name, node in list(waiting.items()):
                if unbuilt.intersection(node["parents"]):
                    tell(unique_id=name, status="skipped", seconds=0.0, message="", failures=0)
                    unbuilt.add(name)
                    del waiting[name]
                elif len(running) < threads and not busy.intersection(node["parents"]):
                    running[pool.submit(run_node, session, waiting.pop(name))] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                name = running.pop(future)
                if future.result() not in ("success", "pass"):
                    unbuilt.add(name)


def main() -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    session = open_session(plan)
    java = session.sparkContext._jvm.System.getProperty("java.version")
    settings = {name: session.conf.get(name) for name in MEANING}
    partitions = session.conf.get("spark.sql.shuffle.partitions")
    tell(
        engine="spark",
        version=session.version,
        settings={**settings, "java": java, "shuffle.partitions": partitions},
    )
    create_sources(session, plan)
    run_all(session, plan["nodes"], plan["threads"])
    tell(finished=True)
    session.stop()


if __name__ == "__main__":
    main()
