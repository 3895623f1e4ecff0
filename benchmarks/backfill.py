"""A year of days of the log pulled, validated, built and published by one run; and the same killed half-way and run again.

The demo's log, repeated backwards until it covers the year: times and codes of each repetition are its own. Days pulled
twice are those with more than one batch. Both ways must publish the same marts.

    python -m benchmarks.backfill [--scale 0.02] [--days 365]
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from benchmarks.results import Figure, write_results
from pipelines import duck
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.landing.batches import list_batches
from pipelines.settings import PROJECT, Settings

THONGSUOT = [sys.executable, "-m", "pipelines.cli"]
LOG = "dossier_log"
TABLE = "lite.ho_so_trang_thai"
CODE = "MaHoSo"
TIMES = {
    "%Y%m%d%H%M%S": (
        "NgayNopHoSo", "NgayTiepNhan", "NgayHenTra", "NgayKetThucXuLy", "NgayTra", "NgayTuChoi",
    ),
    "%Y-%m-%d %H:%M:%S": ("ThoiDiemXuLy", "ThoiGianDongBo"),
}  # fmt: skip


class Cost(NamedTuple):
    wall: float
    cpu: float
    output: str


def prepare(folder: Path, scale: float, days: int) -> dict[str, str]:
    """A demo whose log covers so many days; returns the environment of a run over it."""
    environment = {**os.environ, "THONGSUOT_DATA": str(folder)}
    run([*THONGSUOT, "demo", "--scale", str(scale)], environment)
    contracts = (PROJECT / "sources.yaml").read_text(encoding="utf-8")
    first, last = (
        date.fromisoformat(re.search(rf"^{key}: (\S+)", contracts, re.MULTILINE)[1])  # type: ignore[index]
        for key in ("first_day", "last_day")
    )
    start, span = last - timedelta(days=days - 1), (last - first).days + 1
    with duck.connect(folder / "extensions") as con:
        con.execute(f"attach {duck.literal(folder / 'demo' / 'one_stop.sqlite')} as lite (type sqlite)")
        con.execute(
            f"create temp table log as from {TABLE} where ThoiGianDongBo < '{last + timedelta(days=1)}'"
        )
        for number in range(1, -(-days // span)):
            con.execute(
                f"insert into {TABLE} from (select * replace ({_repeat_sql(number, span)}) from log) "
                f"where ThoiGianDongBo >= '{start}'"
            )
    sources = folder / "sources.yaml"
    sources.write_text(contracts.replace(f"first_day: {first}", f"first_day: {start}"), encoding="utf-8")
    return environment | {"THONGSUOT_SOURCES": str(sources)}


def _repeat_sql(number: int, span: int) -> str:
    """The columns of the log as they were `number` times `span` days earlier, of other dossiers."""
    columns = [f"{CODE} || '-{number}' as {CODE}"]
    for written, names in TIMES.items():
        columns += [
            f"coalesce(strftime(try_strptime({name}, '{written}') - interval {number * span} day, '{written}'), "
            f"{name}) as {name}"
            for name in names
        ]
    return ", ".join(columns)


def run(words: list[str], environment: dict[str, str]) -> Cost:
    """To its end; RuntimeError with its last words where it fails."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    ended = subprocess.run(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise RuntimeError(f"{' '.join(words)} failed:\n{ended.stdout[-3000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, ended.stdout)


def run_until_half(settings: Settings, environment: dict[str, str], days: int) -> int:
    """Killed once half of the days are batches; returns how many were by then."""
    process = subprocess.Popen(
        [*THONGSUOT, "run"], env=environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while len(list((settings.landing / LOG).glob("*/*.json"))) < days // 2:
            if process.poll() is not None:
                raise RuntimeError("the run ended before half of the days were landed")
            time.sleep(0.01)
    finally:  # also where the benchmark itself is stopped: a terminal's Ctrl-C does not reach another session
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return len(list(list_batches(settings.landing, LOG)))


def read_marts(settings: Settings) -> dict[str, str]:
    with open_lake(settings) as con:
        marts = list_releases(con)[-1].marts
    return {name: mart.sha256 for name, mart in marts.items() if name.startswith("marts.")}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.backfill")
    parser.add_argument("--scale", type=float, default=0.02, help="1 = the whole demo province")
    parser.add_argument("--days", type=int, default=365)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="thongsuot-backfill-") as name:
        whole, stopped = Path(name) / "whole", Path(name) / "stopped"
        for folder in (whole, stopped):
            folder.mkdir()
        environment = prepare(whole, options.scale, options.days)
        cost = run([*THONGSUOT, "run"], environment)
        batches = list(list_batches(Settings(data=whole).landing, LOG))
        environment = prepare(stopped, options.scale, options.days)
        settings = Settings(data=stopped)
        landed = run_until_half(settings, environment, options.days)
        resumed = run([*THONGSUOT, "run"], environment)
        again = list(list_batches(settings.landing, LOG))
        if read_marts(Settings(data=whole)) != read_marts(settings):
            raise RuntimeError("the run that was killed and resumed published other marts")
    days = len({batch.partition for batch in batches})
    landed_days, validated_days = (
        set(re.findall(rf"{step} source={LOG} partition=(\S+)", cost.output))
        for step in ("landed", "validated")
    )
    days_in_output = landed_days & validated_days
    rows = sum(batch.rows for batch in batches)
    figures = [
        Figure(
            f"{days} days ({rows:,} rows) pulled, validated, built, published in one run: wall",
            cost.wall,
            "s",
        ),
        Figure("the same: CPU", cost.cpu, "CPU s"),
        Figure("the same: cores busy", cost.cpu / cost.wall, "cores"),
        Figure("days whose landing and validation the run told of", len(days_in_output), "days"),
        Figure(f"killed with {landed} days landed, run again: wall", resumed.wall, "s"),
        Figure("the same: CPU", resumed.cpu, "CPU s"),
        Figure("days pulled twice", len(again) - len({batch.partition for batch in again}), "days", 0),
    ]
    write_results("backfill", figures)
    for figure in figures:
        print(f"{figure.what}: {figure.value:.2f} {figure.unit}")


if __name__ == "__main__":
    main()
