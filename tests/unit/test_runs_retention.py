"""Old runs go with their events; the newest of each job stay, and so does what the watch asks for."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from dagster import DagsterInstance, asset, materialize

from pipelines.runs import retention
from pipelines.runs.retention import prune_runs
from pipelines.settings import Settings

DAY = 86400.0


@asset
def numbers() -> int:
    print("a line that a step printed")
    return 1


@pytest.fixture(autouse=True)
def short_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "KEEP_OF_A_JOB", 2)


def make_older(settings: Settings, run_id: str, days: int) -> None:
    moment = time.strftime("%Y-%m-%d %H:%M:%S.000000", time.gmtime(time.time() - days * DAY))
    with closing(sqlite3.connect(settings.dagster / "history" / "runs.db")) as file:
        file.execute("update runs set create_timestamp = ? where run_id = ?", [moment, run_id])
        file.commit()


def list_files(settings: Settings, run_id: str) -> list[Path]:
    return [path for path in settings.dagster.rglob("*") if run_id in str(path) and path.is_file()]


def test_old_runs_go_with_all_that_they_left_and_the_newest_stay(
    instance: DagsterInstance, settings: Settings
) -> None:
    runs = [materialize([numbers], instance=instance).run_id for _ in range(4)]
    for run_id, days in zip(runs, (900, 800, 700, 600), strict=True):
        make_older(settings, run_id, days)
    assert list_files(settings, runs[0])
    assert list(prune_runs(settings, 400, dry_run=True)) == runs[:2]
    assert list_files(settings, runs[0])
    assert list(prune_runs(settings, 400)) == runs[:2]
    for run_id in runs[:2]:
        assert list_files(settings, run_id) == [] and instance.get_run_by_id(run_id) is None
    for run_id in runs[2:]:
        assert instance.all_logs(run_id)
    assert instance.get_latest_materialization_event(numbers.key) is not None
    assert list(prune_runs(settings, 400)) == []


def test_what_is_not_old_stays(instance: DagsterInstance, settings: Settings) -> None:
    runs = [materialize([numbers], instance=instance).run_id for _ in range(4)]
    assert list(prune_runs(settings, 400)) == []
    make_older(settings, runs[0], 399)
    assert list(prune_runs(settings, 400)) == []
    make_older(settings, runs[0], 401)
    assert list(prune_runs(settings, 400)) == runs[:1]
