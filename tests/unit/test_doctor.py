"""Each line of the doctor's can become red, names what is wrong, and leaves the other lines as they are."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.landing.batches import list_batches
from pipelines.operations import check_data, doctor
from pipelines.operations.channels import VARIABLE
from pipelines.operations.check_data import check_sources
from pipelines.operations.diagnosis import Diagnosis
from pipelines.operations.disk import DiskSample, DiskUse
from pipelines.operations.doctor import CHECKS, examine_installation
from pipelines.operations.records import record_verification
from pipelines.operations.state import WatchState, write_state
from pipelines.releases import publish as publishing
from pipelines.runs.lock import exclusive
from pipelines.settings import PROJECT, Settings
from tests.support.small_lake import build, deliver


@pytest.fixture(scope="module")
def one_release(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("examined") / "data")
    os.umask(0o077)
    settings.data.mkdir()
    build(settings, [("a", 1)])
    publishing.publish(settings, run_id="run", author="night", reason="night")
    deliver(settings)
    record_verification(settings, [], "head")
    return settings


@pytest.fixture
def installation(one_release: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = Settings(data=tmp_path / "data")
    shutil.copytree(one_release.data, settings.data, symlinks=True)
    for name, value in settings.child_environment().items():
        monkeypatch.setenv(name, value)
    return settings


def examine(settings: Settings) -> dict[str, Diagnosis]:
    return {diagnosis.check: diagnosis for diagnosis in examine_installation(settings)}


def test_a_sound_installation_has_no_failure(installation: Settings) -> None:
    diagnoses = examine(installation)
    assert {name for name, one in diagnoses.items() if one.level == "fail"} <= {"disk"}
    assert set(CHECKS) - set(diagnoses) == {"leftovers", "postgres", "lineage"}
    assert diagnoses["verify"].level == "ok" and "1 links hold" in diagnoses["lake"].text
    assert "lake" in diagnoses["disk"].text


def open_to_others(settings: Settings) -> None:
    settings.data.chmod(0o755)


def spoil_the_chain(settings: Settings) -> None:
    import sqlite3

    file = next((settings.lake / "files" / "audit" / "releases").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with sqlite3.connect(settings.lake / "catalog.sqlite") as con:
        con.execute("update ducklake_table set table_name = 'tasks' where table_name = 'task'")


def lose_a_batch(settings: Settings) -> None:
    next(list_batches(settings.landing)).path.unlink()


def land_in_the_future(settings: Settings) -> None:
    sidecar = next(list_batches(settings.landing)).sidecar
    content = json.loads(sidecar.read_text())
    content["pulled_at"] = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d %H:%M:%S}"
    sidecar.write_text(json.dumps(content))


def write_a_newer_format(settings: Settings) -> None:
    (settings.data / "format.json").write_text('{"format": 99, "code": "9.0.0"}')


def find_a_difference(settings: Settings) -> None:
    record_verification(settings, ["edited_file: x"], "")


FAULTS: list[tuple[str, Callable[[Settings], None], str]] = [
    ("permissions", open_to_others, "chmod 700"),
    ("lake", spoil_the_chain, "verify"),
    ("landing", lose_a_batch, "backup"),
    ("clock", land_in_the_future, "set the clock"),
    ("format", write_a_newer_format, "doctor"),
    ("verify", find_a_difference, "thongsuot verify"),
]


@pytest.mark.parametrize(("check", "spoil", "step"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_a_failure_of_its_own_line_with_what_to_do(
    installation: Settings, check: str, spoil: Callable[[Settings], None], step: str
) -> None:
    before = examine(installation)
    spoil(installation)
    after = examine(installation)
    assert after[check].level == "fail" and step in after[check].next_step
    others = before.keys() - {check, "disk"}
    assert {name: after[name].level for name in others} == {name: before[name].level for name in others}


def test_a_full_disk_a_silent_watch_a_dead_daemon_and_a_database_that_does_not_answer(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pipelines.operations.check_machine.measure_disk", lambda _: DiskUse(total=1000, free=50)
    )
    monkeypatch.setenv(VARIABLE, "json://127.0.0.1:1/")
    monkeypatch.setenv("THONGSUOT_SCHEDULES", "on")
    installation.dagster.mkdir(exist_ok=True)
    settings = Settings(data=installation.data, postgres_url="postgresql://u:S3cret@127.0.0.1:1/x")
    diagnoses = examine(settings)
    for check in ("disk", "alerts", "schedule", "postgres"):
        assert diagnoses[check].level == "fail", check
    assert "S3cret" not in str(diagnoses)


def test_the_disk_says_what_is_large_and_when_it_is_full(
    installation: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 MiB a day for ten days, and 500 MiB are left; the largest part is the one with a file of 3 MiB."""
    monkeypatch.setenv("THONGSUOT_DISK_FREE", "0.0001%")
    (installation.data / "exports").mkdir()
    (installation.data / "exports" / "large").write_bytes(os.urandom(3 * 2**20))
    samples = [
        DiskSample(f"2025-08-{day:02d}T06:00:00", (1500 - 100 * (day - 1)) * 2**20) for day in range(1, 12)
    ]
    write_state(installation, WatchState(disk=samples))
    disk = examine(installation)["disk"]
    assert disk.level == "warn" and "full in 5 days" in disk.text
    assert ": exports 3.0 MiB, " in disk.text


def test_files_that_a_stopped_writer_left_are_named_and_none_of_one_at_work(installation: Settings) -> None:
    """By the time in their names: 2025-08-06 00:00 UTC is 0x01987cad7800 milliseconds after 1970."""
    folder = installation.lake / "files" / "marts" / "task"
    [present] = folder.glob("*.parquet")
    recent = f"{int(datetime.now(UTC).timestamp() * 1000):012x}"
    for name in (
        "ducklake-01987cad-7800-7e45-ab39-6c39cb540174.parquet",
        "ducklake-01987cad-7800-7e45-ab39-6c39cb540174-delete.parquet",
        f"ducklake-{recent[:8]}-{recent[8:]}-7e45-ab39-6c39cb540174.parquet",
    ):
        shutil.copyfile(present, folder / name)
    diagnosis = examine(installation)["leftovers"]
    assert diagnosis.level == "warn" and "2 files of the lake" in diagnosis.text
    assert "marts/task/ducklake-01987cad-7800-7e45-ab39-6c39cb540174.parquet" in diagnosis.text
    assert present.name not in diagnosis.text and "while no run is at work" in diagnosis.next_step


def test_what_may_be_deleted_is_named_in_full_and_files_of_others_are_told_apart(
    installation: Settings,
) -> None:
    folder = installation.lake / "files" / "marts" / "task"
    [present] = folder.glob("*.parquet")
    left = [f"ducklake-01987cad-7800-7e45-ab39-6c39cb54017{number}.parquet" for number in range(5)]
    others = ["archive-2024.parquet", f"{left[0].removesuffix('.parquet')} (1).parquet"]
    for name in (*left, *others):
        shutil.copyfile(present, folder / name)
    of_writer, of_others = check_data.check_leftovers(installation)
    assert (
        of_writer.names == tuple(f"marts/task/{name}" for name in left)
        and "delete these" in of_writer.next_step
    )
    assert set(of_others.names) == {f"marts/task/{name}" for name in others}
    assert "2 files" in of_others.text and "not written by this program" in of_others.text
    assert "stopped" not in of_others.text and "delete" not in of_others.next_step.replace("deleted", "")


def test_a_writer_at_work_is_named(installation: Settings) -> None:
    with exclusive(installation):
        diagnosis = examine(installation)["writer"]
    assert diagnosis.level == "ok" and str(os.getpid()) in diagnosis.text
    assert examine(installation)["writer"].text == "free"


def test_a_check_that_breaks_hides_no_other(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(settings: Settings) -> list[Diagnosis]:
        raise RuntimeError("no such thing")

    monkeypatch.setitem(doctor.CHECKS, "python", explode)  # type: ignore[arg-type]
    diagnoses = examine(installation)
    assert diagnoses["python"].level == "fail" and "no such thing" in diagnoses["python"].text
    assert diagnoses["lake"].level == "ok"


def test_exit_codes(installation: Settings, tmp_path: Path) -> None:
    def call(data: Path, *words: str) -> tuple[int, str]:
        env = {"THONGSUOT_DATA": str(data), "THONGSUOT_DISK_FREE": "0.0001"}
        result = CliRunner().invoke(main, ["doctor", *words], env=env)
        return result.exit_code, result.output

    assert call(tmp_path / "nowhere")[0] == 2
    code, output = call(installation.data, "--json")
    assert code == 0 and {one["check"] for one in json.loads(output)["checks"]} >= {"python", "lake"}
    find_a_difference(installation)
    code, output = call(installation.data)
    assert code == 1 and "✗ verify: 1 findings" in output and "→" in output


def test_a_place_that_counts_by_the_demos_tables_is_told_which(tmp_path: Path) -> None:
    content = (PROJECT / "sources.yaml").read_text(encoding="utf-8").replace("is_demo: true\n", "")
    content = content.replace('units: {path: "{project}/reference/units.csv"}', 'units: {path: "units.csv"}')
    (tmp_path / "sources.yaml").write_text(content, encoding="utf-8")
    (only,) = check_sources(Settings(data=tmp_path, sources_file=tmp_path / "sources.yaml"))
    assert (
        only.level == "warn"
        and ": unit_mapping, procedures, " in only.text
        and "docs/onboarding.md" in only.next_step
    )
