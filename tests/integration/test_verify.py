"""Tampering: each kind is found, for its own reason and no other. And what prune, restore, rebuild leave."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pipelines import duck
from pipelines.landing.batches import newest
from pipelines.releases import ledger
from pipelines.releases.lake import open_lake
from pipelines.releases.ledger import Release
from pipelines.releases.publish import PublishError, publish
from pipelines.releases.rebuild import rebuild
from pipelines.releases.restore import restore
from pipelines.releases.retention import outdated, prune
from pipelines.releases.verify import verify
from pipelines.settings import Settings

pytestmark = pytest.mark.slow
Tamper = Callable[[Settings], None]


@pytest.fixture
def copy(week: Settings, tmp_path: Path) -> Settings:
    """The week, free to be spoilt."""
    data = tmp_path / "data"
    shutil.copytree(week.data, data, symlinks=True, ignore=shutil.ignore_patterns("demo"))
    return Settings(data=data, sources_file=data / "sources.yaml")


def kinds(settings: Settings, **more: str) -> set[str]:
    return {finding.kind for finding in verify(settings, **more).findings}


def register_files(settings: Settings) -> list[Path]:
    return sorted((settings.lake / "files/marts/dossier_register").glob("*.parquet"))


def edit_a_file(settings: Settings) -> None:
    path = register_files(settings)[0]
    spoilt = bytearray(path.read_bytes())
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(spoilt)


def delete_a_file(settings: Settings) -> None:
    register_files(settings)[0].unlink()


def catalogue(statement: str) -> Tamper:
    def tamper(settings: Settings) -> None:
        with closing(sqlite3.connect(settings.lake / "catalog.sqlite")) as con:
            assert con.execute(statement).rowcount > 0
            con.commit()

    return tamper


def labelled(*statements: str) -> Tamper:
    """What someone with write access to the lake does, by the lake's own rules."""

    def tamper(settings: Settings) -> None:
        with open_lake(settings, read_only=False) as con:
            con.execute("begin")
            for statement in statements:
                con.execute(statement)
            con.execute("call lake.set_commit_message('someone', 'something'); commit")

    return tamper


def edit_a_batch(settings: Settings) -> None:
    path = newest(settings.landing, "dossier_log")["2025-07-15"].path
    path.write_bytes(path.read_bytes() + b"x")


def delete_a_batch(settings: Settings) -> None:
    newest(settings.landing, "dossier_log")["2025-07-15"].path.unlink()


def rewrite_the_ledger(settings: Settings) -> None:
    """Cleverly: the reason of the newest release changed, its own hash and the lake's label with it."""
    with open_lake(settings) as con:
        newest_release = ledger.releases(con)[-1]
    forged = replace(newest_release, reason="nothing to see")
    forged = replace(forged, release_hash=forged.chain_hash())
    labelled(
        f"update lake.audit.releases set reason = 'nothing to see', release_hash = '{forged.release_hash}' "
        f"where release_id = {forged.release_id}"
    )(settings)
    with closing(sqlite3.connect(settings.lake / "catalog.sqlite")) as con:
        con.execute(
            "update ducklake_snapshot_changes set commit_extra_info = ? where snapshot_id = ?",
            [forged.label(), forged.snapshot_id],
        )
        con.commit()


HIDE_ROWS = (
    "update ducklake_data_file set end_snapshot = begin_snapshot + 1 where end_snapshot is null and table_id = "
    "(select table_id from ducklake_table where table_name = 'dossier_register' and end_snapshot is null)"
)
RELABEL = (
    "update ducklake_snapshot_changes set commit_extra_info = replace(commit_extra_info, 'night', 'knight') "
    "where commit_extra_info like '%night%'"
)


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        pytest.param(edit_a_file, {"edited_file"}, id="an edited Parquet file"),
        pytest.param(delete_a_file, {"missing_file"}, id="a deleted Parquet file"),
        pytest.param(catalogue(HIDE_ROWS), {"edited_catalogue"}, id="rows hidden in the catalogue"),
        pytest.param(catalogue(RELABEL), {"edited_catalogue"}, id="a release's label edited"),
        pytest.param(
            labelled("update lake.audit.releases set author = 'other' where release_id = 3"),
            {"edited_ledger"},
            id="an edited ledger row",
        ),
        pytest.param(
            labelled("update lake.audit.release_changes set cause = 'correction' where release_id = 3"),
            {"edited_ledger"},
            id="an edited explanation",
        ),
        pytest.param(
            labelled("delete from lake.audit.release_batches where release_id = 3"),
            {"edited_ledger"},
            id="a batch struck from the ledger",
        ),
        pytest.param(
            labelled("delete from lake.audit.releases where release_id = 3"),
            {"dropped_release"},
            id="a release dropped from the middle",
        ),
        pytest.param(
            labelled("delete from lake.audit.releases where release_id = 8"),
            {"dropped_release"},
            id="the newest release dropped",
        ),
        pytest.param(edit_a_batch, {"edited_batch"}, id="a landed batch edited"),
        pytest.param(delete_a_batch, {"missing_batch"}, id="a landed batch deleted"),
    ],
)
def test_tampering_is_found_for_its_own_reason(copy: Settings, tamper: Tamper, found: set[str]) -> None:
    tamper(copy)
    assert kinds(copy) == found


def test_a_whole_week_verifies_and_says_its_head(week: Settings) -> None:
    result = verify(week)
    assert result.findings == []
    assert (result.releases, result.kept) == (8, 8) and result.files > 50 and result.batches > 70
    with open_lake(week) as con:
        assert result.head == ledger.releases(con)[-1].release_hash


def test_a_ledger_rewritten_with_all_its_hashes_is_found_by_the_head_noted_outside(copy: Settings) -> None:
    noted = verify(copy).head
    rewrite_the_ledger(copy)
    assert kinds(copy) == set()  # from inside it is whole
    assert kinds(copy, expected_head=noted) == {"unknown_head"}


def test_a_release_rebuilt_from_its_batches_has_every_hash_again(week: Settings) -> None:
    # Release 3: before the day was pulled again, before later days landed.
    rebuilt = rebuild(week, 3)
    assert (rebuilt.findings, rebuilt.notes) == ([], [])
    assert not list(week.data.glob(".rebuild.*"))


def test_a_number_changed_by_hand_before_publishing_does_not_reproduce(copy: Settings) -> None:
    with duck.connect(copy.extensions, copy.warehouse) as con:
        con.execute("update marts.online_submission_headline set online = online + 100")
    made = publish(copy, run_id="by hand", author="someone", reason="a better number")
    assert verify(copy).findings == []  # published by the rules: the lake is whole
    rebuilt = rebuild(copy, made.release.release_id)
    assert [f.kind for f in rebuilt.findings] == ["not_reproduced"]
    assert "marts.online_submission_headline" in rebuilt.findings[0].text


def test_an_old_state_is_restored_as_a_new_release_and_nothing_is_rewritten(copy: Settings) -> None:
    with open_lake(copy) as con:
        before = ledger.releases(con)
    made = restore(copy, 3, run_id="r", author="head of the task force", reason="a wrong map").release
    assert (made.release_id, made.restores, made.as_of) == (9, 3, before[2].as_of)
    assert made.marts == before[2].marts and made.input_sha256 == before[2].input_sha256
    with open_lake(copy) as con:
        assert ledger.releases(con)[:-1] == before
        now = con.execute("select count(*), sum(is_online::int) from lake.marts.dossier_register").fetchall()
        then = con.execute(
            "select count(*), sum(is_online::int) from lake.marts.dossier_register "
            f"at (version => {before[2].snapshot_id})"
        ).fetchall()
        causes = con.execute(
            "select distinct cause from lake.audit.release_changes where release_id = 9"
        ).fetchall()
    assert now == then and causes == [("restored",)]
    assert verify(copy).findings == []
    assert not restore(copy, 3, run_id="r", author="a", reason="twice").is_new
    with pytest.raises(LookupError, match="no release 42"):
        restore(copy, 42, run_id="r", author="a", reason="b")


def test_pruning_keeps_the_chain_and_the_explanations_and_reclaims_files(copy: Settings) -> None:
    later = datetime(2030, 1, 1)
    assert prune(copy, author="a", reason="dry", now=later, dry_run=True).releases == list(range(1, 8))
    done = prune(copy, author="a", reason="old", now=later)
    assert done.releases == list(range(1, 8)) and done.files > 20 and done.bytes > 0
    assert prune(copy, author="a", reason="again", now=later).releases == []
    result = verify(copy)
    assert result.findings == [] and (result.releases, result.kept) == (8, 1)
    with open_lake(copy) as con:
        assert con.execute("select count(*) from lake.audit.release_changes where release_id = 3").fetchone()[0]
    with pytest.raises(PublishError, match="pruned"):
        restore(copy, 2, run_id="r", author="a", reason="b")


def test_contents_that_vanish_without_a_pruning_on_record_are_found(copy: Settings) -> None:
    with open_lake(copy, read_only=False) as con:
        snapshot = ledger.releases(con)[1].snapshot_id
        con.execute(f"call ducklake_expire_snapshots('lake', versions => [{snapshot}])")
    assert kinds(copy) == {"lost_contents"}


def at(release_id: int, published: datetime) -> Release:
    return Release(release_id, published, published, 0, "", "", "", "", False, "", "", "", 0, "", "")


def test_every_release_of_the_last_days_is_kept_then_the_last_of_each_month() -> None:
    # 31 January 23:30 UTC is already February in Nghệ An.
    days = [(1, 3), (1, 20), (1, 31), (2, 1), (2, 27), (5, 1), (5, 30)]
    chain = [at(n, datetime(2026, month, day, 23, 30)) for n, (month, day) in enumerate(days, start=1)]
    gone = outdated(chain, now=datetime(2026, 6, 15), keep_days=90)
    assert [release.release_id for release in gone] == [1, 3, 4]
