"""A database that never ends: a view, a statement that waits, a server that says nothing. The pull does."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources import relation
from pipelines.sources.contracts.contract import Source
from pipelines.sources.database import deadline
from pipelines.sources.database.deadline import PullDeadline
from pipelines.sources.errors import PermanentSourceError
from tests.unit.database_support import DAY, source

ENDLESS = "with recursive n(x) as (select 1 union all select x + 1 from n) select x as code from n"
SECONDS = 0.3
LATE = f"had not given its last row after {SECONDS} seconds.*raise `pull_seconds` of log"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relation, "today", lambda: DAY)
    monkeypatch.setattr(deadline, "PAUSE_SECONDS", 0.1)


def whole(url: str, **changes: object) -> Source:
    column = ({"name": "code", "required": True},)
    keys: dict[str, object] = {
        "cursor": None,
        "partitioning": "snapshot_day",
        "columns": column,
        "pull_seconds": SECONDS,
    }
    return source(url, **keys | changes)


def is_late(settings: Settings, one: Source, day: date = DAY) -> bool:
    began = time.monotonic()
    with pytest.raises(PermanentSourceError, match=LATE):
        land_partition(one, day, settings, run_id="t")
    return time.monotonic() - began > 30


def make_file(tmp_path: Path, *statements: str) -> str:
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as con:
        for statement in statements:
            con.execute(statement)
        con.commit()
    return f"sqlite:///{tmp_path / 'x.sqlite'}"


@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize("ending", ["", " where x < 0"], ids=["rows", "no row"])
def test_a_view_of_a_file_that_never_ends(
    settings: Settings, tmp_path: Path, scanned: bool, ending: str
) -> None:
    url = make_file(tmp_path, f"create view v as {ENDLESS}{ending}")
    assert not is_late(settings, whole(url, table="v", scanner=scanned))
    # Under a name written otherwise, and as a query.
    assert not is_late(settings, whole(url, table="V", scanner=scanned))
    assert not is_late(settings, whole(url, table=None, query=f"{ENDLESS}{ending}", scanner=scanned))


@pytest.mark.parametrize("scanned", [True, False])
def test_a_view_that_ends_is_landed(settings: Settings, tmp_path: Path, scanned: bool) -> None:
    url = make_file(
        tmp_path,
        "create table t (code)",
        "insert into t values ('a'), ('b')",
        "create view v as select * from t",
    )
    for name in ("v", "t"):
        batch = land_partition(
            whole(url, table=name, scanner=scanned, pull_seconds=600), DAY, settings, run_id="t"
        )
        assert sorted(pq.read_table(batch.path)["code"].to_pylist()) == ["a", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize("wait", ["select pg_sleep(600)::text as code", f"{ENDLESS} where x < 0"])
def test_a_statement_that_waits_or_never_ends_at_a_server(
    settings: Settings, postgres: str, scanned: bool, wait: str
) -> None:
    url = postgres.replace("postgresql://", "postgresql+psycopg2://")
    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute("drop view if exists v")
        con.execute(
            f"create view v as {wait.replace('recursive n(x) as (select 1', 'recursive n(x) as (select 1::numeric')}"
        )
    assert not is_late(settings, whole(url, table="v", scanner=scanned))
    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )


@contextmanager
def silent_server() -> Iterator[int]:
    """It takes every connection, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connections = []

        def accept() -> None:
            while True:
                try:
                    connections.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()


# Through the cursor only PostgreSQL: MySQL's driver is an extra.
@pytest.mark.parametrize(
    ("kind", "scanned"),
    [("postgresql+psycopg2", True), ("mysql+pymysql", True), ("postgresql+psycopg2", False)],
)
def test_a_server_that_takes_the_connection_and_says_nothing(
    settings: Settings, kind: str, scanned: bool
) -> None:
    with silent_server() as port:
        assert not is_late(
            settings, whole(f"{kind}://reader:x@127.0.0.1:{port}/db", table="t", scanner=scanned)
        )


def test_a_driver_whose_stopping_waits_too_is_shut_down_all_the_same() -> None:
    with silent_server() as port, socket.create_connection(("127.0.0.1", port)) as connection:
        url = sa.engine.make_url(f"postgresql://127.0.0.1:{port}/db")
        began = time.monotonic()
        with PullDeadline(0.1, url, threading.Event().wait) as limit:
            assert connection.recv(1) == b""
        assert limit.is_over and time.monotonic() - began < 10
