"""What history costs: the first night of a province and the night after it, with the log once and so many times.

On a copy of a province that was run (`make run` leaves one; without it the demo is brought up):

    python -m benchmarks.history [--data data] [--times 1 4]

Every day of the log stands there again, so many times ten weeks earlier, with dossiers of its own: accepted batches
with their reports, as validation leaves them (52 times are ten years and 78 million rows). Earlier are only dossiers that
ended: an office has some months of open ones, however old its log, and those would be open for ever. Whole commands are measured:
the first release of all of it but the newest day; the night that pulls this day, out of the build before and (up to ten
times) from nothing, which must give the same tables; then what people ask of the new release.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from rich.console import Console

from benchmarks.__main__ import Cost, measure
from benchmarks.readers import DASHBOARD_QUERIES
from benchmarks.releases import copy_province
from benchmarks.results import RESULTS, Figure, write_results
from pipelines import duck
from pipelines.explain.difference import find_difference
from pipelines.lake.catalogue import open_lake
from pipelines.lake.content_hash import Content
from pipelines.lake.ledger import list_releases
from pipelines.landing.batches import hash_file, read_json, write_json
from pipelines.operations.disk import measure_parts
from pipelines.settings import PROJECT, Settings
from pipelines.sources.contracts.contract import load_contracts

LOG, WEEKS, ROUNDS = "dossier_log", 10, 20
# A longer log is not built from nothing a second time: its first release says what that costs.
MOST_TIMES_ANEW = 10
STATUSES = PROJECT / "dbt_project" / "seeds" / "dossier_statuses.csv"
ROOMS = ("landing", "quality", "warehouse.duckdb", "lake")


class Province(NamedTuple):
    """What was measured with one length of the log. `verify`: the command; `query_ms`: the 95th percentile of what a
    dashboard asks; `mib`: of the landing, the accepted rows, the warehouse and the lake together."""

    log_rows: int
    days: int
    first: Cost
    night: Cost
    anew: Cost | None
    verify: Cost
    difference: float
    query_ms: float
    mib: float


def lengthen_log(settings: Settings, times: int) -> int:
    """Rows of the log after each of its days was written again `times - 1` times; sources.yaml begins with them."""
    con = duckdb.connect()
    con.execute("set preserve_insertion_order = false")
    logged = f"read_parquet({duck.literal(f'{settings.quality}/{LOG}/*/*.accepted.parquet')})"
    ends = f"select status_code from read_csv({duck.literal(STATUSES)}) where is_end"
    con.execute(
        f"create table ended as select distinct dossier_code from {logged} where status_code in ({ends})"
    )
    for landed in sorted((settings.landing / LOG).glob("*/*.json")):
        day = landed.parent.name
        for copy in range(1, times):
            _write_earlier(con, settings, landed, day, copy)
    shift = timedelta(weeks=WEEKS * (times - 1))
    contracts = load_contracts(settings.sources_file)
    text = settings.sources_file.read_text(encoding="utf-8")
    for name, first in (("counts_since", contracts.place.counts_since), ("first_day", contracts.first_day)):
        text = text.replace(f"{name}: {first}", f"{name}: {first - shift}")
    settings.sources_file.write_text(text, encoding="utf-8")
    return int(con.execute(f"select count(*) from {logged}").fetchall()[0][0])


def _write_earlier(
    con: duckdb.DuckDBPyConnection, settings: Settings, landed: Path, day: str, copy: int
) -> None:
    """A day's batch, `copy` times ten weeks before, accepted; what landed is the same file. Table `ended` is there."""
    weeks = WEEKS * copy
    earlier = str(date.fromisoformat(day) - timedelta(weeks=weeks))
    report_path = settings.quality / LOG / day / landed.name
    accepted = report_path.with_name(f"{landed.stem}.accepted.parquet")
    batch_id = f"{landed.stem}-{copy}"
    folders = [settings.landing / LOG / earlier, settings.quality / LOG / earlier]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    rows, columns = f"read_parquet({duck.literal(accepted)})", []
    for name, kind in [row[:2] for row in con.execute(f"describe from {rows}").fetchall()]:
        if kind in ("DATE", "TIMESTAMP"):
            columns.append(f"({name} - interval {weeks} week)::{kind} as {name}")
    target = folders[1] / f"{batch_id}.accepted.parquet"
    [(kept,)] = con.execute(
        f"copy (select * replace ({', '.join(columns)}, {duck.literal(batch_id)} as batch_id, "
        f"dossier_code || '-{copy}' as dossier_code) from {rows} "
        f"where dossier_code in (from ended)) to {duck.literal(target)} {duck.PARQUET}"
    ).fetchall()
    (folders[0] / f"{batch_id}.parquet").hardlink_to(target)
    sha256 = hash_file(target)
    write_json(
        folders[0] / f"{batch_id}.json",
        read_json(landed) | {"batch_id": batch_id, "partition": earlier, "sha256": sha256, "rows": kept},
    )
    write_json(
        folders[1] / f"{batch_id}.json",
        read_json(report_path)
        | {
            "batch_id": batch_id,
            "partition": earlier,
            "rows_read": kept,
            "rows_accepted": kept,
            "rows_rejected": 0,
            "results": [],
        }
        | {"files": {"accepted": sha256}},
    )


def measure_province(settings: Settings, times: int) -> Province:
    """RuntimeError where a command fails, or where the night from nothing gives another release."""
    newest = max(path.name for path in (settings.landing / LOG).iterdir())
    for room in (settings.landing, settings.quality):
        shutil.rmtree(room / LOG / newest)
    rows = lengthen_log(settings, times)
    day_before = str(date.fromisoformat(newest) - timedelta(days=1))
    first = run_command(settings, "run", "--partition", day_before)
    other = replace(settings, data=settings.data.with_name(f"{settings.data.name}.anew"))
    if is_made_anew := times <= MOST_TIMES_ANEW:
        shutil.copytree(settings.data, other.data, symlinks=True)
    night = run_command(settings, "run", "--partition", newest)
    anew = None
    if is_made_anew:
        try:
            anew = run_command(other, "run", "--partition", newest, "--full")
            if read_newest_contents(settings) != read_newest_contents(other):
                raise RuntimeError("the night out of the build before is not the night from nothing")
        finally:
            shutil.rmtree(other.data)
    verify = run_command(settings, "verify")
    with open_lake(settings) as con:
        start = time.monotonic()
        find_difference(con, 1, 2)
        difference = time.monotonic() - start
    parts = measure_parts(settings)
    mib = sum(size for part, size in parts.items() if part in ROOMS) / 2**20
    days = len(list((settings.landing / LOG).iterdir()))
    return Province(rows, days, first, night, anew, verify, difference, measure_queries(settings), mib)


def run_command(settings: Settings, *words: str) -> Cost:
    environment = {**os.environ, **settings.child_environment()}
    return measure([sys.executable, "-m", "pipelines.cli", *words], environment)


def read_newest_contents(settings: Settings) -> Mapping[str, Content]:
    """Mart → rows and content hash, as the newest release has them; bookkeeping says when a batch was pulled."""
    with open_lake(settings) as con:
        tables = list_releases(con)[-1].marts
    return {name: content for name, content in tables.items() if name.startswith("marts.")}


def measure_queries(settings: Settings) -> float:
    """Milliseconds: the 95th percentile of what a dashboard asks of the lake, one connection, after one round."""
    milliseconds = []
    with open_lake(settings) as con:
        for number in range(ROUNDS + 1):
            for query in DASHBOARD_QUERIES:
                start = time.perf_counter()
                con.execute(query.format(marts="lake.marts")).fetchall()
                if number:
                    milliseconds.append(1000 * (time.perf_counter() - start))
    return statistics.quantiles(milliseconds, n=100)[94]


def describe_province(one: Province) -> list[Figure]:
    rows = f"{one.log_rows / 1e6:.2f} million rows, {one.days} days"
    return [
        Figure(f"{rows}: first release, wall", one.first.wall, "s"),
        Figure("CPU", one.first.cpu, "CPU s"),
        Figure("peak memory", one.first.mib, "MiB", 6144),
        Figure("a night with one more day, wall", one.night.wall, "s"),
        Figure("CPU", one.night.cpu, "CPU s"),
        Figure("peak memory", one.night.mib, "MiB"),
        *(
            [
                Figure("the same night from nothing (--full), wall", one.anew.wall, "s"),
                Figure("CPU", one.anew.cpu, "CPU s"),
            ]
            if one.anew
            else []
        ),
        Figure("verify of both releases, wall", one.verify.wall, "s"),
        Figure("what changed between them (releases diff)", one.difference, "s", 3),
        Figure("what a dashboard asks, p95", one.query_ms, "ms", 100),
        Figure("disk per million rows", one.mib / one.log_rows * 1e6, "MiB"),
    ]


def describe_growth(small: Province, large: Province) -> list[Figure]:
    """`large` is the longest; 1.5 is meant for sixty million rows beside 1.6."""
    times = large.log_rows / small.log_rows
    return [
        Figure(
            f"a night over {times:.1f} times the rows ÷ the first: wall",
            large.night.wall / small.night.wall,
            "×",
            1.5,
        ),
        Figure("CPU", large.night.cpu / small.night.cpu, "×", 1.5),
        Figure("first release ÷ the first, by rows: CPU", large.first.cpu / small.first.cpu / times, "×", 1),
        Figure("verify ÷ the first: wall", large.verify.wall / small.verify.wall, "×", 1.5),
    ]


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--data", type=Path, default=Path(os.environ.get("THONGSUOT_DATA", "data")))
    words.add_argument("--times", type=int, nargs="+", default=[1, 4])
    words.add_argument("--results", type=Path, default=RESULTS)
    options = words.parse_args()
    console, measured = Console(), list[Province]()
    for times in options.times:
        with copy_province(options.data.resolve()) as copy:
            sources = copy.data / "sources.yaml"
            shutil.copyfile(copy.sources_file, sources)
            settings = replace(copy, sources_file=sources)
            measured.append(measure_province(settings, times))
        for figure in describe_province(measured[-1]):
            console.print(f"{figure.what}: {figure.value:.2f} {figure.unit}")
    figures = [figure for one in measured for figure in describe_province(one)]
    if len(measured) > 1:
        figures += describe_growth(measured[0], measured[-1])
    # Where nothing was built from nothing a second time, the first release stands for it.
    points: list[dict[str, Any]] = [
        {
            "log_rows": one.log_rows,
            "night": round(one.night.cpu, 1),
            "anew": round((one.anew or one.first).cpu, 1),
        }
        for one in measured
    ]
    write_results("history", figures, points, options.results)


if __name__ == "__main__":
    main()
