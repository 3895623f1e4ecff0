"""A whole `thongsuot run` killed in every stage, and started twice at once, while a reader polls (DESIGN §2.4)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from pipelines.releases import ledger
from pipelines.releases.lake import open_lake
from pipelines.releases.verify import verify
from pipelines.settings import Settings

pytestmark = pytest.mark.slow
DAY = "2025-08-07"
EVE, LAST = 4, 5  # the release of the night before, and that of the day (tests/week.py)


@pytest.fixture
def eve(week: Settings, tmp_path: Path) -> Settings:
    """The tiny province on the eve of its last day, free to be spoilt."""
    data = tmp_path / "data"
    shutil.copytree(week.data.with_name(f"{week.data.name}.eve"), data, symlinks=True)
    return Settings(data=data, sources_file=data / "sources.yaml")


def numbers(settings: Settings, release_id: int) -> dict[str, str]:
    """Content hashes of all tables but the books, which name batches and so differ between two landings."""
    with open_lake(settings) as con:
        marts = ledger.find(ledger.releases(con), release_id).marts
    return {name: m.sha256 for name, m in marts.items() if name.startswith(("marts.", "audit.headline"))}


def started(settings: Settings) -> subprocess.Popen[str]:
    """The operator's command, a process group of its own."""
    environment = {
        **os.environ, "THONGSUOT_DATA": str(settings.data), "THONGSUOT_EXPORTS": "marts_duckdb",
        "THONGSUOT_SOURCES": str(settings.sources_file),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run", "--partition", DAY],
        env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def killed_when(settings: Settings, happened: Callable[[], bool]) -> None:
    run = started(settings)
    while not happened():
        told = run.poll()
        assert told is None, f"the run ended ({told}) before its moment came: {run.communicate()[0][-3000:]}"
        time.sleep(0.002)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()


class Reader(threading.Thread):
    """Asks the lake and the exported file again and again; keeps what it saw and every error."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings, self.stopped = settings, threading.Event()
        self.seen: list[tuple[str, int]] = []
        self.errors: list[str] = []

    def run(self) -> None:
        while not self.stopped.wait(0.1):
            try:
                with open_lake(self.settings) as con:
                    con.execute("begin")
                    self.seen.append(("lake", whole(con, "lake.audit", "lake.marts")))
                with duckdb.connect(str(self.settings.exports / "marts.duckdb"), read_only=True) as con:
                    self.seen.append(("file", whole(con, "audit", "main")))
            except Exception as error:
                self.errors.append(f"{type(error).__name__}: {error}")


def whole(con: duckdb.DuckDBPyConnection, audit: str, marts: str) -> int:
    """The newest release, every mart of which is there with the rows that the ledger says it has."""
    (newest,) = con.execute(f"select max(release_id) from {audit}.releases").fetchone()
    held = con.execute(
        f"select mart, row_count from {audit}.release_marts where release_id = {newest}"
    ).fetchall()
    assert len(held) > 20
    for name, rows in held:
        schema, table = name.split(".")
        place = marts if schema == "marts" else audit
        (there,) = con.execute(f"select count(*) from {place}.{table}").fetchone()
        assert there == rows, f"{name} of release {newest}: {there} rows, {rows} published"
    return int(newest)


@contextmanager
def read_throughout(settings: Settings) -> Iterator[Reader]:
    reader = Reader(settings)
    reader.start()
    try:
        yield reader
    finally:
        reader.stopped.set()
        reader.join()


def is_sound(reader: Reader) -> None:
    """No error, no missing mart, no mixture, and never back to the older release."""
    assert reader.errors == []
    for where in ("lake", "file"):
        seen = [release for place, release in reader.seen if place == where]
        assert set(seen) == {EVE, LAST} and seen == sorted(seen), where


def test_a_run_killed_in_every_stage_is_ended_by_the_next_as_if_nothing_had_happened(
    week: Settings, eve: Settings
) -> None:
    landed = eve.landing / "dossier_log" / DAY
    built = eve.warehouse.stat().st_mtime_ns
    lake_files = set(eve.lake.rglob("*.parquet"))
    moments = {
        "landing": lambda: any(landed.glob("*.parquet")),
        "validation": lambda: any((eve.quality / "dossier_log").glob(f"{DAY}/*")),
        "build": lambda: eve.warehouse.stat().st_mtime_ns != built,
        "publish": lambda: bool(set(eve.lake.rglob("*.parquet")) - lake_files),
        "export": lambda: (eve.exports / "marts.partial").exists(),
    }
    with read_throughout(eve) as reader:
        for moment in moments.values():
            killed_when(eve, moment)
        last = started(eve)
        told, _ = last.communicate()
        assert last.returncode == 0, told[-3000:]
    is_sound(reader)
    assert numbers(eve, LAST) == numbers(week, LAST)
    assert verify(eve).findings == []


def test_two_runs_at_once_make_one_release(week: Settings, eve: Settings) -> None:
    with read_throughout(eve) as reader:
        both = [started(eve), started(eve)]
        told = [run.communicate()[0] for run in both]
    assert [run.returncode for run in both] == [0, 0], told
    is_sound(reader)
    assert numbers(eve, LAST) == numbers(week, LAST)
    result = verify(eve)
    assert (result.findings, result.releases) == ([], LAST)
