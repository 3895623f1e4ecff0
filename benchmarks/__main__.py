"""`make bench`: this pipeline, a hand-written DuckDB script, a plain pandas + Great Expectations script.

All three read the same one-stop database, type, reject and compute the dossier headline, the channel
counts, the rate by unit and the register. The scripts do less: no batches, reports or releases, no tracker,
register or ranking marts, no history of as-of days. They must agree on what they share: received, online,
returned and rejected rows, or the benchmark fails.
Whole processes are measured (CPU, wall, peak memory of the process tree's largest member), start-up apart.

    python -m benchmarks [--scale 1.0]
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
from rich.table import Table

from pipelines.lake.catalogue import open_lake
from pipelines.settings import Settings

HERE = Path(__file__).parent
GOAL_WALL, GOAL_MIB, GOAL_LOAD = 90, 2048, 8


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


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks")
    parser.add_argument("--scale", type=float, default=1.0, help="1 = the whole demo province")
    scale = parser.parse_args().scale
    console = Console()
    with tempfile.TemporaryDirectory(prefix="thongsuot-bench-") as folder:
        env = {**os.environ, "THONGSUOT_DATA": folder}
        thongsuot = [sys.executable, "-m", "pipelines.cli"]
        python = [sys.executable]
        database = str(Path(folder) / "demo" / "one_stop.sqlite")
        demo = measure([*thongsuot, "demo", "--scale", str(scale)], env)
        console.print(f"demo province at scale {scale}: {demo.wall:.1f} s (not part of any figure below)")
        rows = [
            ("this pipeline", [*thongsuot, "run"], [*python, "-c", "import pipelines.definitions"]),
            (
                "DuckDB script",
                [*python, str(HERE / "duckdb_script.py"), database],
                [*python, "-c", "import duckdb"],
            ),
            (
                "pandas + GX script",
                [*python, str(HERE / "pandas_gx_script.py"), database],
                [*python, "-c", "import pandas, sqlalchemy, great_expectations"],
            ),
        ]
        measured = []
        for name, command, start_up in rows:
            with console.status(name):
                measured.append((name, measure(command, env), measure(start_up, env)))
        again = measure([*thongsuot, "run"], env)
        ours = _ours(Settings(data=Path(folder)))
    _print(console, measured, scale)
    console.print(f"second run, nothing new: {again.wall:.1f} s wall")
    for name, cost, _ in measured[1:]:
        other = json.loads(cost.out.splitlines()[-1])
        console.print(f"the {name} counts {other}: {'as we do' if other == ours else f'but we {ours}'}")
        if other != ours:
            sys.exit(1)


def _ours(settings: Settings) -> dict[str, int]:
    """The same four counts from the newest release."""
    with open_lake(settings) as con:
        row = con.execute(
            "select received, online, returned, (select count(distinct (batch_id, _row)) from "
            "lake.audit.rejections where source = 'dossier_log') from lake.marts.online_submission_headline "
            "order by cutoff_at desc limit 1"
        ).fetchone()
    assert row is not None
    return dict(zip(("received", "online", "returned", "rejected"), row, strict=True))


def _print(console: Console, measured: list[tuple[str, Cost, Cost]], scale: float) -> None:
    table = Table(
        "",
        "wall s",
        "CPU s",
        "peak MiB",
        "start-up s",
        "net wall s",
        "wall ÷ ours",
        "CPU ÷ ours",
        "memory ÷ ours",
    )
    first = measured[0][1]
    for name, cost, start in measured:
        table.add_row(
            name, f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.mib:.0f}", f"{start.wall:.1f}",
            f"{cost.wall - start.wall:.1f}", f"{cost.wall / first.wall:.2f}", f"{cost.cpu / first.cpu:.2f}",
            f"{cost.mib / first.mib:.2f}",
        )  # fmt: skip
    console.print(table)
    if scale == 1.0:
        load = measured[0][2]
        for what, value, goal, unit in (
            ("line end to end", first.wall, GOAL_WALL, "s"),
            ("peak memory", first.mib, GOAL_MIB, "MiB"),
            ("definitions load", load.wall, GOAL_LOAD, "s"),
        ):
            met = "met" if value <= goal else "missed"
            console.print(f"goal {what} ≤ {goal} {unit}: {value:.1f} {unit}, {met}")


if __name__ == "__main__":
    main()
