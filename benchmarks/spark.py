"""What a build costs on DuckDB, on Spark in one process, and on a Spark of two workers: wall, CPU and memory, by rows.

On a copy of a province that was run, with `make install-spark`:

    python -m benchmarks.spark [--data data] [--times 1 10] [--engines duckdb local cluster]

The larger province is the same one with every dossier so many times (benchmarks/marts.py). Seeds, models and data tests
are built, each engine in processes of its own; memory is the peak of each kind of process, CPU of all together.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.marts import BUILD, multiply_dossiers
from benchmarks.releases import copy_province
from benchmarks.spark_cluster import Cluster, run_cluster
from pipelines import duck
from pipelines.settings import Settings, SparkSettings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import prepare_warehouse
from pipelines.warehouse.compiled import read_compiled_for_spark
from pipelines.warehouse.dbt import ensure_manifest

ENGINES = ("duckdb", "local", "cluster")
EVERY_SECONDS = 0.3


class EngineCost(NamedTuple):
    """`mib`: kind of process → its peak; `is_whole`: it came to its end within the time it had."""

    engine: str
    rows: int
    wall: float
    cpu: float
    mib: Mapping[str, float]
    is_whole: bool


def measure_processes(
    command: Sequence[str], environment: Mapping[str, str], others: Sequence[int], limit: float
) -> EngineCost:
    """Run it to its end, or for `limit` seconds; RuntimeError where it fails. `others`: processes whose children work
    for it too."""
    start, cpu, mib = time.monotonic(), dict[int, float](), dict[str, float]()
    before = {p.pid: _read_cpu(p) for pid in others for p in _list_tree(pid)}
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, env=dict(environment), stdout=output, stderr=output)
        is_whole = True
        while process.poll() is None:
            if is_whole and time.monotonic() - start > limit:
                is_whole = False
                process.kill()  # what it started ends with it
            for member in [p for pid in (process.pid, *others) for p in _list_tree(pid)]:
                with suppress(psutil.Error):
                    cpu[member.pid] = _read_cpu(member) - before.get(member.pid, 0.0)
                    kind = _name_kind(member)
                    mib[kind] = max(mib.get(kind, 0.0), member.memory_info().rss / 2**20)
            time.sleep(EVERY_SECONDS)
        if is_whole and process.returncode:
            output.seek(0)
            raise RuntimeError(output.read().decode()[-2000:])
    return EngineCost("", 0, time.monotonic() - start, sum(cpu.values()), mib, is_whole)


def _list_tree(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _read_cpu(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _name_kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    for word, kind in (("CoarseGrained", "executor"), ("deploy.", "daemon"), ("SparkSubmit", "driver")):
        if word in words:
            return kind
    return "python"


def measure_engine(
    settings: Settings, engine: str, times: int, cluster: Cluster | None, limit: float
) -> EngineCost:
    prepare_warehouse(settings, load_contracts(settings.sources_file))
    rows = multiply_dossiers(settings, times)
    with duck.connect(settings.extensions, settings.warehouse) as con:
        if times > 1:  # a view of the raw schema means accepted files; this one is of another
            con.execute("create or replace table raw.many as from raw.dossier_log")
            con.execute("drop view raw.dossier_log; alter table raw.many rename to dossier_log")
    spark = cluster.spark if cluster else SparkSettings()
    environment = {
        **os.environ,
        **settings.child_environment(),
        "THONGSUOT_ENGINE": "duckdb" if engine == "duckdb" else "spark",
        "THONGSUOT_SPARK_MASTER": spark.master,
        "THONGSUOT_SPARK_MEMORY": spark.memory,
        "THONGSUOT_SPARK_SETTINGS": " ".join(f"{name}={value}" for name, value in spark.settings.items()),
    }
    others = [worker.process.pid for worker in cluster.workers] if cluster else []
    cost = measure_processes([sys.executable, "-c", BUILD], environment, others, limit)
    return cost._replace(engine=engine, rows=rows)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--data", type=Path, default=Path(os.environ.get("THONGSUOT_DATA", "data")))
    words.add_argument("--times", type=int, nargs="+", default=[1, 10])
    words.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    words.add_argument("--seconds", type=float, default=3600, help="give a build up after so many")
    words.add_argument("--json", type=Path, help="write the figures there, too")
    options = words.parse_args()
    costs: list[EngineCost] = []
    with copy_province(options.data.resolve()) as settings:
        ensure_manifest(settings)
        read_compiled_for_spark(settings)
        for engine in options.engines:
            for times in options.times:
                with ExitStack() as stack:
                    cluster = None
                    if engine == "cluster":
                        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
                        cluster = stack.enter_context(run_cluster(folder, memory="1g"))
                    costs.append(measure_engine(replace(settings), engine, times, cluster, options.seconds))
                    print(costs[-1], file=sys.stderr, flush=True)  # a later one may not end
    Console().print(make_table(costs))
    if options.json:
        options.json.write_text(json.dumps([cost._asdict() for cost in costs], indent=1), encoding="utf-8")


def make_table(costs: Sequence[EngineCost]) -> Table:
    """A row per engine and size; the price of rows beside the smallest of the same engine."""
    table = Table(
        "engine",
        "log rows",
        "wall s",
        "CPU s",
        "peak MiB by process",
        "per added million rows: wall s",
        "CPU s",
    )
    for cost in costs:
        base = next(c for c in costs if c.engine == cost.engine)
        added = (cost.rows - base.rows) / 1e6
        peaks = ", ".join(f"{kind} {mib:.0f}" for kind, mib in sorted(cost.mib.items()))
        more = [
            f"{(large - small) / added:.1f}" if added and cost.is_whole and base.is_whole else ""
            for large, small in ((cost.wall, base.wall), (cost.cpu, base.cpu))
        ]
        wall = f"{cost.wall:.0f}" if cost.is_whole else f"not whole after {cost.wall:.0f}"
        table.add_row(cost.engine, f"{cost.rows:,}", wall, f"{cost.cpu:.0f}", peaks, *more)
    return table


if __name__ == "__main__":
    main()
