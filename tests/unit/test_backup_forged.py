"""A backup that somebody edited, or with other things than files: nothing elsewhere is read, written or deleted."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.operations.backup import back_up
from pipelines.operations.backup_store import BackupError, list_manifests, object_path
from pipelines.operations.restore_backup import restore_backup
from pipelines.settings import Settings
from tests.unit.backup_support import installation, one_release

__all__ = ["installation", "one_release"]


def test_a_list_that_was_edited_reads_and_deletes_nothing_elsewhere(
    installation: Settings, tmp_path: Path
) -> None:
    """Contents are found by their SHA-256, and lists by their name: neither leads out of the backup."""
    backup, secret = tmp_path / "backup", tmp_path / "secret.json"
    secret.write_text("{}")
    manifest = back_up(installation, backup)
    path = backup / "backups" / f"{manifest.at}.json"
    whole = json.loads(path.read_text())
    name, stored = next(iter(whole["files"].items()))
    for edit in (
        {"files": {name: ["../../../secret.json", 2, 0]}},
        {"files": {name: ["/dev/zero", 2, 0]}},
        {"files": {name: [stored[0].upper(), 2, 0]}},
        {"files": {"/etc/x": stored}},
        {"files": {"": stored}},
        {"files": {"a\0b": stored}},
        {"files": [1]},
        {"files": {name: [*stored, 1]}},
        {"at": "../../secret"},
        {"findings": 5},
        {"releases": "many"},
        {"head": None},
    ):
        path.write_text(json.dumps(whole | edit))
        with pytest.raises(BackupError, match="no list of a backup"):
            list_manifests(backup)
    path.write_text("[" * 100_000)
    with pytest.raises(BackupError, match="no list of a backup"):
        list_manifests(backup)
    path.write_text(json.dumps(whole))
    assert list_manifests(backup) == [manifest] and secret.exists()


def test_a_content_that_is_a_device_or_another_one_is_not_restored(
    installation: Settings, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    manifest = back_up(installation, backup)
    name, stored = next(one for one in manifest.files.items() if one[0].endswith(".parquet"))
    target = replace(installation, data=tmp_path / "other")
    content = object_path(backup, stored.sha256)
    content.unlink()
    content.symlink_to("/dev/zero")
    with pytest.raises(BackupError, match="missing"):
        restore_backup(target, backup)
    shutil.rmtree(target.data)
    content.unlink()
    content.write_bytes(b"another")
    with pytest.raises(BackupError, match="damaged"):
        restore_backup(target, backup)
    assert not (target.data / name).exists()


def test_what_is_made_anew_is_restored_by_no_list(installation: Settings, tmp_path: Path) -> None:
    """DuckDB loads what lies in its folder, and what the warehouse says is published."""
    backup = tmp_path / "backup"
    manifest = back_up(installation, backup)
    path = backup / "backups" / f"{manifest.at}.json"
    content = json.loads(path.read_text())
    stored = next(iter(content["files"].values()))
    content["files"] |= {
        "warehouse.duckdb": stored,
        "duckdb_extensions/v1/x.duckdb_extension": stored,
        "dbt/x": stored,
    }
    path.write_text(json.dumps(content))
    target = replace(installation, data=tmp_path / "other")
    _, verification = restore_backup(target, backup)
    assert not verification.findings
    assert not (target.data / "warehouse.duckdb").exists() and not (target.data / "dbt").exists()
    assert not (target.data / "duckdb_extensions" / "v1" / "x.duckdb_extension").exists()


def test_a_pipe_and_a_link_in_the_data_directory_are_not_copied(
    installation: Settings, tmp_path: Path
) -> None:
    (tmp_path / "foreign").write_text("not ours")
    os.mkfifo(installation.landing / "pipe")
    os.mkfifo(installation.data / "pipe")
    (installation.data / "link").symlink_to(tmp_path / "foreign")
    (installation.landing / "link").symlink_to(tmp_path / "foreign")
    names = set(back_up(installation, tmp_path / "backup").files)
    assert not [name for name in names if name.endswith(("pipe", "link"))]


def test_a_newer_list_that_names_no_lake_restores_nothing(installation: Settings, tmp_path: Path) -> None:
    backup, new = tmp_path / "backup", Settings(data=tmp_path / "new")
    manifest = back_up(installation, backup)
    whole = json.loads((backup / "backups" / f"{manifest.at}.json").read_text())
    later = "29991231T000000000000Z"
    (backup / "backups" / f"{later}.json").write_text(json.dumps(whole | {"at": later, "files": {}}))
    with pytest.raises(BackupError, match=r"lists no lake/catalog\.sqlite"):
        restore_backup(new, backup)
    assert not new.data.exists()
    assert restore_backup(new, backup, manifest.at)[1].findings == []


def test_a_pipe_where_the_lock_would_be_is_not_waited_for(installation: Settings, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    os.mkfifo(tmp_path / "backup" / "backup.lock")
    with pytest.raises(BackupError, match="no plain file"):
        back_up(installation, tmp_path / "backup")


@pytest.mark.parametrize("room", ["objects", "backups", ""])
def test_a_file_where_a_backup_keeps_its_own_is_named(
    installation: Settings, tmp_path: Path, room: str
) -> None:
    backup = tmp_path / "backup"
    (backup / room).parent.mkdir(parents=True, exist_ok=True)
    (backup / room).write_text("")
    with pytest.raises(
        BackupError, match=f"{re.escape(str(backup / room))}.* cannot be used: .*Take it away"
    ):
        back_up(installation, backup)


def test_a_confirmation_in_a_forged_list_confirms_nothing(installation: Settings, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    back_up(installation, backup)
    (path,) = (backup / "backups").glob("*.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    some = next(iter(content["files"].values()))
    content["files"] |= {
        f"dagster/confirmations/{'a' * 32}": some,
        "dagster/running/x.run": some,
        "dagster/kept": some,
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    shutil.rmtree(installation.data)
    restore_backup(installation, backup)
    assert sorted(p.name for p in installation.dagster.rglob("*")) == ["kept"]
