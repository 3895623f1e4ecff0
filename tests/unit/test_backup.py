"""Backups: each content once, whole while somebody writes, refused where they are not what they were."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sqlite3
import stat
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import list_releases
from pipelines.operations.backup import DERIVED, back_up
from pipelines.operations.backup_store import BackupError, list_manifests, object_path
from pipelines.operations.records import read_last_backup
from pipelines.operations.restore_backup import restore_backup
from pipelines.releases.retention import prune
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.small_lake import release
from tests.unit.backup_support import installation, one_release

__all__ = ["installation", "one_release"]


def list_objects(folder: Path) -> set[str]:
    return {path.name for path in (folder / "objects").glob("*/*")}


def read_rows(settings: Settings) -> list[tuple]:
    with open_lake(settings) as con:
        return con.execute("from lake.marts.task order by code").fetchall()


def test_a_lost_disk_is_made_again_row_by_row_and_the_chain_goes_on(
    installation: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    manifest = back_up(installation, backup)
    assert manifest.findings == [] and manifest.releases == 1
    head, rows = verify_releases(installation).head, read_rows(installation)
    shutil.rmtree(installation.data)
    _, verification = restore_backup(installation, backup)
    assert not verification.findings and verification.head == head and read_rows(installation) == rows
    assert release(installation, [("a", 9)]).release.release_id == 2
    assert not verify_releases(installation).findings
    assert stat.S_IMODE(installation.data.stat().st_mode) == 0o700


def test_the_newest_backup_is_the_one_that_was_made_last_whatever_the_clock_said(
    installation: Settings, tmp_path: Path
) -> None:
    """One of a night under a clock a year ahead is neither restored nor kept in place of what came later."""
    backup = tmp_path / "backup"
    for number, days in enumerate([0, 365, 0, 0]):
        release(installation, [("a", 10 + number)])
        with time_machine.travel(datetime.now(UTC) + timedelta(days=days)):
            back_up(installation, backup, keep=2)
    assert [manifest.releases for manifest in list_manifests(backup)] == [4, 5]
    # Their names follow that of the night ahead; when they were made is told.
    listed = json.loads(CliRunner().invoke(main, ["restore-backup", str(backup), "--list", "--json"]).output)
    today = datetime.now(UTC)
    assert [one["at"][:4] for one in listed] == [f"{today + timedelta(days=365):%Y}"] * 2
    assert all(
        abs(datetime.fromisoformat(f"{one['made_at']}Z") - today) < timedelta(hours=1) for one in listed
    )
    rows = read_rows(installation)
    shutil.rmtree(installation.data)
    restore_backup(installation, backup)
    assert read_rows(installation) == rows == [("a", 13)]


def test_under_a_clock_that_is_behind_no_backup_is_whole_and_none_is_dropped(
    installation: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    back_up(installation, backup, keep=1)
    steps: list[str] = []
    with time_machine.travel(datetime.now(UTC) - timedelta(days=365)):
        manifest = back_up(installation, backup, keep=1, progress=steps.append)
    assert steps == ["copy", "verify the copy"]  # another copy would say the same
    assert [finding.split(":")[0] for finding in manifest.findings] == ["clock_ahead"]
    assert [one.at for one in list_manifests(backup)][-1] == manifest.at and len(list_manifests(backup)) == 2


def test_what_can_be_made_again_and_what_is_of_this_machine_stays_out(
    installation: Settings, tmp_path: Path
) -> None:
    for name in (
        "dagster/confirmations/abc",
        "dagster/running/x.run",
        "operations/alerts.json",
        "landing/x.partial",
    ):
        (installation.data / name).parent.mkdir(parents=True, exist_ok=True)
        (installation.data / name).write_text("{}")
    tops = {name.split("/")[0] for name in back_up(installation, tmp_path / "backup").files}
    assert {"landing", "lake"} <= tops and not tops & DERIVED and "dagster" not in tops
    assert not any(name.endswith(".partial") for name in list_manifests(tmp_path / "backup")[0].files)


def test_a_second_backup_stores_only_what_is_new(installation: Settings, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    back_up(installation, backup)
    before = list_objects(backup)
    release(installation, [("a", 1), ("b", 3)])
    back_up(installation, backup)
    files = {name for name in list_manifests(backup)[1].files if name.endswith(".parquet")}
    old = {name for name in list_manifests(backup)[0].files if name.endswith(".parquet")}
    new = list_objects(backup) - before
    assert old < files
    # Each new file of the lake, and the catalogue.
    assert len(new) <= len(files - old) + 1


def test_old_backups_go_and_their_contents_with_them_but_none_that_is_needed(
    installation: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    for number in range(3):
        release(installation, [("a", number)])
        back_up(installation, backup, keep=2)
    manifests = list_manifests(backup)
    assert [manifest.releases for manifest in manifests] == [3, 4]
    needed = {one.sha256 for manifest in manifests for one in manifest.files.values()}
    assert list_objects(backup) == needed
    for manifest in manifests:
        shutil.rmtree(installation.data)
        _, verification = restore_backup(installation, backup, manifest.at)
        assert not verification.findings and verification.releases == manifest.releases


def write_until_stopped(data: Path, stop: Path) -> None:
    """Publish and prune as fast as it goes, in a process of its own."""
    settings = Settings(data=data)
    for number in range(10_000):
        if stop.exists():
            return
        release(settings, [("a", number), ("b", -number)])
        if number % 4 == 3:
            prune(settings, author="test", reason="test", keep_days=0)


def count_releases(settings: Settings) -> int:
    with open_lake(settings) as con:
        return len(list_releases(con))


def wait_for_another_release(settings: Settings) -> None:
    before, until = count_releases(settings), time.monotonic() + 60
    while count_releases(settings) == before and time.monotonic() < until:
        time.sleep(0.1)


def test_a_backup_while_somebody_publishes_and_prunes_is_whole(
    installation: Settings, tmp_path: Path
) -> None:
    stop, backup = tmp_path / "stop", tmp_path / "backup"
    writer = multiprocessing.get_context("spawn").Process(
        target=write_until_stopped, args=(installation.data, stop)
    )
    writer.start()
    try:
        manifests = []
        for _ in range(2):
            wait_for_another_release(installation)
            manifests.append(back_up(installation, backup, pause_seconds=0.5))
    finally:
        stop.touch()
        writer.join(60)
    assert writer.exitcode == 0
    assert [manifest.findings for manifest in manifests] == [[]] * 2
    assert manifests[-1].releases > manifests[0].releases
    shutil.rmtree(installation.data)
    _, verification = restore_backup(installation, backup)
    assert not verification.findings and verification.releases == manifests[-1].releases


def test_a_database_with_an_open_log_is_copied_with_what_stands_in_it(
    installation: Settings, tmp_path: Path
) -> None:
    history = installation.data / "dagster" / "history" / "runs.db"
    history.parent.mkdir(parents=True)
    con = sqlite3.connect(history)
    con.execute("pragma journal_mode = wal")
    con.execute("create table runs (n)")
    con.commit()
    back_up(installation, tmp_path / "backup")
    con.execute("insert into runs values (7)")
    con.commit()  # in the log alone
    back_up(installation, tmp_path / "backup")
    settings = replace(installation, data=tmp_path / "other")
    restore_backup(settings, tmp_path / "backup")
    with sqlite3.connect(settings.data / "dagster" / "history" / "runs.db") as copy:
        assert copy.execute("select n from runs").fetchall() == [(7,)]
    con.close()


def test_an_object_that_was_damaged_is_written_anew_by_the_next_backup(
    installation: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    manifest = back_up(installation, backup)
    name = next(name for name in manifest.files if name.startswith("lake/files/marts/task"))
    damaged = object_path(backup, manifest.files[name].sha256)
    damaged.write_bytes(b"damaged")
    with pytest.raises(BackupError, match="damaged"):
        restore_backup(replace(installation, data=tmp_path / "other"), backup)
    assert back_up(installation, backup, pause_seconds=0).findings == []
    restore_backup(replace(installation, data=tmp_path / "third"), backup)


def test_a_copy_with_findings_drops_no_older_backup_and_counts_as_none(
    installation: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    good = back_up(installation, backup, keep=1)
    recorded = read_last_backup(installation)
    file = next((installation.lake / "files" / "marts" / "task").rglob("*.parquet"))
    file.write_bytes(file.read_bytes() + b"x")
    bad = back_up(installation, backup, keep=1, pause_seconds=0)
    assert bad.findings and "edited_file" in bad.findings[0]
    assert [manifest.at for manifest in list_manifests(backup)] == [good.at, bad.at]
    assert read_last_backup(installation) == recorded
    shutil.rmtree(installation.data)
    manifest, verification = restore_backup(installation, backup)
    assert manifest.at == good.at and not verification.findings


def test_an_interrupted_restore_is_no_installation(
    installation: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = tmp_path / "backup"
    back_up(installation, backup)

    def fill_the_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = replace(installation, data=tmp_path / "other")
    with monkeypatch.context() as full:
        full.setattr("pipelines.operations.restore_backup.restore_file", fill_the_disk)
        with pytest.raises(OSError, match="No space"):
            restore_backup(target, backup)
    result = CliRunner().invoke(main, ["status"], env={"THONGSUOT_DATA": str(target.data)})
    assert result.exit_code == 2 and "empty it and restore again" in result.output
    with pytest.raises(BackupError, match="not empty"):
        restore_backup(target, backup)


def test_places_that_lie_in_one_another_other_backups_and_edited_lists_are_refused(
    installation: Settings, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match="lie in one another"):
        back_up(installation, installation.data / "backup")
    with pytest.raises(BackupError, match="No release yet"):
        back_up(Settings(data=tmp_path / "none"), tmp_path / "backup")
    backup = tmp_path / "backup"
    manifest = back_up(installation, backup)
    path = backup / "backups" / f"{manifest.at}.json"
    content = json.loads(path.read_text())
    content["files"]["../outside"] = next(iter(content["files"].values()))
    path.write_text(json.dumps(content))
    with pytest.raises(BackupError, match="no list of a backup"):
        restore_backup(replace(installation, data=tmp_path / "other"), backup)
    assert not (tmp_path / "outside").exists()
    path.write_text("{")
    with pytest.raises(BackupError, match="no list of a backup"):
        restore_backup(replace(installation, data=tmp_path / "other2"), backup)


def test_two_backups_to_one_place_exclude_one_another(installation: Settings, tmp_path: Path) -> None:
    from pipelines.operations.backup_store import open_store

    with open_store(tmp_path / "backup"), pytest.raises(BackupError, match="Another backup"):
        back_up(installation, tmp_path / "backup")


def test_commands_and_their_exit_codes(installation: Settings, tmp_path: Path) -> None:
    backup = tmp_path / "backup"

    def call(data: Path, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(main, list(words), env={**os.environ, "THONGSUOT_DATA": str(data)})
        return result.exit_code, result.output

    assert call(tmp_path / "none", "backup", str(backup))[0] == 2
    code, output = call(installation.data, "backup", str(backup), "--json")
    assert code == 0 and json.loads(output)["findings"] == []
    assert call(installation.data, "restore-backup", str(backup))[0] == 2
    code, output = call(installation.data, "restore-backup", "--list", "--json", str(backup))
    assert code == 0 and json.loads(output)[0]["releases"] == 1
    code, output = call(tmp_path / "new", "restore-backup", str(backup))
    assert code == 0 and "whole" in output
