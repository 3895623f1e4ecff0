"""A whole `thongsuot run` killed in a stage and ended by the next, while a reader polls."""

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

from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from pipelines.warehouse.data_tests import build_models
from tests import crashing, nights
from tests.conftest import Province
from tests.golden.rows import read_golden
from tests.support.boundaries import EXTENT
from tests.support.copies import copy_installation

pytestmark = pytest.mark.slow
DAY = "2025-08-07"
EVE, LAST = 1, 2  # the release of the night before, and that of the day


def copy(province: Province, data: Path) -> Settings:
    """The small province on the eve of the day, free to be spoilt."""
    copy_installation(province.settings.data, data, "demo", "dbt")
    (data / "demo").symlink_to(province.settings.data / "demo")
    return Settings(data=data)


def hash_marts(settings: Settings, release_id: int) -> dict[str, str]:
    """Content hashes of all tables but the books, which name batches and so differ between two landings."""
    with open_lake(settings) as con:
        marts = ledger.find_release(ledger.list_releases(con), release_id).marts
    return {name: m.sha256 for name, m in marts.items() if name.startswith(("marts.", "audit.headline"))}


def start_run(settings: Settings) -> subprocess.Popen[str]:
    """The operator's command, a process group of its own."""
    environment = {
        **os.environ, "THONGSUOT_DATA": str(settings.data), "THONGSUOT_EXPORTS": "marts_duckdb",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run", "--partition", DAY],
        env=environment, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def killed_when(settings: Settings, happened: Callable[[], bool]) -> None:
    run = start_run(settings)
    while not happened():
        code = run.poll()
        assert code is None, f"the run ended ({code}) before its moment came: {run.communicate()[0][-3000:]}"
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
        is_last = False
        while not is_last:
            is_last = self.stopped.wait(1)  # each look opens the lake and counts every mart
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
    row_counts = con.execute(
        f"select mart, row_count from {audit}.release_marts where release_id = {newest}"
    ).fetchall()
    assert {name for name, _ in row_counts} == read_golden("small").keys()
    for name, rows in row_counts:
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


def is_sound(reader: Reader, last: int = LAST) -> None:
    """No error, no missing mart, no mixture, and never back to an older release."""
    assert reader.errors == []
    for where in ("lake", "file"):
        seen = [release for place, release in reader.seen if place == where]
        assert {EVE, last} <= set(seen) <= set(range(EVE, last + 1)) and seen == sorted(seen), where


def run_undisturbed(settings: Settings) -> None:
    """The same night by the stages alone, with the project's compiled SQL."""
    nights.run_night(settings, DAY, build=build_models, exports=())


@EXTENT
def test_a_run_killed_in_a_stage_is_ended_by_the_next_as_if_nothing_had_happened(
    small_province: Province, compiled: Settings, tmp_path: Path, every: bool
) -> None:
    """Killed in the build; with `every`, in each stage, and ended by two at once: one release all the same.

    Two at once of landing, validation and publishing are tried on every run (test_crash_night, _release).
    """
    undisturbed = copy(small_province, tmp_path / "undisturbed")
    shutil.copytree(compiled.dbt_target, undisturbed.dbt_target)
    crashing.ask_in_child(run_undisturbed, undisturbed)

    eve = copy(small_province, tmp_path / "data")
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
        for stage in moments if every else ("build",):
            killed_when(eve, moments[stage])
        runs = [start_run(eve) for _ in range(2 if every else 1)]
        outputs = [run.communicate()[0] for run in runs]
    assert {run.returncode for run in runs} == {0}, outputs
    # Killed in the export, the release was there already.
    assert ["no new release" in output for output in outputs] == ([True, True] if every else [False])
    is_sound(reader)
    assert hash_marts(eve, LAST) == hash_marts(undisturbed, LAST)
    result = verify_releases(eve)
    assert (result.findings, result.releases) == ([], LAST)
