"""What others write to the lake: `verify` names it, publishing refuses it, healing takes nothing of it over.

The attacker is another DuckDB client, as anybody with the folder has one, or an editor of the catalogue's file.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from pipelines import duck
from pipelines.lake.catalogue import open_lake
from pipelines.releases import publish as publishing
from pipelines.releases.errors import ForeignHead, HealRefused
from pipelines.releases.findings import KINDS, NEXT
from pipelines.releases.retention import prune
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.small_lake import (
    TRUE_ROWS,
    Rows,
    Tamper,
    attach_outside,
    catalogue,
    edit_a_file,
    heal,
    labelled,
    make_release,
    release,
)


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(data=tmp_path_factory.mktemp("releases"))
    for number in (1, 2):
        make_release(settings, number)
    return settings


@pytest.fixture
def copy(two_releases: Settings, tmp_path: Path) -> Settings:
    """The same, free to be spoilt."""
    shutil.copytree(two_releases.data, tmp_path / "data", symlinks=True)
    return Settings(data=tmp_path / "data")


def outside(*statements: str, options: str = "") -> Tamper:
    """Small changes of a client with DuckLake's defaults rest in the catalogue itself."""

    def tamper(settings: Settings) -> None:
        with attach_outside(settings, options) as con:
            con.execute("begin")
            for statement in statements:
                con.execute(statement)
            con.execute("call lake.set_commit_message('thongsuot', 'night 3'); commit")

    return tamper


IN_FILES = ", data_inlining_row_limit 0"
FORGE = "update lake.marts.task set n = 99 where code = 'a'"
ATTACKS = [
    pytest.param(outside(FORGE, "insert into lake.marts.task values ('z', 1)"),
                 {"foreign_snapshot", "inlined_rows", "head_differs"}, id="rows forged and added, inlined"),
    pytest.param(outside("delete from lake.marts.task where code = 'a'"),
                 {"foreign_snapshot", "inlined_rows", "head_differs"}, id="a row struck out, inlined"),
    pytest.param(outside(FORGE, "delete from lake.marts.task where code = 'b'", options=IN_FILES),
                 {"foreign_snapshot", "head_differs"}, id="rows forged and struck out, in files"),
    pytest.param(outside("alter table lake.marts.task add column rate double default 0.9999",
                         "alter table lake.marts.counts rename n to m"),
                 {"foreign_snapshot", "head_differs"}, id="columns added and renamed"),
    pytest.param(outside("alter table lake.marts.task rename to other", "drop table lake.marts.counts"),
                 {"foreign_snapshot", "foreign_table", "unreadable_content"}, id="tables renamed and dropped"),
    pytest.param(outside("call lake.set_option('data_inlining_row_limit', 100)"), {"foreign_setting"},
                 id="an option"),
    pytest.param(outside("insert into lake.audit.release_marts values (9, 'marts.task', 3, 'x')"),
                 {"foreign_snapshot", "inlined_rows", "edited_ledger"}, id="a row of the ledger"),
]  # fmt: skip
OBJECTS = {
    "create view lake.marts.corrected as select 0.9999 as rate": ("foreign_view", "'corrected'"),
    "create macro lake.marts.rate(x) as 0.9999": ("foreign_macro", "'rate'"),
    "create macro lake.marts.rates(x) as table select 1 as a": ("foreign_macro", "'rates'"),
    "create schema lake.beside": ("foreign_schema", "'beside'"),
    "create table lake.audit.more as select 1 as a": ("foreign_table", "audit.more"),
    "comment on table lake.marts.task is 'a comment'": ("foreign_setting", "'a comment'"),
    "comment on column lake.marts.task.n is 'another'": ("foreign_setting", "'another'"),
    "alter table lake.marts.counts set partitioned by (code)": ("foreign_setting", "a partitioning of"),
}


def test_every_object_of_others_is_named(copy: Settings) -> None:
    outside(*OBJECTS, options=IN_FILES)(copy)
    findings = verify_releases(copy).findings
    assert {f.kind for f in findings} == {"foreign_snapshot", *(kind for kind, _ in OBJECTS.values())}
    for statement, (kind, name) in OBJECTS.items():
        assert any(f.kind == kind and name in f.text for f in findings), statement


@pytest.mark.parametrize(("tamper", "expected"), ATTACKS)
def test_what_others_write_is_found_and_nothing_is_published_upon_it(
    copy: Settings, tamper: Tamper, expected: set[str]
) -> None:
    tamper(copy)
    assert {finding.kind for finding in verify_releases(copy).findings} == expected
    if expected - {"edited_ledger"}:
        with pytest.raises(ForeignHead, match="nothing was published upon it"):
            make_release(copy, 3)
        with open_lake(copy) as con:
            assert con.execute("select count(*) from lake.audit.releases").fetchone() == (2,)


def read_task(settings: Settings) -> Rows:
    """As a reader does who names no version."""
    with attach_outside(settings, ", read_only") as con:
        return con.execute("select code, n from lake.marts.task order by all").fetchall()


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(outside(FORGE), id="inlined"),
        pytest.param(
            outside(
                "drop table lake.marts.counts",
                "create view lake.marts.counts as select 'all' as code, 7 as n",
                "alter table lake.marts.task rename n to m",
                "comment on table lake.marts.task is 'corrected'",
                "create macro lake.marts.rate(x) as 0.9999",
                "create macro lake.marts.rates(x) as table select 1 as a",
                "create schema lake.corrected",
                "create table lake.corrected.task as select 1 as a",
            ),
            id="objects",
        ),
        pytest.param(outside("call lake.set_option('data_inlining_row_limit', 100)"), id="an option"),
    ],
)
def test_a_healed_lake_is_whole_and_says_what_the_received_data_say(copy: Settings, tamper: Tamper) -> None:
    tamper(copy)
    assert heal(copy) == []  # both releases are still what they were
    assert read_task(copy) == TRUE_ROWS
    verification = verify_releases(copy)
    assert (verification.findings, verification.releases, verification.kept) == ([], 3, 3)
    make_release(copy, 4)  # and the next night publishes upon it
    assert verify_releases(copy).findings == []


def test_a_release_published_upon_a_forged_state_is_found_and_its_contents_pruned_on_record(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As releases were that were made before publishing looked."""
    outside(FORGE)(copy)
    with monkeypatch.context() as earlier:
        earlier.setattr(publishing, "refuse_foreign_head", lambda *_: None)
        earlier.setattr(publishing, "_changes", lambda con, previous, sources, replaced: [
            change for change in CHANGES(con, None, sources, replaced) if change.mart.name == "counts"
        ] + [KEPT(con, previous, sources)])  # fmt: skip
        make_release(copy, 3)
    assert read_task(copy)[0] == ("a", 99)
    findings = verify_releases(copy).findings
    assert {f.kind for f in findings} == {
        "foreign_snapshot",
        "inlined_rows",
        "edited_catalogue",
        "head_differs",
    }
    assert heal(copy) == [3]
    verification = verify_releases(copy)
    assert (verification.findings, verification.kept, verification.pruned) == ([], 3, 1)
    assert read_task(copy) == TRUE_ROWS


CHANGES = publishing._changes


def KEPT(con: duckdb.DuckDBPyConnection, previous: object, sources: dict) -> object:
    """`task` taken for unchanged, as it is in the warehouse."""
    return next(change for change in CHANGES(con, None, sources, None) if change.mart.name == "task")


def swap_a_file(settings: Settings) -> None:
    """The catalogue names a file of the attacker's in place of a release's."""
    path = next((settings.lake / "files/marts/task").glob("*.parquet"))
    forged = path.with_name("ducklake-forged.parquet")
    with duck.connect(settings.extensions) as con:
        con.execute(
            f"copy (select code, 99 as n from '{path}') to '{forged}' (format parquet, field_ids {{code: 1, n: 2}})"
        )
    catalogue(f"update ducklake_data_file set path = '{forged.name}' where path = '{path.name}'")(settings)


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        pytest.param(swap_a_file, "edited_catalogue", id="a file swapped in the catalogue"),
        pytest.param(edit_a_file, "edited_file", id="a file edited"),
    ],
)
def test_spoilt_contents_of_all_releases_are_pruned_on_record_and_made_anew(
    copy: Settings, tamper: Tamper, kind: str
) -> None:
    tamper(copy)
    assert {f.kind for f in verify_releases(copy).findings} == {kind}
    with pytest.raises(ForeignHead):
        make_release(copy, 3)
    assert heal(copy) == [1, 2]
    verification = verify_releases(copy)
    assert (verification.findings, verification.kept) == ([], 1)
    assert read_task(copy) == TRUE_ROWS


def test_nothing_is_healed_upon_an_edited_ledger(copy: Settings) -> None:
    labelled("update lake.audit.releases set author = 'other' where release_id = 1")(copy)
    with pytest.raises(HealRefused, match=r"edited_ledger: the ledger row of release 1[\s\S]*from backup"):
        heal(copy)


def test_holds_prunings_and_restored_releases_leave_nothing_foreign(copy: Settings) -> None:
    make_release(copy, 3)
    prune(copy, author="keeper", reason="old", keep_days=0, now=datetime(2030, 1, 1))
    release(copy, [("a", 5)])
    assert verify_releases(copy).findings == []


def test_every_kind_of_finding_says_what_to_do() -> None:
    assert set(NEXT) == set(KINDS)


def test_a_snapshot_that_says_it_was_a_hold_is_foreign_by_what_it_did(copy: Settings) -> None:
    outside(FORGE, options=IN_FILES)(copy)
    with closing(sqlite3.connect(copy.lake / "catalog.sqlite")) as con:
        (table_id,) = con.execute(
            "select table_id from ducklake_table where table_name = 'release_holds'"
        ).fetchone()
        con.execute(
            "update ducklake_snapshot_changes set changes_made = ? where snapshot_id = "
            "(select max(snapshot_id) from ducklake_snapshot)",
            [f"inserted_into_table:{table_id}"],
        )
        con.commit()
    assert {f.kind for f in verify_releases(copy).findings} == {"foreign_snapshot", "head_differs"}
