"""As `bi_reader`, on a real server: every way to write, to make the publisher wait, to look elsewhere."""

from __future__ import annotations

from contextlib import nullcontext

import psycopg
import pytest

from pipelines.exports.postgres import export as postgres
from pipelines.exports.postgres import schema
from pipelines.exports.postgres.export import PostgresError
from pipelines.settings import Settings
from tests.support.small_lake import release
from tests.unit.reader_statements import ELSEWHERE, WAITS, WRITES
from tests.unit.test_export_postgres import read, reader, target

__all__ = ["target"]  # a fixture


def list_statements(text: str) -> list[str]:
    return text.strip().splitlines()


def test_the_reader_writes_waits_and_looks_nowhere_else(target: Settings) -> None:
    release(target, [("a", 1)])
    assert "reader" not in postgres.load_postgres(target).details
    allowed = []
    with reader(target) as bi:
        bi.execute("set default_transaction_read_only = off")  # anyone may; the grants must hold
        for statement in list_statements(WRITES + WAITS.lstrip() + ELSEWHERE.lstrip()):
            try:
                # A lock is one of a transaction's, and ALTER SYSTEM of none.
                with bi.transaction() if statement.startswith("lock") else nullcontext():
                    bi.execute(statement)
            except psycopg.errors.InsufficientPrivilege:
                continue
            except psycopg.Error as error:
                allowed.append(f"{statement}: {error}")
            else:
                allowed.append(statement)
    # ANALYZE of a table that is not one's own is skipped with a warning, in every version of PostgreSQL.
    assert [statement for statement in allowed if statement != "analyze marts.task"] == []


def test_limits_that_the_reader_lifted_are_set_again_and_named(target: Settings) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    with reader(target) as bi:
        bi.execute("set default_transaction_read_only = off")
        bi.execute("alter role bi_reader set statement_timeout = 0")
        bi.execute("alter role bi_reader set search_path = pg_catalog")
        bi.execute("alter role bi_reader set work_mem = '1GB'")
        # Without the next export nobody could log in as the reader any more.
        bi.execute("alter role bi_reader set local_preload_libraries = 'nosuch'")
        bi.execute("alter role bi_reader set role = 'postgres'")
        bi.execute("alter role bi_reader in database province set default_transaction_read_only = off")
    remark = postgres.load_postgres(target).details["reader"]
    for name in ("statement_timeout", "search_path", "work_mem", "default_transaction_read_only"):
        assert name in remark
    with reader(target) as bi:
        settings = [
            bi.execute(f"show {name}").fetchone()
            for name in (
                "statement_timeout",
                "search_path",
                "default_transaction_read_only",
                "temp_file_limit",
            )
        ]
    assert settings == [("1min",), ("marts, audit",), ("on",), ("5GB",)]
    assert "reader" not in postgres.load_postgres(target).details


def test_a_hijacked_password_is_the_configured_one_again(target: Settings) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    with reader(target) as bi:
        bi.execute("set default_transaction_read_only = off")
        bi.execute("alter role bi_reader password 'hijack'")
    postgres.load_postgres(target)
    assert read(
        target, "select rolpassword like 'SCRAM-SHA-256$%' from pg_authid where rolname = 'bi_reader'"
    ) == [(True,)]
    with reader(target) as bi:
        assert bi.execute("select current_user").fetchone() == ("bi_reader",)


def test_rights_beyond_select_are_reported(target: Settings) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    assert target.postgres_url
    with psycopg.connect(target.postgres_url, autocommit=True) as pg:
        pg.execute("grant insert on marts.task to bi_reader; alter role bi_reader createdb")
        try:
            remark = postgres.load_postgres(target).details["reader"]
        finally:
            pg.execute("alter role bi_reader nocreatedb")
    assert "may change marts.task" in remark and "is createdb" in remark


def test_another_publisher_is_waited_for_no_longer_than_the_limit_and_a_reader_not_at_all(
    target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    release(target, [("a", 2)])
    assert target.postgres_url
    with psycopg.connect(target.postgres_url) as other, monkeypatch.context() as short:
        short.setattr(schema, "LOCK_TIMEOUT", "100ms")
        schema.lock_publisher(other)
        with pytest.raises(PostgresError, match="lock timeout"):
            postgres.load_postgres(target)
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "2s")
    with reader(target) as bi:
        bi.execute("begin; lock table marts.releases in access share mode; select * from marts.task")
        assert postgres.load_postgres(target).rewritten
        bi.execute("rollback")


def test_a_publisher_without_the_right_says_what_an_administrator_has_to_do(target: Settings) -> None:
    release(target, [("a", 1)])
    assert target.postgres_url
    with psycopg.connect(target.postgres_url, autocommit=True) as pg:
        pg.execute("drop role if exists publisher")
        pg.execute("create role publisher login createrole")
        pg.execute("alter database province owner to publisher; alter schema public owner to publisher")
    try:
        own = Settings(
            data=target.data, postgres_url=target.postgres_url.replace("postgres:@", "publisher:@")
        )
        remark = postgres.load_postgres(own).details["reader"]
        assert "a superuser has to revoke" in remark
        assert "docs/security.md" in remark
    finally:
        with psycopg.connect(target.postgres_url, autocommit=True) as pg:
            pg.execute(
                "reassign owned by publisher to postgres; drop owned by publisher; drop role publisher"
            )


def test_rights_that_were_taken_from_the_reader_are_granted_again_and_named(target: Settings) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    assert target.postgres_url
    with reader(target) as bi, psycopg.connect(target.postgres_url, autocommit=True) as administrator:
        administrator.execute("drop owned by bi_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bi.execute("select * from marts.task")
    assert "granted again" in postgres.load_postgres(target).details["reader"]
    with reader(target) as bi:
        assert bi.execute("select * from marts.task").fetchall() == [("a", 1)]
    assert "reader" not in postgres.load_postgres(target).details


def test_what_the_publisher_asks_and_reads_is_not_shown_to_the_reader(target: Settings) -> None:
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    assert target.postgres_url
    with psycopg.connect(target.postgres_url) as publisher, reader(target) as bi:
        publisher.execute("select 'secret words'")
        sessions = bi.execute(
            "select query, client_addr from pg_stat_activity where usename = 'postgres'"
        ).fetchall()
    assert sessions and all(row == ("<insufficient privilege>", None) for row in sessions)


def test_open_cursors_and_a_flood_of_notes_make_no_export_wait(
    target: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a reader that listens and never reads, one that sleeps, and cursors held open over both tables."""
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", "2s")
    release(target, [("a", 1)])
    postgres.load_postgres(target)
    release(target, [("a", 2), ("b", 3)])
    with reader(target) as bi, reader(target) as deaf:
        deaf.execute("listen x")
        deaf.execute("begin; select 1")
        for _ in range(20):
            bi.execute("select pg_notify('x', repeat('x', 7000) || n) from generate_series(1, 50) n")
        bi.execute("set statement_timeout = 0; set idle_in_transaction_session_timeout = 0")
        bi.execute("begin isolation level serializable; declare c cursor for select * from marts.task")
        bi.execute(
            "declare d cursor with hold for select * from marts.releases; fetch 1 from c; fetch 1 from d"
        )
        assert postgres.load_postgres(target).rewritten
        assert bi.execute("fetch all from c").fetchall() == []  # its snapshot had one row
    assert read(target, "select code, n from marts.task order by 1") == [("a", 2), ("b", 3)]


def test_a_prepared_transaction_that_nobody_ends_is_named(target: Settings) -> None:
    """It holds its locks without a session; only a server that allows them has any."""
    assert target.postgres_url
    with psycopg.connect(target.postgres_url, autocommit=True) as pg:
        pg.execute("create schema stand_in")
        pg.execute(
            "create view stand_in.pg_prepared_xacts as select 'left' as gid, 'bi_reader'::name as owner, "
            "current_database() as database, now() as prepared"
        )
        pg.execute("alter database province set search_path = stand_in, pg_catalog")
    assert "(bi_reader, prepared transaction left, since 20" in postgres.describe_lockers(target.postgres_url)
