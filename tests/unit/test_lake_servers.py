"""A lake whose catalogue lies in PostgreSQL and whose files lie in a bucket: what holds on a disk holds there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import psycopg
import pytest

from pipelines import duck
from pipelines.addresses import SettingsError
from pipelines.exports.marts_duckdb import EXPORT
from pipelines.lake.catalogue import open_lake
from pipelines.lake.exported import ledger_file
from pipelines.lake.foreign import list_foreign_file_objects
from pipelines.lake.location import check_place, has_lake
from pipelines.lake.server_errors import LakeUnreachable
from pipelines.night import write_export
from pipelines.operations.backup import back_up
from pipelines.operations.backup_store import BackupError
from pipelines.operations.check_data import check_lake
from pipelines.operations.migrate_lake import MigrationRefused, migrate_lake
from pipelines.operations.restore_backup import describe_lost_exports, restore_backup
from pipelines.releases.errors import ForeignHead, HealRefused
from pipelines.releases.heal import publish_healed, refuse_unsound_ground
from pipelines.releases.restore import restore
from pipelines.releases.retention import prune
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.servers import SECRET, Bucket
from tests.support.small_lake import build, night, read, release


def list_objects(remote: Settings, bucket: Bucket) -> list[Path]:
    return sorted((bucket.folder / remote.data.name).rglob("*.parquet"))


def count_tables(remote: Settings, bucket: Bucket) -> int:
    """Files of marts; the ledger has more after a pruning than before."""
    return len([path for path in list_objects(remote, bucket) if "/marts/" in str(path)])


def edit_catalogue(remote: Settings, statement: str) -> None:
    assert remote.lake_servers
    with psycopg.connect(remote.lake_servers.catalogue) as pg:
        pg.execute(statement)


def kinds(settings: Settings) -> set[str]:
    return {finding.kind for finding in verify_releases(settings).findings}


def test_a_release_lies_in_the_database_and_the_bucket_and_is_whole(remote: Settings, bucket: Bucket) -> None:
    assert not has_lake(remote)
    with pytest.raises(FileNotFoundError, match="No release yet"):
        open_lake(remote)
    release(remote, [("a", 1), ("b", None)])
    release(remote, [("a", 1), ("c", 3)])
    assert read(remote, "from lake.marts.task order by code") == [("a", 1), ("c", 3)]
    assert not release(remote, [("a", 1), ("c", 3)]).is_new
    verification = verify_releases(remote)
    assert (verification.findings, verification.releases, verification.kept) == ([], 2, 2)
    assert verification.files > 0 and list_objects(remote, bucket)
    assert not (remote.lake / "files").exists() and not (remote.lake / "catalog.sqlite").exists()


@pytest.mark.full
def test_an_old_state_is_restored_and_a_pruned_one_leaves_its_files(remote: Settings, bucket: Bucket) -> None:
    for number in (1, 2, 3):
        release(remote, [("a", number)])
    publication = restore(remote, 1, run_id="run", author="a", reason="b")
    assert publication.release.restores == 1 and read(remote, "from lake.marts.task") == [("a", 1)]
    before = count_tables(remote, bucket)
    pruned = prune(remote, author="a", reason="old", keep_days=0, now=datetime(2030, 1, 1))
    assert pruned.releases == [1, 2, 3] and count_tables(remote, bucket) < before
    verification = verify_releases(remote)
    assert (verification.findings, verification.kept, verification.pruned) == ([], 1, 3)


@pytest.mark.full
def test_files_in_the_data_directory_go_with_a_catalogue_in_postgresql(remote: Settings) -> None:
    assert remote.lake_servers
    on_disk = replace(remote, lake_servers=remote.lake_servers._replace(files=""))
    release(on_disk, [("a", 1)])
    release(on_disk, [("a", 2)])
    assert kinds(on_disk) == set() and (on_disk.lake / "files" / "marts").is_dir()


def test_an_edited_a_missing_and_a_strange_file_are_named(remote: Settings, bucket: Bucket) -> None:
    release(remote, [("a", 1)])
    assert kinds(remote) == set()
    file = next(path for path in list_objects(remote, bucket) if "/task/" in str(path))
    content = file.read_bytes()
    file.write_bytes(content.replace(b"a", b"b", 1))
    bucket.notice_changes()
    assert "edited_file" in kinds(remote)
    with pytest.raises(ForeignHead, match="edited_file"):
        release(remote, [("a", 2)])
    file.unlink()
    bucket.notice_changes()
    assert "missing_file" in kinds(remote)
    file.write_bytes(content)
    bucket.notice_changes()
    assert kinds(remote) == set()
    edit_catalogue(remote, "update ducklake_data_file set path = 's3://elsewhere/x.parquet', path_is_relative = false "
                           "where path like '%' and table_id = (select max(table_id) from ducklake_table "
                           "where table_name = 'task')")  # fmt: skip
    assert "edited_catalogue" in kinds(remote)


# What is told by this name → what somebody did.
FOREIGN = {
    "strange_trigger": "create function f() returns trigger language plpgsql as $$ begin return new; end $$; "
    "create trigger strange_trigger before insert on ducklake_snapshot for each row execute function f()",
    "strange_table": "create table strange_table (a int)",
    "strange_view": "create view strange_view as select 1",
    "strange_rule": "create rule strange_rule as on delete to ducklake_tag do instead nothing",
    "strange_index": "create index strange_index on ducklake_tag (object_id)",
    "ducklake_sort_info": "alter table ducklake_sort_info alter sort_id set default 7",
    "ducklake_macro": "alter table ducklake_macro add check (macro_id < 100000)",
    "ducklake_table": "alter table ducklake_table enable row level security",
    "ducklake_view": "alter table ducklake_view add strange bigint generated always as (view_id + 1) stored",
}


def test_what_ducklake_did_not_make_in_the_database_is_told(remote: Settings) -> None:
    release(remote, [("a", 1)])
    edit_catalogue(remote, "; ".join(FOREIGN.values()))
    with open_lake(remote) as con:
        assert {one.name for one in list_foreign_file_objects(con)} == FOREIGN.keys()
    with pytest.raises(ForeignHead, match="foreign_setting"):
        release(remote, [("a", 2)])


@pytest.mark.full
@pytest.mark.parametrize(
    "statement",
    [
        "update ducklake_file_column_stats set max_value = '0'",
        "update ducklake_table_stats set record_count = 7",
        "update ducklake_snapshot set snapshot_time = snapshot_time + interval '1 microsecond'",
        "update ducklake_metadata set value = 's3://another/place/' where key = 'data_path'",
        "insert into ducklake_metadata values ('per_thread_output', 'true', null, null)",
    ],
)
def test_an_edited_row_of_the_catalogue_is_told(remote: Settings, statement: str) -> None:
    release(remote, [("a", 1)])
    edit_catalogue(remote, statement)
    assert kinds(remote) & {"edited_catalogue", "edited_ledger", "foreign_setting"}


def test_a_server_that_is_not_there_is_named_and_no_password_is_repeated(remote: Settings) -> None:
    assert remote.lake_servers
    release(remote, [("a", 1)])
    gone = replace(
        remote, lake_servers=remote.lake_servers._replace(endpoint="http://127.0.0.1:9", secret=SECRET)
    )
    with pytest.raises(LakeUnreachable, match="does not answer") as unanswered:
        verify_releases(gone)
    assert SECRET not in str(unanswered.value)
    wrong_key = replace(remote, lake_servers=remote.lake_servers._replace(secret="another"))
    with pytest.raises(LakeUnreachable, match="lets nobody in"):
        verify_releases(wrong_key)
    address = "postgresql://a:mat-khau-dai@127.0.0.1:9/lake"
    unreachable = replace(remote, lake_servers=remote.lake_servers._replace(catalogue=address))
    with pytest.raises(LakeUnreachable) as error:
        open_lake(unreachable)
    assert "mat-khau-dai" not in str(error.value)
    assert [one.level for one in check_lake(remote)] == ["ok"]
    for broken in (gone, wrong_key, unreachable):
        [diagnosis] = check_lake(broken)
        assert diagnosis.level == "fail" and "does not answer" in diagnosis.text
        assert "THONGSUOT_LAKE" in diagnosis.next_step and SECRET not in str(diagnosis)
    with duck.connect(remote.extensions) as con:
        assert con.execute("select count(*) from duckdb_secrets()").fetchone() == (0,)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"THONGSUOT_LAKE_FILES": "s3://a-bucket/x"}, "THONGSUOT_LAKE_CATALOGUE"),
        ({"THONGSUOT_LAKE_CATALOGUE": "mysql://a"}, "THONGSUOT_LAKE_CATALOGUE is no address"),
        (
            {"THONGSUOT_LAKE_CATALOGUE": "postgresql:///a", "THONGSUOT_LAKE_FILES": "/srv"},
            "write s3://bucket",
        ),
        ({"THONGSUOT_LAKE_CATALOGUE": "postgresql:///a", "THONGSUOT_S3_ENDPOINT": "minio"}, "write https://"),
    ],
)
def test_a_setting_that_is_none_is_refused_in_words(variables: dict[str, str], text: str) -> None:
    with pytest.raises(SettingsError, match=text):
        Settings.from_env(variables)


def test_settings_of_servers_are_read_and_nothing_prints_their_secrets() -> None:
    settings = Settings.from_env(
        {
            "THONGSUOT_LAKE_CATALOGUE": "postgresql+psycopg2://lake:mat-khau-dai@db:5433/lake",
            "THONGSUOT_LAKE_FILES": "s3://province/lake",
            "THONGSUOT_S3_ENDPOINT": "https://s3.example.vn:9000/",
            "THONGSUOT_S3_KEY_ID": "key",
            "THONGSUOT_S3_SECRET": "rat-bi-mat",
        }
    )
    assert settings.lake_servers == (
        "postgresql://lake:mat-khau-dai@db:5433/lake", "s3://province/lake/", "https://s3.example.vn:9000",
        "us-east-1", "key", "rat-bi-mat",
    )  # fmt: skip
    printed = f"{settings!r} {settings.lake_servers!r}"
    assert "mat-khau-dai" not in printed and "rat-bi-mat" not in printed


def test_a_lake_moves_to_servers_and_back_out_of_a_backup_with_its_history(
    settings: Settings, remote: Settings, tmp_path: Path, bucket: Bucket
) -> None:
    """SQLite and PostgreSQL say the same: what the chain recorded of the catalogue holds in both."""
    for number in (1, 2):
        release(settings, [("a", number), ("b", None)])
    prune(settings, author="a", reason="old", keep_days=0, now=datetime(2030, 1, 1))
    head = verify_releases(settings).head
    with pytest.raises(SettingsError, match="migrate lake"):
        release(remote, [("a", 3)])
    migration = migrate_lake(remote)
    assert (migration.head, migration.releases) == (head, 2) and migration.files == migration.copied > 0
    with pytest.raises(SettingsError, match="was moved to a server"):
        release(settings, [("a", 3)])
    with pytest.raises(MigrationRefused, match="no lake"):
        migrate_lake(remote)
    release(remote, [("a", 3)])
    objects = len(list_objects(remote, bucket))

    destination = tmp_path.parent / f"{tmp_path.name}-backup"
    manifest = back_up(remote, destination)
    assert (manifest.findings, manifest.releases) == ([], 3)
    assert len([name for name in manifest.files if name.startswith("lake/files/")]) == objects
    restored = replace(remote, data=tmp_path.parent / f"{tmp_path.name}-restored")
    verification = restore_backup(restored, destination)[1]
    assert (verification.findings, verification.head) == ([], verify_releases(remote).head)
    assert read(replace(restored, lake_servers=None), "from lake.marts.task") == [("a", 3)]


def test_a_lost_disk_is_restored_beside_the_lake_that_stands_on_its_servers(
    remote: Settings, tmp_path: Path
) -> None:
    """A reader looked meanwhile; a day and a release came after the backup."""
    night(remote, 1)
    destination = tmp_path.parent / f"{tmp_path.name}-kept"
    assert back_up(remote, destination).findings == []
    night(remote, 2)
    head = verify_releases(remote).head
    shutil.rmtree(remote.data)
    assert len(read(remote, "from lake.audit.releases")) == 2 and not remote.lake.exists()
    with pytest.raises(BackupError, match="no lake on servers to be kept"):
        restore_backup(replace(remote, lake_servers=None), destination, keep_lake=True)
    manifest, verification = restore_backup(remote, destination, keep_lake=True)
    assert manifest.releases == 1 and verification.releases == 2 and verification.head == head
    assert {finding.kind for finding in verification.findings} == {"missing_batch"}
    assert "2025-08-02" in str(verification.findings)
    assert not (remote.lake / "catalog.sqlite").exists() and not (remote.lake / "files").exists()
    check_place(remote)  # the next night may publish


@pytest.mark.full
def test_no_line_of_exports_that_a_release_sealed_is_lost_with_a_disk(
    remote: Settings, bucket: Bucket, tmp_path: Path
) -> None:
    """Two nights after the backup: release 3 sealed the line of release 2, and a copy lies beside the lake's files."""
    destination = tmp_path.parent / f"{tmp_path.name}-exported"
    for number in (1, 2, 3):
        release(remote, [("a", number)])
        write_export(remote, EXPORT)
        if number == 1:
            assert back_up(remote, destination).findings == []
    lines = ledger_file(remote).read_text().splitlines()
    shutil.rmtree(remote.data)
    _, verification = restore_backup(remote, destination, keep_lake=True)
    assert ledger_file(remote).read_text().splitlines() == lines[:2]
    assert {finding.kind for finding in verification.findings} == {
        "edited_export"
    }  # the file is the backup's
    assert describe_lost_exports(verification) == ""
    write_export(remote, EXPORT)
    assert kinds(remote) == set()

    [copy] = (bucket.folder / remote.data.name).rglob("exports.jsonl")
    copy.write_text(copy.read_text().replace("marts", "other"))  # what says something else is not taken
    shutil.rmtree(remote.data)
    _, verification = restore_backup(remote, destination, keep_lake=True)
    assert ledger_file(remote).read_text().splitlines() == lines[:1]
    assert "not the line 2 that release 3 sealed" in str(verification.findings)
    assert "from now on" in describe_lost_exports(verification)


@pytest.mark.full
def test_a_lake_that_is_not_whole_or_a_place_that_is_not_empty_is_not_moved_to(
    settings: Settings, remote: Settings
) -> None:
    with pytest.raises(MigrationRefused, match="There is no lake"):
        migrate_lake(remote)
    with pytest.raises(MigrationRefused, match="No server is named"):
        migrate_lake(settings)
    release(remote, [("a", 1)])
    other = replace(remote, data=settings.data / "other")
    release(replace(other, lake_servers=None), [("b", 1)])
    with pytest.raises(MigrationRefused, match="holds other releases already"):
        migrate_lake(other)
    file = next((other.lake / "files" / "marts").rglob("*.parquet"))
    file.write_bytes(file.read_bytes().replace(b"b", b"c", 1))
    edit_catalogue(remote, "drop schema public cascade; create schema public")
    with pytest.raises(MigrationRefused, match="edited_file"):
        migrate_lake(other)
    assert not has_lake(remote)


@pytest.mark.full
def test_rows_of_others_are_healed_and_things_of_the_database_are_its_administrators(
    remote: Settings,
) -> None:
    release(remote, [("a", 1)])
    mart = "(select max(table_id) from ducklake_table where table_name = 'task')"
    edit_catalogue(remote, f"update ducklake_table_stats set record_count = 7 where table_id = {mart}")
    edit_catalogue(remote, "create table strange (a int)")
    with pytest.raises(HealRefused, match=r"'strange'.*drop it there"):
        refuse_unsound_ground(remote)
    edit_catalogue(remote, "drop table strange")
    refuse_unsound_ground(remote)
    build(remote, [("a", 2)])
    publish_healed(remote, run_id="run", author="a", reason="b")
    assert kinds(remote) == set() and read(remote, "from lake.marts.task") == [("a", 2)]
