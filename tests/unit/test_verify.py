"""Tampering: each kind is found, for its own reason and no other, on a lake small enough to build by hand."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.lake.ledger import Release
from pipelines.releases import retention
from pipelines.releases.retention import outdated, prune
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.small_lake import (
    Tamper,
    catalogue,
    edit_a_file,
    labelled,
    night,
    register_files,
)

RECORD = retention._record


@pytest.fixture(scope="module")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("nights"))
    for number in (1, 2, 3):
        night(settings, number)
    return settings


@pytest.fixture
def copy(three_nights: Settings, tmp_path: Path) -> Settings:
    """The same, free to be spoilt."""
    shutil.copytree(three_nights.data, tmp_path / "data", symlinks=True)
    return Settings(data=tmp_path / "data")


def kinds(settings: Settings, **more: str) -> set[str]:
    return {finding.kind for finding in verify_releases(settings, **more).findings}


def delete_a_file(settings: Settings) -> None:
    register_files(settings)[0].unlink()


def delete_a_ledger_file(table: str) -> Tamper:
    return lambda settings: next((settings.lake / "files/audit" / table).glob("*.parquet")).unlink()


def rewrite_the_ledger(settings: Settings) -> None:
    """Cleverly: the reason of the newest release changed, its own hash and the lake's label with it."""
    with open_lake(settings) as con:
        newest_release = ledger.list_releases(con)[-1]
    forged = replace(newest_release, reason="nothing to see")
    forged = replace(forged, release_hash=forged.chain_hash())
    labelled(
        f"update lake.audit.releases set reason = 'nothing to see', release_hash = '{forged.release_hash}' "
        f"where release_id = {forged.release_id}",
        # What the catalogue was then covers the true hash: it goes, as if a run had been killed before it was recorded.
        f"delete from lake.audit.release_states where release_id = {forged.release_id}",
    )(settings)
    with closing(sqlite3.connect(settings.lake / "catalog.sqlite")) as con:
        con.execute(
            "update ducklake_snapshot_changes set commit_extra_info = ? where snapshot_id = ?",
            [forged.label(), forged.snapshot_id],
        )
        # The snapshot in which it was rewritten is made one with the release's own.
        tables = con.execute("select name from sqlite_master where sql like '%begin_snapshot%'").fetchall()
        for (table,) in tables:
            columns = {name for _, name, *_ in con.execute(f"pragma table_info({table})")}
            for column in columns & {"begin_snapshot", "end_snapshot"}:
                con.execute(f"update {table} set {column} = ? where {column} > ?", 2 * [forged.snapshot_id])
        con.execute("delete from ducklake_snapshot where snapshot_id > ?", [forged.snapshot_id])
        con.execute("delete from ducklake_snapshot_changes where snapshot_id > ?", [forged.snapshot_id])
        con.commit()


HIDE_ROWS = (
    "update ducklake_data_file set end_snapshot = begin_snapshot where end_snapshot is null "
    "and table_id = (select table_id from ducklake_table where table_name = 'task' and end_snapshot is null)"
)
RELABEL = (
    "update ducklake_snapshot_changes set commit_extra_info = replace(commit_extra_info, 'night', 'knight') "
    "where commit_extra_info like '%night%'"
)


@pytest.mark.parametrize(
    ("tamper", "kind", "words"),
    [
        pytest.param(edit_a_file, "edited_file", "marts/task/.*, written by release 1, was edited: its SHA-256",
                     id="an edited Parquet file"),
        pytest.param(delete_a_file, "missing_file", "marts/task/.*parquet' is missing",
                     id="a deleted Parquet file"),
        pytest.param(catalogue(HIDE_ROWS), "edited_catalogue",
                     "marts.task of release . is not what was published though its files are whole",
                     id="rows hidden in the catalogue"),
        pytest.param(catalogue(RELABEL), "edited_catalogue", "the catalogue's label of release . .* was edited",
                     id="a release's label edited"),
        pytest.param(delete_a_ledger_file("releases"), "ledger_unreadable", "the ledger cannot be read",
                     id="a file of the ledger deleted"),
        pytest.param(delete_a_ledger_file("release_files"), "ledger_unreadable", "the ledger cannot be read",
                     id="a file of its details deleted"),
        pytest.param(labelled("update lake.audit.releases set author = 'other' where release_id = 2"),
                     "edited_ledger", "the ledger row of release 2 was edited", id="an edited ledger row"),
        pytest.param(labelled("update lake.audit.release_files set bytes = 1 where release_id = 2"),
                     "edited_ledger", "the details of release 2 were edited", id="an edited detail"),
        pytest.param(labelled("delete from lake.audit.release_batches where release_id = 2"),
                     "edited_ledger", "the details of release 2 were edited: its batches",
                     id="a batch struck from the ledger"),
        pytest.param(labelled("delete from lake.audit.releases where release_id = 2"),
                     "dropped_release", "release 2 (is missing|was dropped)",
                     id="a release dropped from the middle"),
        pytest.param(labelled("delete from lake.audit.releases where release_id = 3"),
                     "dropped_release", "release 3 was dropped: snapshot .* still names it",
                     id="the newest release dropped"),
    ],
)  # fmt: skip
def test_tampering_is_found_for_its_own_reason(copy: Settings, tamper: Tamper, kind: str, words: str) -> None:
    tamper(copy)
    # Whoever writes by the lake's rules leaves a snapshot as well (test_verify_head.py).
    findings = [f for f in verify_releases(copy).findings if f.kind != "foreign_snapshot"]
    # A dropped release leaves its rows behind, and what it published.
    more = {"edited_ledger", "head_differs"} if kind == "dropped_release" else set()
    assert kind in (kinds := {finding.kind for finding in findings}) and kinds <= {kind, *more}
    assert all(re.search(words, finding.text) for finding in findings if finding.kind == kind), findings


def test_a_ledger_rewritten_with_all_its_hashes_is_found_by_the_head_noted_outside(copy: Settings) -> None:
    noted = verify_releases(copy).head
    rewrite_the_ledger(copy)
    assert kinds(copy) == set()  # from inside it is whole
    assert kinds(copy, expected_head=noted) == {"unknown_head"}


def test_contents_that_vanish_without_a_pruning_on_record_are_found(copy: Settings) -> None:
    with open_lake(copy, read_only=False) as con:
        snapshot = ledger.list_releases(con)[1].snapshot_id
        con.execute(f"call ducklake_expire_snapshots('lake', versions => [{snapshot}])")
    assert kinds(copy) == {"lost_contents"}


@pytest.fixture
def pruned(copy: Settings) -> Settings:
    """Releases 1 and 2 lost their contents by the rules, release 4 followed."""
    assert prune(copy, author="keeper", reason="old", keep_days=0, now=datetime(2030, 1, 1)).releases == [
        1,
        2,
    ]
    night(copy, 4)
    return copy


def test_a_pruning_is_a_link_of_the_chain_that_the_next_release_vouches_for(pruned: Settings) -> None:
    with open_lake(pruned) as con:
        chain, prunes, states = ledger.list_releases(con), links.list_prunes(con), links.list_states(con)
    pairs = [link for pair in zip(chain, states, strict=True) for link in pair]
    in_order = [*pairs[:6], *prunes, *pairs[6:]]
    hashes = [links.link_hash(link) for link in in_order]
    assert [link.previous_hash for link in in_order] == [ledger.GENESIS, *hashes[:-1]]
    verification = verify_releases(pruned, expected_head=chain[2].release_hash)
    assert (verification.findings, verification.pruned, verification.kept, verification.head) == (
        [],
        2,
        2,
        hashes[-1],
    )
    assert verification.since == [
        "the state of release 3",
        "the pruning of release 1",
        "the pruning of release 2",
        "release 4",
        "the state of release 4",
    ]


FORGED = (
    "insert into lake.audit.release_prunes select 3, 3, 3, pruned_at, author, reason, prune_hash, {hash} "
    "from lake.audit.release_prunes where prune_id = 2"
)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        pytest.param(
            "update lake.audit.release_prunes set author = 'other' where prune_id = 2",
            {"edited_ledger"},
            id="another name under a pruning",
        ),
        pytest.param(
            "delete from lake.audit.release_prunes",
            {"edited_ledger", "lost_contents"},
            id="the prunings struck from the ledger",
        ),
        pytest.param(FORGED.format(hash="repeat('0', 64)"), {"edited_ledger"}, id="one that was never made"),
    ],
)
def test_a_pruning_can_be_neither_hidden_nor_forged(
    pruned: Settings, statement: str, expected: set[str]
) -> None:
    labelled(statement)(pruned)
    # To append to the prunings is what a pruning does: the chain tells, not the snapshot.
    is_appended = statement.startswith("insert")
    assert kinds(pruned) == expected | (set() if is_appended else {"foreign_snapshot"})


def test_a_forged_newest_pruning_with_its_hash_right_is_told_since_the_head_noted_outside(
    copy: Settings,
) -> None:
    """Whoever may write the lake can take contents away by the rules, but not unseen."""
    noted = verify_releases(copy).head
    with open_lake(copy, read_only=False) as con:
        chain = ledger.list_releases(con)
        con.execute("begin")
        links.append_prune(con, chain, links.Prune(0, 2, 3, datetime(2026, 1, 1), "nobody", "no reason", ""))
        con.execute("call lake.set_commit_message('someone', 'something'); commit")
        con.execute(f"call ducklake_expire_snapshots('lake', versions => [{chain[1].snapshot_id}])")
    verification = verify_releases(copy, expected_head=noted)
    assert (verification.findings, verification.since) == ([], ["the pruning of release 2"])
    assert verification.head != noted


def test_a_pruning_that_was_stopped_is_told_once_when_it_is_finished(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {"author": "a", "reason": "old", "keep_days": 0, "now": datetime(2030, 1, 1)}
    with monkeypatch.context() as stopped:
        stopped.setattr(retention, "_record", lambda *args: (RECORD(*args), 1 / 0))
        with pytest.raises(ZeroDivisionError):
            prune(copy, **old)
    assert kinds(copy) == set()
    assert prune(copy, **old).releases == [1, 2]
    verification = verify_releases(copy)
    assert (verification.findings, verification.pruned, verification.kept) == ([], 2, 1)


def test_pruning_where_nothing_was_published_makes_no_lake(settings: Settings) -> None:
    with pytest.raises(FileNotFoundError, match="No release yet"):
        prune(settings, author="a", reason="b")
    assert not settings.lake.exists()


def at(release_id: int, published: datetime) -> Release:
    return Release(release_id, published, published, 0, "", "", "", "", False, "", "", "", 0, "", "")


def test_every_release_of_the_last_days_is_kept_then_the_last_of_each_month() -> None:
    # 31 January 23:30 UTC is already February in Nghệ An.
    days = [(1, 3), (1, 20), (1, 31), (2, 1), (2, 27), (5, 1), (5, 30)]
    chain = [at(n, datetime(2026, month, day, 23, 30)) for n, (month, day) in enumerate(days, start=1)]
    gone = outdated(chain, now=datetime(2026, 6, 15), keep_days=90)
    assert [release.release_id for release in gone] == [1, 3, 4]
