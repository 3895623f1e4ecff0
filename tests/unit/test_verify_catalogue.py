"""Edits of the catalogue's own file, with every Parquet file whole: what a reader is told goes by it all the same."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest

from pipelines import duck
from pipelines.lake import chain as links
from pipelines.lake import ledger
from pipelines.lake.catalogue import open_lake
from pipelines.lake.clean import drop_foreign_file_objects, forget_foreign_settings
from pipelines.lake.foreign import list_foreign_file_objects
from pipelines.releases import publish as publishing
from pipelines.releases import retention
from pipelines.releases.errors import ForeignHead, HealRefused
from pipelines.releases.retention import prune
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from tests.support.small_lake import Tamper, attach_outside, catalogue, heal, make_release, release

TASK = "(select table_id from ducklake_table where table_name = 'task' and end_snapshot is null)"
LEDGER = "(select table_id from ducklake_table where table_name = 'releases' and end_snapshot is null)"
FIRST_FILE = f"(select min(data_file_id) from ducklake_data_file where table_id = {TASK})"


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


def count_above_one(settings: Settings) -> int:
    with attach_outside(settings, ", read_only") as con:
        row = con.execute("select count(*) from lake.marts.task where n > 1").fetchone()
    assert row is not None
    return int(row[0])


EDITS = {
    "the largest value of a file": f"update ducklake_file_column_stats set max_value = '0' where table_id = {TASK}",
    "the largest value of a table": f"update ducklake_table_column_stats set max_value = '0' where table_id = {TASK}",
    "whether a column has nulls": f"update ducklake_file_column_stats set null_count = 3 where table_id = {TASK}",
    "rows of a file": f"update ducklake_data_file set record_count = 7 where table_id = {TASK}",
    "rows of a table": f"update ducklake_table_stats set record_count = 7 where table_id = {TASK}",
    "the number of a file's first row": f"update ducklake_data_file set row_id_start = 9 where table_id = {TASK}",
    "a column's default": f"update ducklake_column set initial_default = '9' where table_id = {TASK}",
    "when a snapshot was made": "update ducklake_snapshot set snapshot_time = '2020-01-01 00:00:00+07'",
    "who made a snapshot": "update ducklake_snapshot_changes set author = 'other' where author = 'night'",
    "numbers of the next file": "update ducklake_snapshot set next_file_id = 0",
}


def test_a_reader_goes_by_statistics_that_somebody_edited(copy: Settings) -> None:
    """Why they are a link of the chain: no file is touched, and a number is another."""
    assert count_above_one(copy) == 2
    catalogue(EDITS["the largest value of a file"])(copy)
    assert count_above_one(copy) == 0


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_row_of_the_catalogue_is_found_and_nothing_is_published_upon_it(
    copy: Settings, edit: str
) -> None:
    catalogue(EDITS[edit])(copy)
    assert {f.kind for f in verify_releases(copy).findings} == {"edited_catalogue"}
    with pytest.raises(ForeignHead):
        make_release(copy, 3)


def test_healing_takes_no_edited_statistic_over(copy: Settings) -> None:
    for edit in ("the largest value of a file", "the largest value of a table", "rows of a table"):
        catalogue(EDITS[edit])(copy)
    heal(copy)
    assert verify_releases(copy).findings == []
    assert count_above_one(copy) == 2
    make_release(copy, 4)
    assert verify_releases(copy).findings == []


@pytest.mark.parametrize("table", ["ducklake_file_column_stats", "ducklake_table_column_stats"])
def test_statistics_of_the_ledger_are_the_ledger(copy: Settings, table: str) -> None:
    catalogue(f"update {table} set max_value = '1' where column_id = 1 and table_id = {LEDGER}")(copy)
    assert "edited_ledger" in {f.kind for f in verify_releases(copy).findings}
    with pytest.raises(HealRefused):
        heal(copy)


def test_what_a_release_before_shows_is_checked_too(copy: Settings) -> None:
    make_release(copy, 3)
    counts = TASK.replace("'task'", "'counts'")
    catalogue(
        "update ducklake_file_column_stats set max_value = '0' where data_file_id = "
        f"(select min(data_file_id) from ducklake_data_file where table_id = {counts})"
    )(copy)
    findings = verify_releases(copy).findings
    assert {f.kind for f in findings} == {"edited_catalogue"}
    assert frozenset({1}) in {f.releases for f in findings}


def test_a_table_that_cannot_be_read_is_named_for_each_release_and_hides_no_other_table(
    copy: Settings,
) -> None:
    make_release(copy, 3)
    counts = TASK.replace("'task'", "'counts'")
    catalogue(
        f"update ducklake_column set column_type = 'int32' where column_type = 'varchar' and table_id = {counts}"
    )(copy)
    catalogue(f"update ducklake_data_file set path = 'other.parquet' where table_id = {TASK}")(copy)
    findings = verify_releases(copy).findings
    assert {(f.table, *f.releases) for f in findings if f.kind == "unreadable_content"} == {
        ("marts.counts", 1), ("marts.counts", 2), ("marts.counts", 3),
    }  # fmt: skip
    assert [f.releases for f in findings if f.kind == "missing_file"] == [frozenset({1, 2, 3})]


def test_a_file_of_which_one_release_after_another_strikes_rows_out_is_whole_in_all(
    settings: Settings,
) -> None:
    """DuckLake makes the catalogue's row of what is stricken out over each time."""
    rows = dict.fromkeys("abcdefgh", 1)
    for code in ("", "a", "b", "c"):
        rows |= {code: 2} if code else {}
        release(settings, list(rows.items()))
    release(settings, list(rows.items())[3:])
    verification = verify_releases(settings)
    assert (verification.findings, verification.kept) == ([], 5)
    prune(settings, author="keeper", reason="old", keep_days=0, now=datetime(2030, 1, 1))
    assert verify_releases(settings).findings == []


def test_a_state_is_a_link_of_the_chain(copy: Settings) -> None:
    with open_lake(copy) as con:
        chain, states = ledger.list_releases(con), links.list_states(con)
    assert [state.release_id for state in states] == [1, 2]
    hashes = [chain[0].release_hash, states[0].state_hash, chain[1].release_hash, states[1].state_hash]
    previous = [
        chain[0].previous_hash,
        states[0].previous_hash,
        chain[1].previous_hash,
        states[1].previous_hash,
    ]
    assert previous == [ledger.GENESIS, *hashes[:-1]]
    verification = verify_releases(copy, expected_head=hashes[0])
    assert (verification.findings, verification.head) == ([], hashes[-1])
    assert verification.since == ["the state of release 1", "release 2", "the state of release 2"]


def test_a_release_whose_state_was_not_recorded_yet_is_read_whole_and_recorded_by_the_next(
    copy: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was killed between the two."""
    with monkeypatch.context() as killed:
        killed.setattr(publishing, "record_state", lambda *_: None)
        make_release(copy, 3)
    assert verify_releases(copy).findings == []
    make_release(copy, 3)  # nothing new
    with open_lake(copy) as con:
        assert [state.release_id for state in links.list_states(con)] == [1, 2, 3]
    assert verify_releases(copy).findings == []


def test_the_newest_release_is_never_pruned_on_record(copy: Settings) -> None:
    """Its contents gone, and a record with every hash right: what a reader sees would be no release's."""
    with open_lake(copy, read_only=False) as con:
        chain = ledger.list_releases(con)
        newest = chain[-1]
        con.execute("begin")
        record = links.Prune(
            0, newest.release_id, newest.release_id, newest.published_at, "nobody", "no reason", ""
        )
        links.append_prune(con, chain, record)
        con.execute("call lake.set_commit_message('someone', 'something'); commit")
        con.execute(f"call ducklake_expire_snapshots('lake', versions => [{newest.snapshot_id}])")
    findings = verify_releases(copy).findings
    assert any(f.kind == "edited_ledger" and "nothing prunes that" in f.text for f in findings)


def point_at_forged_files(settings: Settings) -> None:
    """By a copy of the lake's files in which one number is another."""
    forged = settings.data / "forged"
    shutil.copytree(settings.lake / "files", forged)
    path = next((forged / "marts/task").glob("*.parquet"))
    true = next((settings.lake / "files/marts/task").glob("*.parquet"))
    with duck.connect(settings.extensions) as con:
        con.execute(
            f"copy (select code, 99 as n from '{true}') to '{path}' (format parquet, field_ids {{code: 1, n: 2}})"
        )
    catalogue(f"update ducklake_metadata set value = '{forged}/' where key = 'data_path'")(settings)


def edit_catalogue(statement: str) -> Tamper:
    def tamper(settings: Settings) -> None:
        with closing(sqlite3.connect(settings.lake / "catalog.sqlite")) as con:
            con.execute(statement)
            con.commit()

    return tamper


def edit_definition(table: str, words: str, others: str) -> Tamper:
    def tamper(settings: Settings) -> None:
        with closing(sqlite3.connect(settings.lake / "catalog.sqlite")) as con:
            con.execute("pragma writable_schema = on")
            con.execute(
                "update sqlite_master set sql = replace(sql, ?, ?) where name = ?", [words, others, table]
            )
            con.commit()

    return tamper


ROWS_OF_OTHERS = [
    pytest.param(point_at_forged_files, "data_path is .*/forged/", id="forged files elsewhere"),
    pytest.param(edit_catalogue("update ducklake_metadata set value = 's3://b/' where key = 'data_path'"),
                 "data_path is 's3://b/'", id="files on another machine"),
    pytest.param(edit_catalogue("insert into ducklake_files_scheduled_for_deletion select data_file_id, path, 1, "
                                "'2020-01-01 00:00:00+07' from ducklake_data_file"),
                 "would have the file 'ducklake-.* deleted by the next pruning", id="its own files to be deleted"),
    pytest.param(edit_catalogue("insert into ducklake_files_scheduled_for_deletion values "
                                "(1, '../../landing/one.parquet', 1, '2020-01-01 00:00:00+07')"),
                 "would have the file '../../landing", id="files elsewhere to be deleted"),
]  # fmt: skip
# How it is told → what makes it.
OBJECTS_OF_OTHERS = {
    "a trigger named 'later'": edit_catalogue(
        "create trigger later after insert on ducklake_snapshot begin "
        "update ducklake_table_stats set record_count = 7; end"
    ),
    "a view named 'ducklake_more'": edit_catalogue("create view ducklake_more as select 1"),
    "a table named 'more'": edit_catalogue("create table more (a)"),
    "a table named 'ducklake_table', made otherwise": edit_definition(  # names are compared otherwise
        "ducklake_table", "table_name VARCHAR", "table_name VARCHAR COLLATE NOCASE"
    ),
    "a table named 'ducklake_snapshot', made otherwise": edit_definition(  # a later release would be refused
        "ducklake_snapshot", "schema_version BIGINT", "schema_version BIGINT CHECK (snapshot_id < 99)"
    ),
    "a table named 'ducklake_metadata', made otherwise": edit_catalogue(
        "alter table ducklake_metadata add more text generated always as ('x') virtual"
    ),
    "an? index named 'quick'": edit_catalogue("create index quick on ducklake_table (table_id)"),
}


@pytest.mark.parametrize(("tamper", "words"), ROWS_OF_OTHERS)
def test_what_was_edited_into_the_catalogues_file_is_found_and_refused(
    copy: Settings, tamper: Tamper, words: str
) -> None:
    tamper(copy)
    check_refusal(copy, [words])


def test_what_was_created_in_the_catalogues_file_is_found_and_refused(copy: Settings) -> None:
    for tamper in OBJECTS_OF_OTHERS.values():
        tamper(copy)
    check_refusal(copy, list(OBJECTS_OF_OTHERS))


def check_refusal(settings: Settings, patterns: list[str]) -> None:
    """Each pattern is met by a finding of its own, also of those that refuse; cleaning takes all objects away."""
    verified = verify_releases(settings).findings
    assert {f.kind for f in verified} == {"foreign_setting"}
    with pytest.raises(ForeignHead, match="nothing was pruned") as pruning:
        prune(settings, author="keeper", reason="old", keep_days=0, now=datetime(2030, 1, 1))
    with open_lake(settings) as con, pytest.raises(ForeignHead) as publishing_upon_it:
        publishing.refuse_foreign_head(con, settings, ledger.list_releases(con))
    for findings in (verified, pruning.value.findings, publishing_upon_it.value.findings):
        assert len(findings) >= len(patterns)
        for words in patterns:
            assert any(re.search(words, finding.text) for finding in findings), words
    drop_foreign_file_objects(settings)
    with open_lake(settings) as con:
        assert list_foreign_file_objects(con) == []


def test_a_pruning_that_was_stopped_half_way_leaves_nothing_foreign(copy: Settings) -> None:
    """Its files are still to be deleted; the next pruning does it."""
    with open_lake(copy, read_only=False) as con:
        first = ledger.list_releases(con)[0]
        forget = retention._record
        forget(con, ledger.list_releases(con), [1], datetime(2030, 1, 1), "keeper", "old")
        con.execute(
            f"call ducklake_expire_snapshots('lake', versions => [{first.snapshot_id}, {first.snapshot_id + 1}])"
        )
    with closing(sqlite3.connect(copy.lake / "catalog.sqlite")) as file:
        (scheduled,) = file.execute("select count(*) from ducklake_files_scheduled_for_deletion").fetchone()
    assert scheduled > 0
    assert verify_releases(copy).findings == []
    make_release(copy, 3)


def test_healing_names_the_lakes_own_files_again(copy: Settings) -> None:
    point_at_forged_files(copy)
    with open_lake(copy, read_only=False) as con:
        forget_foreign_settings(con)
    assert verify_releases(copy).findings == []
    with closing(sqlite3.connect(copy.lake / "catalog.sqlite")) as file:
        data_path = file.execute("select value from ducklake_metadata where key = 'data_path'").fetchone()
    assert data_path == (f"{copy.lake / 'files'}/",)
