"""What releases cost: a release after one new day, the difference of neighbours, verifying thirty.

On a copy of a province that was run up to the day before the demo's last (`make run` leaves one; without
it the demo is brought up):

    python -m benchmarks.releases [--data data] [--nights 30]

The copy's lake is made anew. The first two releases are real nights, the others a day's worth of changed
dossiers written into the warehouse by hand: thirty builds would measure the build.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from benchmarks.results import Figure, write_results
from pipelines import duck
from pipelines.explain.difference import find_difference
from pipelines.explain.trace import trace_row
from pipelines.exports.registry import enabled_exports
from pipelines.exports.remade import verify_all
from pipelines.lake.catalogue import open_lake
from pipelines.landing.pull import land_partition
from pipelines.landing.reference import land_reference
from pipelines.landing.withdrawals import list_remaining
from pipelines.night import write_export
from pipelines.quality.validate import find_pending, validate_batches
from pipelines.releases.publish import publish
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import load_contracts
from pipelines.warehouse.build import finish_build, prepare_warehouse
from pipelines.warehouse.data_tests import build_and_test
from pipelines.warehouse.dbt import ensure_manifest
from pipelines.warehouse.sealed_build import seal_build

FIRST, SECOND = datetime(2025, 8, 6, 23, 59, 59), date(2025, 8, 7)
Result = TypeVar("Result")


@contextmanager
def copy_province(data: Path) -> Iterator[Settings]:
    """The same landing and sources under a directory that is gone afterwards; the demo where there are none."""
    with tempfile.TemporaryDirectory(dir=data.parent, prefix=".bench.") as folder:
        settings = Settings(data=Path(folder))
        os.environ.update(settings.child_environment())
        if (data / "landing").exists():
            for name in ("landing", "quality", "demo", "duckdb_extensions"):
                shutil.copytree(data / name, Path(folder) / name, symlinks=True)
        else:
            for word in ("demo", "run"):
                subprocess.run([sys.executable, "-m", "pipelines.cli", word], check=True)
        yield settings


def build_warehouse(settings: Settings, as_of: datetime | None) -> None:
    """Validate what is pending, build the warehouse; RuntimeError where dbt fails."""
    contracts = load_contracts(settings.sources_file)
    for source in contracts.sources.values():
        batches = list_remaining(settings.landing, source.name)
        validate_batches(source, find_pending(source, batches, settings.quality), settings)
    ensure_manifest(settings)
    at = prepare_warehouse(settings, contracts, as_of)
    failed = [r.unique_id for r in build_and_test(settings) if r.failed]
    if failed:
        raise RuntimeError(f"dbt failed: {failed}")
    finish_build(settings, at)


def change_dossiers(settings: Settings, night: int) -> None:
    """One dossier in forty changes its state, as on an ordinary night."""
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute(
            "update marts.dossier_register set days_late = coalesce(days_late, 0) + 1 "
            f"where hash(dossier_code) % 40 = {night % 40:d}"
        )
        con.execute("update raw.finished_build set input_sha256 = input_sha256 || '.'")
    seal_build(settings)


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--data", type=Path, default=Path(os.environ.get("THONGSUOT_DATA", "data")))
    words.add_argument("--nights", type=int, default=30)
    options = words.parse_args()
    table, figures = Table("what", "wall s", "CPU s", "goal s"), list[Figure]()

    def timed(what: str, goal: str, call: Callable[[], Result]) -> Result:
        wall, cpu = time.monotonic(), time.process_time()
        result = call()
        seconds = time.monotonic() - wall
        took, used = f"{seconds:.2f}", f"{time.process_time() - cpu:.2f}"
        table.add_row(what, took, used, goal)
        figures.append(Figure(what, seconds, "s", float(goal) if goal else None))
        print(f"{what}: {took} s", file=sys.stderr, flush=True)
        return result

    with copy_province(options.data.resolve()) as settings:
        timed("build of the whole history", "", lambda: build_warehouse(settings, FIRST))
        timed("first release, everything new", "", lambda: publish(
            settings, run_id="1", author="bench", reason="first"))  # fmt: skip
        contracts = load_contracts(settings.sources_file)
        for source in contracts.sources.values():
            path = source.partitioning == "snapshot_day" and source.resolved_path(settings.data, str(SECOND))
            if not path or path.exists():
                land_partition(source, SECOND, settings, run_id="2")
        land_reference(contracts, settings, run_id="2")
        timed("build with one more day", "", lambda: build_warehouse(settings, None))
        second = timed("a release after one new day", "5", lambda: publish(
            settings, run_id="2", author="bench", reason="second"))  # fmt: skip
        assert second.is_new, second.why
        with open_lake(settings) as con:
            changes = timed("difference of neighbours", "3", lambda: find_difference(con, 1, 2))
        assert changes.rates and changes.rates[0].parts
        key = [str(SECOND), "province", "since_start"]
        timed("trace of the province's rate", "", lambda: trace_row(settings, "online_submission_rate", key))
        for night in range(3, options.nights + 1):
            change_dossiers(settings, night)
            publish(settings, run_id=str(night), author="bench", reason=f"night {night}")
        timed("exports of the newest release", "", lambda: [
            write_export(settings, export) for export in enabled_exports(settings)])  # fmt: skip
        whole = timed(
            f"verify of {options.nights} releases and the exports", "60", lambda: verify_all(settings)
        )
        assert whole.findings == [] and whole.kept == options.nights
    Console().print(table)
    write_results("releases", figures)


if __name__ == "__main__":
    main()
