"""Releases: one transaction, true differences, nothing new from nothing new, and a chain that tells."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime

import duckdb
import pytest

from pipelines import duck
from pipelines.exports.marts_duckdb import EXPORT, marts_file
from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.apply import lake_table
from pipelines.lake.catalogue import open_lake
from pipelines.lake.content_hash import hash_content
from pipelines.night import write_export
from pipelines.releases import publish as publishing
from pipelines.releases.errors import ForeignHead
from pipelines.releases.publish import PublishError, publish
from pipelines.settings import Settings
from pipelines.warehouse import sealed_build
from pipelines.warehouse.sealed_build import seal_build
from tests.support.small_lake import (
    build,
    read,
    release,
)


def test_a_first_release_holds_every_mart_and_says_of_what_it_is_made(settings: Settings) -> None:
    publication = release(settings, [("a", 1), ("b", None)])
    assert publication.is_new and publication.release.release_id == 1
    assert read(settings, "from lake.marts.task order by code") == [("a", 1), ("b", None)]
    row = read(settings, "select release_id, as_of, input_batches, run_id, reason from lake.audit.releases")
    assert row == [(1, datetime(2025, 8, 6, 23, 59, 59), 1, "run", "by hand")]
    assert {(m, n) for _, m, n, _ in read(settings, "from lake.audit.release_marts")} == {
        ("marts.task", 2),
        ("marts.counts", 1),
    }


def test_an_unchanged_warehouse_publishes_nothing_and_says_why(settings: Settings) -> None:
    release(settings, [("a", 1), ("b", 2)])
    snapshots = read(settings, "select count(*) from ducklake_snapshots('lake')")
    again = release(settings, [("b", 2), ("a", 1)])  # the order of rows is not content
    assert not again.is_new and "nothing new" in again.why
    assert read(settings, "select count(*) from ducklake_snapshots('lake')") == snapshots


def test_the_change_feed_between_two_releases_is_the_true_difference(settings: Settings) -> None:
    first = release(settings, [("a", 1), ("b", 2), ("c", 3)]).release
    second = release(settings, [("a", 1), ("b", 20), ("d", 4)], counts=[("all", 3)])
    assert second.changed == ("marts.task",)
    changes = read(
        settings,
        f"select change_type, code, n from ducklake_table_changes('lake', 'marts', 'task', "
        f"{first.snapshot_id + 1}, {second.release.snapshot_id}) order by all",
    )
    assert changes == [
        ("delete", "c", 3),
        ("insert", "d", 4),
        ("update_postimage", "b", 20),
        ("update_preimage", "b", 2),
    ]


def test_a_table_of_which_no_row_stays_is_the_same_table_with_its_feed(settings: Settings) -> None:
    first = release(settings, [("a", 1), ("b", 2)]).release
    second = release(settings, [("b", 3), ("c", 4)]).release
    feed = f"ducklake_table_changes('lake', 'marts', 'task', {first.snapshot_id + 1}, {second.snapshot_id})"
    assert read(settings, f"select distinct code from {feed} order by all") == [("a",), ("b",), ("c",)]
    assert read(settings, "from lake.marts.task order by all") == [("b", 3), ("c", 4)]


def test_an_earlier_release_can_still_be_read(settings: Settings) -> None:
    first = release(settings, [("a", 1)]).release
    release(settings, [("a", 2)])
    old = read(settings, f"from lake.marts.task at (version => {first.snapshot_id})")
    assert old == [("a", 1)]
    assert read(settings, "from lake.marts.task") == [("a", 2)]


def test_all_marts_of_a_release_share_one_snapshot(settings: Settings) -> None:
    first = release(settings, [("a", 1)]).release
    later = release(settings, [("a", 2), ("b", 1)]).release
    assert later.snapshot_id == first.snapshot_id + 2  # between them the first one's state was recorded


def test_a_build_that_did_not_finish_is_refused_and_the_last_release_is_served(settings: Settings) -> None:
    release(settings, [("a", 1)])
    with pytest.raises(PublishError, match="no finished build"):
        release(settings, [("half", 0)], finished=False)
    assert read(settings, "from lake.marts.task") == [("a", 1)]


def forge_a_row(settings: Settings) -> None:
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("update marts.task set n = 99")


def leave_a_log(settings: Settings) -> None:
    """A process that wrote and was killed: DuckDB would play its log back, for whoever opens the file next."""
    settings.warehouse.with_name("warehouse.duckdb.wal").write_bytes(b"anything")


def forget_the_seal(settings: Settings) -> None:
    settings.build_seal.unlink()


@pytest.mark.parametrize("tamper", [forge_a_row, leave_a_log, forget_the_seal])
def test_a_warehouse_that_somebody_wrote_to_since_its_build_is_not_published(
    settings: Settings, tamper: Callable[[Settings], None]
) -> None:
    release(settings, [("a", 1)])
    build(settings, [("a", 2)])
    tamper(settings)
    with pytest.raises(PublishError, match="not what was built from the received data"):
        publish(settings, run_id="run", author="somebody", reason="a better number")
    assert read(settings, "from lake.marts.task") == [("a", 1)]


def test_a_warehouse_that_nobody_touched_is_not_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_again(path: object) -> str:
        raise AssertionError(f"{path} is read")

    build(settings, [("a", 1)])
    later = settings.build_seal.stat().st_mtime_ns + 10**9
    os.utime(settings.build_seal, ns=(later, later))  # as after a build that took a second to hash
    with monkeypatch.context() as patch:
        patch.setattr(sealed_build, "hash_file", read_again)
        assert sealed_build.find_broken_seal(settings) == ""
    about = settings.warehouse.stat()
    with settings.warehouse.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        last = stream.read(1)
        stream.seek(-1, os.SEEK_END)
        stream.write(bytes([last[0] ^ 1]))
    os.utime(settings.warehouse, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert settings.warehouse.stat().st_mtime_ns == about.st_mtime_ns
    assert "was written to since its build" in sealed_build.find_broken_seal(settings)


def test_a_failure_half_way_through_the_transaction_shows_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(settings, [("a", 1)])
    real, applied = publishing.apply_change, []

    def breaks(con: duckdb.DuckDBPyConnection, change: publishing.TableChange) -> None:
        if applied:
            raise OSError("no space left on device")
        applied.append(change)
        real(con, change)

    monkeypatch.setattr(publishing, "apply_change", breaks)
    with pytest.raises(OSError):
        release(settings, [("a", 2), ("b", 2)])
    assert applied and read(settings, "from lake.marts.task") == [("a", 1)]
    assert read(settings, "from lake.marts.counts") == [("all", 1)]
    monkeypatch.setattr(publishing, "apply_change", real)
    assert release(settings, [("a", 2), ("b", 2)]).release.release_id == 2


def test_what_was_written_is_audited_before_it_is_committed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        publishing,
        "apply_change",
        lambda con, change: con.execute(f"create table {lake_table(change.mart)} (x integer)"),
    )
    with pytest.raises(PublishError, match="does not equal its source"):
        release(settings, [("a", 1)])
    with open_lake(settings) as con:
        assert ledger.list_releases(con) == []


def test_a_changed_contract_replaces_the_table_and_keeps_the_old_one_in_time(settings: Settings) -> None:
    first = release(settings, [("a", 1)]).release
    build(settings, [("a", 1)])
    with duck.connect(settings.extensions, settings.warehouse) as con:
        con.execute("alter table marts.task add column note varchar")
    seal_build(settings)
    publish(settings, run_id="run", author="test", reason="a new column")
    assert read(settings, "from lake.marts.task") == [("a", 1, None)]
    assert read(settings, f"from lake.marts.task at (version => {first.snapshot_id})") == [("a", 1)]


def test_an_unlabelled_write_is_refused_by_the_lake_itself(settings: Settings) -> None:
    release(settings, [("a", 1)])
    with open_lake(settings, read_only=False) as con, pytest.raises(duckdb.Error):
        con.execute("delete from lake.marts.task")
    assert read(settings, "from lake.marts.task") == [("a", 1)]


def test_the_content_hash_sees_values_types_and_copies_but_not_order() -> None:
    con = duckdb.connect()

    def hashed(sql: str) -> str:
        con.execute(f"create or replace table t as {sql}")
        return hash_content(con, "t").sha256

    base = hashed("select * from (values (1, 'a'), (2, null)) v(n, s)")
    assert base == hashed("select * from (values (2, null), (1, 'a')) v(n, s)")
    others = [
        "select * from (values (1, 'a'), (2, 'null')) v(n, s)",
        "select * from (values (1, 'a'), (2, null), (2, null)) v(n, s)",
        "select n::bigint as n, s from (values (1, 'a'), (2, null)) v(n, s)",
        "select n as m, s from (values (1, 'a'), (2, null)) v(n, s)",
    ]
    assert len({base, *map(hashed, others)}) == 5


def test_the_hash_that_moves_with_the_rows_is_the_hash_of_the_whole_table(settings: Settings) -> None:
    release(settings, [("a", 1), ("b", 2), ("c", None)])
    moved = release(settings, [("a", 1), ("b", 20), ("d", 4), ("e", None)]).release
    with open_lake(settings) as con:
        assert moved.marts["marts.task"] == hash_content(con, "lake.marts.task")
    back = release(settings, [("c", None), ("b", 2), ("a", 1)]).release
    with open_lake(settings) as con:
        assert back.marts == ledger.list_releases(con)[0].marts


def test_a_table_whose_file_somebody_edited_is_written_anew_by_healing(settings: Settings) -> None:
    release(settings, [("a", 1), ("b", 2)])
    (file,) = (settings.lake / "files" / "marts" / "task").glob("*.parquet")
    with duckdb.connect() as con:
        con.execute(f"create table t as from '{file}'; update t set n = 9 where code = 'b'")
        con.execute(f"copy t to '{file}'")
    with pytest.raises(ForeignHead, match=r"unreadable_content: marts\.task[\s\S]*releases heal"):
        release(settings, [("a", 1), ("b", 3)])
    publish(settings, run_id="run", author="test", reason="edited by hand", healing=True)
    with duck.connect(settings.extensions, settings.warehouse) as con:
        expected = hash_content(con, "marts.task")
    with open_lake(settings) as con:
        assert (
            ledger.list_releases(con)[-1].marts["marts.task"]
            == expected
            == hash_content(con, "lake.marts.task")
        )


def test_a_row_that_comes_twice_under_one_key_is_not_lost(settings: Settings) -> None:
    release(settings, [("a", 1)])
    published = release(settings, [("a", 1), ("a", 1)]).release
    with open_lake(settings) as con:
        assert published.marts["marts.task"] == hash_content(con, "lake.marts.task")
        assert published.marts["marts.task"].rows == 2


def test_the_chain_holds_and_an_edited_or_dropped_row_breaks_it(settings: Settings) -> None:
    for number in (1, 2, 3):
        release(settings, [("a", number)])
    with open_lake(settings) as con:
        chain, states = ledger.list_releases(con), links.list_states(con)
    assert links.find_breaks(chain, states) == []
    assert [state.previous_hash for state in states] == [r.release_hash for r in chain]
    assert [r.previous_hash for r in chain[1:]] == [state.state_hash for state in states[:2]]
    with open_lake(settings, read_only=False) as con:
        con.execute("begin; update lake.audit.releases set reason = 'other' where release_id = 2")
        con.execute("call lake.set_commit_message('x', 'tamper'); commit")
        assert "row of release 2 was edited" in links.find_breaks(ledger.list_releases(con), states)[0]
        con.execute("begin; delete from lake.audit.releases where release_id = 1")
        con.execute("call lake.set_commit_message('x', 'tamper'); commit")
        assert "release 1 is missing" in links.find_breaks(ledger.list_releases(con), states)[-1]


def test_the_exported_file_follows_the_release_and_is_left_alone_when_current(settings: Settings) -> None:
    release(settings, [("a", 1)])
    first = write_export(settings, EXPORT)
    assert first.rewritten and not write_export(settings, EXPORT).rewritten
    release(settings, [("a", 2)])
    assert write_export(settings, EXPORT).rewritten
    with duckdb.connect(str(marts_file(settings)), read_only=True) as con:
        assert con.execute("from marts.task").fetchall() == [("a", 2)]
