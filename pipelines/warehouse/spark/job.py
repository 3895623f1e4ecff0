"""The program that Spark's own Python runs: tables and views of a plan, then its tests, each told in one line of JSON.

It imports the standard library and pyspark alone, for it runs in the extra's environment: `python job.py PLAN`. It ends
when its standard input does, so that nothing of it outlives the process that started it.
"""

from __future__ import annotations

import json
import os
import re
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
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.adaptive.enabled": "true",
    "spark.scheduler.mode": "FAIR",
    "spark.sql.parquet.compression.codec": "zstd",
}
# For a node that reads little, making ready for much costs more than its rows do: programs per query, a second plan per
# stage, partitions that wait for each other.
FOR_LITTLE = {
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
RELATION = re.compile(r"`(\w+)`\.`(\w+)`")
# Tests that are one question to Spark.
TOGETHER = 20
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


class Volumes:
    """How much Parquet lies behind a query: of a table its files, of a view what it reads."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        nodes = [node for node in plan["nodes"] if "query" not in node]
        self.views = {(n["schema"], n["name"]): n["sql"] for n in nodes if n["kind"] == "view"}
        tables = [*plan["sources"], *(node for node in nodes if node["kind"] != "view")]
        self.folders = {(table["schema"], table["name"]): Path(table["location"]) for table in tables}

    def measure(self, queries: Sequence[str]) -> int:
        """Bytes; a table that several of them read counts once."""
        texts, relations = list(queries), set[tuple[str, ...]]()
        while texts:
            for relation in set(RELATION.findall(texts.pop())) - relations:
                relations.add(relation)
                if relation in self.views:
                    texts.append(self.views[relation])
        folders = [folder for relation, folder in self.folders.items() if relation in relations]
        return sum(file.stat().st_size for folder in folders for file in folder.glob("*.parquet"))


class Sessions:
    """Two of one Spark, which share their tables: a query is asked of the one that suits what it reads."""

    def __init__(self, session: Any, plan: Mapping[str, Any]) -> None:
        self.much, self.little = session, session.newSession()
        self.volumes, self.little_bytes = Volumes(plan), plan["little_bytes"]
        for name, value in FOR_LITTLE.items():
            if name not in plan["settings"]:
                self.little.conf.set(name, value)

    def choose(self, *queries: str) -> Any:
        return self.little if self.volumes.measure(queries) < self.little_bytes else self.much


def create_sources(session: Any, plan: Mapping[str, Any]) -> None:
    """Tables over the Parquet files that were laid out: raw and seeds."""
    for schema in plan["schemas"]:
        session.sql(f"create database {quote(schema)}")
    for table in plan["sources"]:
        create_table(session, table, table["columns"])


def create_table(session: Any, table: Mapping[str, Any], columns: Mapping[str, str]) -> None:
    """A name for Parquet files that are there."""
    typed = ", ".join(f"{quote(name)} {kind}" for name, kind in columns.items())
    relation = quote(table["schema"], table["name"])
    session.sql(f"create table {relation} ({typed}) using parquet location '{table['location']}'")


def build(session: Any, node: Mapping[str, Any]) -> None:
    """The view or table of a node; NotAsPromised where its columns, types or NULLs are not those of its contract."""
    if node["kind"] == "view":
        session.sql(f"create view {quote(node['schema'], node['name'])} as {node['sql']}")
        return
    rows = session.sql(node["sql"])
    columns = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
    if node["columns"]:
        check_columns(columns, {name: kind for name, (kind, _) in node["columns"].items()})
        rows = rows.select(*map(quote, node["columns"]))
        columns = {name: columns[name] for name in node["columns"]}
    write_rows(rows, node["location"], [name for name, (_, needed) in node["columns"].items() if needed])
    create_table(session, node, columns)


def check_columns(present: Mapping[str, str], promised: Mapping[str, str]) -> None:
    differing = [
        f"{name} is {present.get(name, 'missing')}, the contract says {promised.get(name, 'nothing of it')}"
        for name in dict.fromkeys([*promised, *present])
        if present.get(name) != promised.get(name)
    ]
    if differing:
        raise NotAsPromised(f"its columns are not those of its contract: {'; '.join(differing)}")


def write_rows(rows: Any, location: str, required: Sequence[str]) -> None:
    """What DuckDB's constraint refuses is counted while the rows pass: a query of its own would read them again."""
    from pyspark.sql import Observation, functions

    if not required:
        rows.write.parquet(location)
        return
    nulls = Observation()
    counts = [functions.count_if(functions.col(quote(name)).isNull()).alias(name) for name in required]
    rows.observe(nulls, *counts).write.parquet(location)
    if missing := [name for name in required if nulls.get[name]]:
        raise NotAsPromised(f"NOT NULL constraint failed: {', '.join(missing)}")


def count_failing(session: Any, queries: Sequence[str]) -> list[int]:
    """Of each query its rows, asked together: what a question costs by itself is more than small tables do."""
    parts = " union all ".join(
        f"select {number} as query from (\n{query}\n) as rows_{number}"
        for number, query in enumerate(queries)
    )
    counts = session.sql(f"select query, count(*) from ({parts}) as failing_rows group by query").collect()
    failing = {number: int(count) for number, count in counts}
    return [failing.get(number, 0) for number in range(len(queries))]


def run_model(sessions: Sessions, node: Mapping[str, Any]) -> str:
    """One model to its end; returns its status."""
    start = time.monotonic()
    status, message = "success", ""
    try:
        build(sessions.choose(node["sql"]), node)
    except Exception as error:  # whatever Spark or Java says of it belongs to the node
        status, message = "error", describe_error(error)
    tell_end(node, status, time.monotonic() - start, message)
    return status


def run_tests(sessions: Sessions, tests: Sequence[Mapping[str, Any]]) -> None:
    """Several at once; each alone where one of them cannot be asked."""
    start = time.monotonic()
    try:
        queries = [test["query"] for test in tests]
        counts = count_failing(sessions.choose(*queries), queries)
    except Exception as error:
        if len(tests) == 1:
            tell_end(tests[0], "error", time.monotonic() - start, describe_error(error))
        else:
            for test in tests:
                run_tests(sessions, [test])
        return
    seconds = (time.monotonic() - start) / len(tests)
    for test, failures in zip(tests, counts, strict=True):
        message = f"Got {failures} results, configured to fail if != 0" if failures else ""
        tell_end(test, "fail" if failures else "pass", seconds, message, failures)


def describe_error(error: Exception) -> str:
    return str(error).split("\n\nJVM stacktrace")[0][:2000]


def tell_end(
    node: Mapping[str, Any], status: str, seconds: float = 0.0, message: str = "", failures: int = 0
) -> None:
    tell(unique_id=node["unique_id"], status=status, seconds=seconds, message=message, failures=failures)


def run_models(sessions: Sessions, models: Sequence[Mapping[str, Any]], threads: int) -> set[str]:
    """Each after its parents, several at a time; what rests on one that failed is skipped. Returns the unbuilt."""
    waiting = {node["unique_id"]: node for node in models}
    unbuilt: set[str] = set()
    running: dict[Future[str], str] = {}
    with ThreadPoolExecutor(threads) as pool:
        while waiting or running:
            busy = {*waiting, *running.values()}
            for name, node in list(waiting.items()):
                if unbuilt.intersection(node["parents"]):
                    tell_end(node, "skipped")
                    unbuilt.add(name)
                    del waiting[name]
                elif len(running) < threads and not busy.intersection(node["parents"]):
                    running[pool.submit(run_model, sessions, waiting.pop(name))] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                name = running.pop(future)
                if future.result() != "success":
                    unbuilt.add(name)
    return unbuilt


def run_all(sessions: Sessions, nodes: Sequence[Mapping[str, Any]], threads: int) -> None:
    """Models, then every test of what was built; those of the same tables together."""
    unbuilt = run_models(sessions, [node for node in nodes if "query" not in node], threads)
    ready = []
    for test in [node for node in nodes if "query" in node]:
        if unbuilt.intersection(test["parents"]):
            tell_end(test, "skipped")
        else:
            ready.append(test)
    ready.sort(key=lambda test: test["parents"])
    groups = [ready[start : start + TOGETHER] for start in range(0, len(ready), TOGETHER)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda group: run_tests(sessions, group), groups))


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
        settings={
            **settings,
            "java": java,
            "shuffle.partitions": partitions,
            "little.bytes": str(plan["little_bytes"]),
        },
    )
    create_sources(session, plan)
    run_all(Sessions(session, plan), plan["nodes"], plan["threads"])
    tell(finished=True)
    session.stop()


if __name__ == "__main__":
    main()
