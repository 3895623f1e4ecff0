"""What the watch sees of an installation: each condition begins, and ends where it should."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta

import pytest
import time_machine
from click.testing import CliRunner
from dagster import AssetMaterialization, DagsterInstance, DagsterRunStatus

from pipelines.cli import main
from pipelines.operations import check_machine
from pipelines.operations.disk import DiskSample, DiskUse, add_sample, forecast_days
from pipelines.operations.records import LastBackup, record_backup, record_verification
from pipelines.operations.thresholds import Thresholds
from pipelines.operations.watch import watch
from pipelines.runs.execute import END_TAG, START_TAG
from pipelines.settings import LOCAL_ZONE, Settings
from tests.support.small_lake import deliver, landed
from tests.unit.test_running import create_run
from tests.unit.watch_support import installation, look_at, now, one_release, see

__all__ = ["installation", "one_release"]

HOUR = timedelta(hours=1)
RUNS = [f"{number}1111111-1111-4111-8111-111111111111" for number in range(4)]


def test_a_sound_installation_has_nothing_to_tell(installation: Settings) -> None:
    assert see(installation) == set()


def test_nothing_published_by_the_hour_is_told_whatever_the_reason(installation: Settings) -> None:
    tomorrow = now().date() + timedelta(days=1)
    early = datetime.combine(tomorrow, datetime.min.time()) + timedelta(hours=5, minutes=59)
    late = early + timedelta(minutes=2)
    assert "release_late" not in see(installation, early)
    assert "release_late" in see(installation, late)
    shutil.rmtree(installation.lake)
    assert "release_late" in see(installation)


def test_a_run_that_found_nothing_new_is_a_sign_of_life(installation: Settings) -> None:
    late = datetime.combine(now().date() + timedelta(days=1), datetime.min.time()) + timedelta(hours=7)
    assert "release_late" in see(installation, late)
    installation.dagster.mkdir()
    with DagsterInstance.get() as instance:
        instance.report_runless_asset_event(AssetMaterialization("release"))
    shutil.rmtree(installation.lake)  # so that only the run speaks
    assert "release_late" not in see(installation)
    assert "release_late" in see(installation, late)


def test_a_failed_run_is_told_until_a_night_succeeds(installation: Settings) -> None:
    installation.dagster.mkdir()
    with DagsterInstance.get() as instance:
        create_run(instance, RUNS[0], DagsterRunStatus.FAILURE, "nightly")
        create_run(instance, RUNS[1], DagsterRunStatus.FAILURE, "withdraw")
        assert see(installation) == {"run_failed:nightly", "run_failed:withdraw"}
        create_run(instance, RUNS[2], DagsterRunStatus.SUCCESS, "withdraw")
        assert see(installation) == {"run_failed:nightly"}
        create_run(instance, RUNS[3], DagsterRunStatus.SUCCESS, "publish_only")
        assert see(installation) == set()


def days(first: str, last: str) -> dict[str, str]:
    return {START_TAG: first, END_TAG: last}


def test_a_failed_night_is_told_until_its_day_is_there(installation: Settings) -> None:
    """No later success hides it: the schedule never asks for that day again."""
    installation.dagster.mkdir()
    failure, success = DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS
    with DagsterInstance.get() as instance:
        create_run(instance, RUNS[0], failure, "nightly", days("2025-11-29", "2025-11-29"))
        create_run(instance, RUNS[1], success, "backfill", days("2025-01-01", "2025-01-31"))
        create_run(instance, RUNS[2], success, "nightly", days("2025-11-30", "2025-11-30"))
        assert see(installation) == {"run_failed:nightly"}
        create_run(instance, RUNS[3], success, "backfill", days("2025-11-28", "2025-11-30"))
        assert see(installation) == set()


def test_a_failed_night_is_over_where_nothing_of_its_day_is_missing(installation: Settings) -> None:
    """As after a build that failed: the day had landed, and a run that pulls nothing publishes it."""
    installation.dagster.mkdir()
    with DagsterInstance.get() as instance:
        create_run(
            instance, RUNS[0], DagsterRunStatus.FAILURE, "nightly", {"dagster/partition": "2025-08-05"}
        )
        create_run(instance, RUNS[1], DagsterRunStatus.SUCCESS, "publish_only")
        assert see(installation) == {"run_failed:nightly"}
        deliver(installation, day="2025-08-05")
        assert see(installation) == set()


def test_a_source_is_stale_by_its_rows_not_by_its_runs(installation: Settings) -> None:
    soon, later = now() + 29 * HOUR, now() + 31 * HOUR
    assert "source_stale:dossier_log" not in see(installation, soon)
    assert "source_stale:dossier_log" in see(installation, later)
    deliver(installation, rows=0, day="2025-08-07")  # a run that brought nothing
    assert "source_stale:dossier_log" in see(installation, later)


def test_a_finding_of_verify_is_told_and_so_is_that_nobody_verified(installation: Settings) -> None:
    assert "verify_old" in see(installation, now() + timedelta(days=8, hours=1))
    record_verification(installation, ["edited_file: marts/task is not what it was"], "head")
    assert "verify_finding" in see(installation)


def test_a_backup_is_asked_for_each_night(installation: Settings) -> None:
    assert "backup_old" not in see(installation, now() + 25 * HOUR)
    assert "backup_old" in see(installation, now() + 27 * HOUR)
    (installation.data / "operations" / "backup.json").unlink()
    assert "backup_old" in see(installation)


def test_a_scheduler_that_is_not_seen_is_told_where_schedules_are_on(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.dagster.mkdir()
    assert see(installation) == set()
    monkeypatch.setenv("THONGSUOT_SCHEDULES", "on")
    assert see(installation) == {"daemon_gone"}


def test_a_clock_before_the_first_day_is_told_and_a_run_under_it_refuses(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine whose battery is empty begins in 1970 or in 2000: its first batch is no newer than it says."""
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    with time_machine.travel(datetime(2020, 1, 1, 12, tzinfo=LOCAL_ZONE)):
        assert "clock_wrong" not in see(settings)  # made ready before its first day, for all anybody knows
        assert [one for one in check_machine.check_clock(settings) if one.level == "fail"] == []
        landed(settings, "2019-12-31")
        (incident,) = [one for key, one in look_at(settings)[0].items() if key == "clock_wrong"]
        assert "`first_day` of sources.yaml says 2025-06-01" in incident.what_en
        (clock,) = check_machine.check_clock(settings)
        assert clock.level == "fail" and "first_day" in clock.text
        result = CliRunner().invoke(main, ["run"])
    assert result.exit_code == 2
    for word in ("Nothing can be pulled", "today is 2020-01-01", "2025-06-01", "timedatectl set-ntp true"):
        assert word in result.output
    assert not (settings.data / "lake").exists()
    assert "clock_wrong" not in see(settings)


def test_what_says_a_time_to_come_is_told_and_keeps_nothing_silent(installation: Settings) -> None:
    """A clock that ran a year ahead for a night: what was written then would be fresh for a year."""
    with time_machine.travel(datetime.now(LOCAL_ZONE) + timedelta(days=365)):
        deliver(installation, day="2025-08-07")
        record_verification(installation, [], "head")
        record_backup(installation, LastBackup(str(now()), "/backup", True, 1))
    later = now() + timedelta(days=10)
    expected = {"clock_wrong", "release_late", "source_stale:dossier_log", "verify_old", "backup_old"}
    assert see(installation, later) == expected
    (incident,) = [one for key, one in look_at(installation, later)[0].items() if key == "clock_wrong"]
    assert "dossier_log 2025-08-07" in incident.what_en and "the last backup" in incident.what_en
    (clock,) = check_machine.check_clock(installation)
    assert clock.level == "fail" and "dossier_log 2025-08-07" in clock.text
    with time_machine.travel(later.replace(tzinfo=LOCAL_ZONE) - HOUR):
        deliver(installation, day="2025-08-07")
        record_verification(installation, [], "head")
        record_backup(installation, LastBackup(str(now()), "/backup", True, 1))
    assert see(installation, later) == {"release_late"}


def test_a_disk_is_told_by_its_limit_by_its_pace_and_until_it_is_relieved(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def use(free: int) -> None:
        monkeypatch.setattr(
            "pipelines.operations.conditions.measure_disk", lambda _: DiskUse(total=1000, free=free)
        )

    limits = Thresholds()
    use(101)
    assert "disk_filling" not in see(installation, thresholds=limits)
    use(99)
    assert "disk_filling" in see(installation, thresholds=limits)
    watch(installation, [], limits)
    use(105)  # above the limit, and not relieved
    assert "disk_filling" in see(installation, thresholds=limits)
    use(111)
    assert "disk_filling" not in see(installation, thresholds=limits)


def test_a_pace_needs_days_and_a_day_has_one_sample() -> None:
    samples: list[DiskSample] = []
    for day in range(1, 41):
        moment = datetime(2025, 8, 1) + timedelta(days=day)
        samples = add_sample(samples, DiskSample(f"{moment:%Y-%m-%d}T01:00:00", 10_000))
        samples = add_sample(samples, DiskSample(f"{moment:%Y-%m-%d}T23:00:00", 10_000 - 100 * day))
    assert len(samples) == 31
    # 100 a day, and 6000 are left.
    assert forecast_days(samples) == pytest.approx(60)
    assert forecast_days(samples[-3:]) is None and forecast_days([]) is None
    # A day that is still to come was measured under a wrong clock: it would stretch the pace.
    wrong = add_sample(samples[:-1], DiskSample("2026-08-01T01:00:00", 5_000))
    assert add_sample([*samples[:-1], *wrong], samples[-1]) == samples
