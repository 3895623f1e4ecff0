"""This pipeline, a hand-written DuckDB script and a plain pandas + Great Expectations script, at two sizes of the demo.

All three read the same one-stop database, type, reject and compute the dossier headline, the channel
counts, the rate by unit and the register. The scripts do less: no batches, reports or releases, no tracker,
register or ranking marts, no history of as-of days. They must agree on what they share: received, online,
returned and rejected rows, or the benchmark fails.
Whole processes are measured (CPU, wall, peak memory of the process tree's largest member), start-up and all. The margin
is what the larger size costs more, by rows that it has more: there the fixed price of either is gone.

    python -m benchmarks [--scales 1 3]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from benchmarks.results import RESULTS, Figure, write_results
from pipelines.lake.catalogue import open_lake
from pipelines.settings import Settings

HERE = Path(__file__).parent
OURS, DUCKDB, PANDAS = "this pipeline", "DuckDB script", "pandas script"
GOAL_WALL, GOAL_CPU, GOAL_MIB = 60, 75, 2048


class Cost(NamedTuple):
    wall: float
    cpu: float
    mib: float
    out: str


def measure(words: list[str], env: dict[str, str]) -> Cost:
    """Run a command to its end; RuntimeError with its last words where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, env=env)
        # wait4 gives this child's own peak; RUSAGE_CHILDREN only the largest ever.
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        out.seek(0)
        output = out.read()
    if status:
        raise RuntimeError(f"{' '.join(words)} failed:\n{output[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, usage.ru_maxrss / 1024, output)


class Round(NamedTuple):
    """One size of the demo. `costs`: by name of the way; `again`: our second run, with nothing new."""

    log_rows: int
    costs: dict[str, Cost]
    again: Cost


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--scales", type=float, nargs="+", default=[1, 3], help="1 = the whole demo province")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    console = Console()
    start_up = measure([sys.executable, "-c", "import pipelines.definitions"], dict(os.environ))
    rounds = [measure_round(scale, console) for scale in options.scales]
    figures = describe_round(rounds[0])
    figures.append(Figure("definitions loaded", start_up.wall, "s", 5))
    if len(rounds) > 1:
        figures += describe_margin(rounds[0], rounds[-1])
    points = [{"log_rows": r.log_rows, "pandas": round(r.costs[PANDAS].cpu, 1)} for r in rounds]
    write_results("line", figures, points, options.results)
    for figure in figures:
        console.print(f"{figure.what}: {figure.value:.2f} {figure.unit}")


def measure_round(scale: float, console: Console) -> Round:
    """All three on one fresh province; RuntimeError where they do not count the same."""
    with tempfile.TemporaryDirectory(prefix="thongsuot-bench-") as folder:
        env = {**os.environ, "THONGSUOT_DATA": folder}
        thongsuot = [sys.executable, "-m", "pipelines.cli"]
        database = str(Path(folder) / "demo" / "one_stop.sqlite")
        measure([*thongsuot, "demo", "--scale", str(scale)], env)
        commands = {
            OURS: [*thongsuot, "run"],
            DUCKDB: [sys.executable, str(HERE / "duckdb_script.py"), database],
            PANDAS: [sys.executable, str(HERE / "pandas_gx_script.py"), database],
        }
        costs = {}
        for name, command in commands.items():
            with console.status(f"{name} at scale {scale:g}"):
                costs[name] = measure(command, env)
        again = measure([*thongsuot, "run"], env)
        ours, log_rows = read_counts(Settings(data=Path(folder)))
    for name in (DUCKDB, PANDAS):
        other = json.loads(costs[name].out.splitlines()[-1])
        if other != ours:
            raise RuntimeError(f"the {name} counts {other}, we {ours}")
    return Round(log_rows, costs, again)


def describe_round(one: Round) -> list[Figure]:
    ours, plain = one.costs[OURS], one.costs[PANDAS]
    rows = f"{one.log_rows / 1e6:.2f} million rows of the log"
    figures = [
        Figure(f"source to exports, {rows}: wall", ours.wall, "s", GOAL_WALL),
        Figure("the same: CPU", ours.cpu, "CPU s", GOAL_CPU),
        Figure("the same: peak memory", ours.mib, "MiB", GOAL_MIB),
    ]
    for name in (DUCKDB, PANDAS):
        cost = one.costs[name]
        figures += [
            Figure(f"{name}, which does far less: wall", cost.wall, "s"),
            Figure("the same: CPU", cost.cpu, "CPU s"),
            Figure("the same: peak memory", cost.mib, "MiB"),
        ]
    figures += [
        Figure(f"our memory ÷ that of the {PANDAS}", ours.mib / plain.mib, "×", 0.5),
        Figure("a night with nothing new: wall", one.again.wall, "s", 12),
        Figure("the same: CPU", one.again.cpu, "CPU s"),
    ]
    return figures


def describe_margin(small: Round, large: Round) -> list[Figure]:
    """What a million more rows of the log cost, and how that compares."""
    million = (large.log_rows - small.log_rows) / 1e6
    walls = {name: (large.costs[name].wall - small.costs[name].wall) / million for name in small.costs}
    cpus = {name: (large.costs[name].cpu - small.costs[name].cpu) / million for name in small.costs}
    figures = []
    for name in small.costs:
        figures += [
            Figure(f"a million rows more, {name}: wall", walls[name], "s"),
            Figure("the same: CPU", cpus[name], "CPU s"),
        ]
    return [
        *figures,
        Figure(f"margin ÷ {DUCKDB}'s: wall", walls[OURS] / walls[DUCKDB], "×", 2),
        Figure("the same: CPU", cpus[OURS] / cpus[DUCKDB], "×", 3),
        Figure(f"margin ÷ {PANDAS}'s: wall", walls[OURS] / walls[PANDAS], "×", 1),
        Figure("the same: CPU", cpus[OURS] / cpus[PANDAS], "×", 1),
        Figure(f"peak memory at {large.log_rows / 1e6:.2f} million rows", large.costs[OURS].mib, "MiB"),
    ]


def read_counts(settings: Settings) -> tuple[dict[str, int], int]:
    """The same four counts from the newest release, and how many rows of the log it stands on."""
    with open_lake(settings) as con:
        row = con.execute(
            "select received, online, returned, (select count(distinct (batch_id, _row)) from "
            "lake.audit.rejections where source = 'dossier_log'), "
            "(select sum(rows_read) from lake.audit.batches where source = 'dossier_log') "
            "from lake.marts.online_submission_headline order by cutoff_at desc limit 1"
        ).fetchone()
    assert row is not None
    return dict(zip(("received", "online", "returned", "rejected"), row[:4], strict=True)), int(row[4])


if __name__ == "__main__":
    main()
