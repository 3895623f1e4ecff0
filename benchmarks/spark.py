"""What a build costs on DuckDB, on Spark in one process, and on a Spark of two workers: wall, CPU and memory, by rows.

On a copy of a province that was run, with `make install-spark`:

    python -m benchmarks.spark [--data data] [--times 1] [--engines duckdb local cluster] [--seconds 400]

The larger province is the same one with every dossier so many times (benchmarks/marts.py). Seeds, models and data tests
are built, each engine in processes of its own; memory is the peak of each kind of process, CPU of all together. A build
that does not end in time is recorded as such. What was measured at other sizes before stays in the results, and where an
engine has two sizes, so has the price of a million rows more.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from textwrap import indent
from typing import Any

from rich.console import Console

from benchmarks.marts import BUILD, multiply_dossiers
from benchmarks.processes import TreeCost, measure_tree
from benchmarks.releases import copy_province
from benchmarks.report import format_value
from benchmarks.results import RESULTS, Figure, read_commit, read_results, write_results
from benchmarks.spark_cluster import Cluster, run_cluster
from pipelines import duck
from pipelines.settings import Settings, SparkSettings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import prepare_warehouse
from pipelines.warehouse.compiled import read_compiled_for_spark
from pipelines.warehouse.dbt import ensure_manifest

ENGINES = {"duckdb": "DuckDB", "local": "Spark, one process", "cluster": "Spark, a master and two workers"}
PROCESSES = {"driver": "the driver", "executor": "an executor", "python": "Python", "daemon": "a daemon"}
DEAREST = 5
# Spark says how many nodes it has done, for one that does not end in time.
BUILD_ALOUD = "from pipelines.log import print_steps\nwith print_steps():\n" + indent(BUILD, "    ")


def measure_engine(settings: Settings, engine: str, times: int, memory: str, limit: float) -> dict[str, Any]:
    """One build as a point of the results."""
    rows = prepare_rows(settings, times)
    with ExitStack() as stack:
        cluster = None
        if engine == "cluster":
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=settings.data)))
            cluster = stack.enter_context(run_cluster(folder, memory=memory))
        spark = cluster.spark if cluster else SparkSettings(memory=memory)
        environment = {**os.environ, **settings.child_environment(), **describe_engine(engine, spark)}
        cost = measure_tree([sys.executable, "-c", BUILD_ALOUD], environment, list_workers(cluster), limit)
    return make_point(engine, rows, memory, cost)


def prepare_rows(settings: Settings, times: int) -> int:
    """The warehouse before a build, with every dossier so many times; returns the rows of the log."""
    prepare_warehouse(settings, load_contracts(settings.sources_file))
    rows = multiply_dossiers(settings, times)
    if times > 1:  # a view of the raw schema means accepted files; this one is of another
        with duck.connect(settings.extensions, settings.warehouse) as con:
            con.execute("create or replace table raw.many as from raw.dossier_log")
            con.execute("drop view raw.dossier_log; alter table raw.many rename to dossier_log")
    return rows


def describe_engine(engine: str, spark: SparkSettings) -> dict[str, str]:
    return {
        "THONGSUOT_ENGINE": "duckdb" if engine == "duckdb" else "spark",
        "THONGSUOT_SPARK_MASTER": spark.master,
        "THONGSUOT_SPARK_MEMORY": spark.memory,
        "THONGSUOT_SPARK_SETTINGS": " ".join(f"{name}={value}" for name, value in spark.settings.items()),
    }


def list_workers(cluster: Cluster | None) -> list[int]:
    return [worker.process.pid for worker in cluster.workers] if cluster else []


def make_point(engine: str, rows: int, memory: str, cost: TreeCost) -> dict[str, Any]:
    nodes = re.findall(r"nodes=(\d+) of=(\d+)", cost.output)
    fault = (
        f"{cost.fault}, {nodes[-1][0]} of {nodes[-1][1]} nodes done" if cost.fault and nodes else cost.fault
    )
    answers = [line for line in cost.output.splitlines() if line.startswith("{")]
    seconds = json.loads(answers[-1]) if answers and not cost.fault else {}
    return {
        "engine": engine,
        "rows": rows,
        "memory": "" if engine == "duckdb" else memory,
        "wall": round(cost.wall, 1),
        "cpu": {kind: round(used, 1) for kind, used in sorted(cost.cpu.items())},
        "mib": {kind: round(peak) for kind, peak in sorted(cost.mib.items())},
        "fault": fault,
        "dearest": dict(sorted(seconds.items(), key=lambda node: -node[1])[:DEAREST]),
        "commit": read_commit(),
        "day": str(date.today()),
    }


def merge_points(
    earlier: Sequence[dict[str, Any]], measured: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """By size and engine; a point that was measured again takes the place of the one before."""
    points = {(point["rows"], point["engine"]): point for point in (*earlier, *measured)}
    order = list(ENGINES)
    return sorted(points.values(), key=lambda point: (point["rows"], order.index(point["engine"])))


def list_figures(points: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Each point's costs, then per engine what a million rows more cost between its smallest and its largest size."""
    figures = [figure for point in points for figure in _describe_point(point)]
    for engine, label in ENGINES.items():
        whole = [point for point in points if point["engine"] == engine and not point["fault"]]
        if len(whole) > 1 and (added := (whole[-1]["rows"] - whole[0]["rows"]) / 1e6):
            wall = (whole[-1]["wall"] - whole[0]["wall"]) / added
            cpu = (sum(whole[-1]["cpu"].values()) - sum(whole[0]["cpu"].values())) / added
            figures += [
                Figure(f"a million rows more, {label}: wall", wall, "s"),
                Figure("the same: CPU", cpu, "CPU s"),
            ]
    return figures


def _describe_point(point: Mapping[str, Any]) -> Iterator[Figure]:
    fault = f" ({point['fault']})" if point["fault"] else ""
    yield Figure(
        f"{ENGINES[point['engine']]}, {point['rows'] / 1e6:.2f} million rows: wall{fault}", point["wall"], "s"
    )
    yield Figure("the same: CPU of all processes", sum(point["cpu"].values()), "CPU s")
    for kind, name in PROCESSES.items():
        if kind in point["mib"] and (kind != "daemon"):
            yield Figure(f"the same: peak memory of {name}", point["mib"][kind], "MiB")


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--data", type=Path, default=Path(os.environ.get("THONGSUOT_DATA", "data")))
    words.add_argument("--times", type=int, nargs="+", default=[1])
    words.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    words.add_argument("--seconds", type=float, default=400, help="give a build up after so many")
    words.add_argument("--memory", default="1g", help="of Spark's driver, and of each executor")
    words.add_argument("--results", type=Path, default=RESULTS)
    options = words.parse_args()
    earlier = read_results(options.results) if options.results.exists() else {}
    points = earlier["spark"].points if "spark" in earlier else []
    measured: list[dict[str, Any]] = []
    with copy_province(options.data.resolve()) as settings:
        ensure_manifest(settings)
        read_compiled_for_spark(settings)
        for times in options.times:
            for engine in options.engines:
                print(
                    f"{ENGINES[engine]}, {times} ×: at most {options.seconds:.0f} s",
                    file=sys.stderr,
                    flush=True,
                )
                measured.append(measure_engine(settings, engine, times, options.memory, options.seconds))
                print(json.dumps(measured[-1]), file=sys.stderr, flush=True)
                points = merge_points(points, measured)  # a later one may not end
                write_results("spark", list_figures(points), points, options.results)
    for figure in list_figures(points):
        Console(soft_wrap=True).print(f"{figure.what}  {format_value(figure)}", highlight=False)
    if any(point["fault"].startswith("failed") for point in measured):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
