"""A real PostgreSQL that dies while it is read: nothing is half there, and the next pull lands all."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest

from pipelines.landing.batches import list_batches
from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources.contracts.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError

DAY = date(2025, 8, 6)
ROWS, STALLED_AT = 120_000, 90_000


@pytest.fixture(scope="module", autouse=True)
def stalling(postgres: str) -> None:
    """A view whose reading stops at a row for as long as there is a row in `stall`."""
    with psycopg.connect(postgres) as con:
        con.execute("create table stall (on_ boolean)")
        con.execute(
            f"create view log as select i || case when i = {STALLED_AT} and exists (select from stall) "
            "then pg_sleep(120)::text else '' end as code, timestamp '2025-08-06 08:00' as t "
            f"from generate_series(1, {ROWS}) i"
        )
        con.execute("create role reader login password 's3cret-word'")
        con.execute("grant usage on schema public to reader")


def source(url: str, **changes: Any) -> Source:
    base: dict[str, Any] = {
        "name": "log", "title_vi": "", "connector": "database", "grain": "state", "key": ("code",),
        "partitioning": "change_day", "table": "log", "cursor": "t", "max_rejected_share": 0.1,
        "url": url.replace("postgresql://", "postgresql+psycopg2://"), "suite": "dossier_log.json",
        "columns": ({"name": "code", "required": True},),
    }  # fmt: skip
    return Source.model_validate(base | changes)


def the_stalled_reader(url: str) -> int:
    """Its process, once the server waits in the middle of the answer."""
    with psycopg.connect(url, autocommit=True) as con:
        for _ in range(3_000):
            row = con.execute("select pid from pg_stat_activity where wait_event = 'PgSleep'").fetchone()
            if row:
                return int(row[0])
            time.sleep(0.01)
    raise AssertionError("the reader never came to the row that stalls")


def until_it_answers(url: str) -> None:
    """A killed backend makes the server start over, which takes a moment."""
    for _ in range(3_000):
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.01)
    raise AssertionError("the server does not come back")


def until_it_refuses(url: str) -> None:
    """The server takes a moment to read its pg_hba.conf again."""
    for _ in range(3_000):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            return
        time.sleep(0.01)
    raise AssertionError("the server asks for no password")


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False], ids=["scanner", "server-side cursor"])
def test_a_server_killed_in_mid_read_leaves_nothing_and_the_next_pull_lands_all(
    tmp_path: Path, postgres: str, scanned: bool
) -> None:
    settings = Settings(data=tmp_path)
    one = source(postgres, scanner=scanned)
    with psycopg.connect(postgres) as con:
        con.execute("insert into stall values (true)")
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(land_partition, one, DAY, settings, run_id="t")
        os.kill(the_stalled_reader(postgres), signal.SIGKILL)
        with pytest.raises(SourceError) as caught:
            reading.result(timeout=60)
    message = str(caught.value)
    assert message.startswith("log 2025-08-06: reading postgresql+psycopg2:///test_source_faults failed (")
    assert "Nothing was landed; the pull is tried again as a whole." in message
    assert not isinstance(caught.value, PermanentSourceError)
    assert [p for p in settings.landing.rglob("*") if p.is_file()] == []

    until_it_answers(postgres)
    with psycopg.connect(postgres) as con:
        con.execute("delete from stall")
    batch = land_partition(one, DAY, settings, run_id="t")
    assert batch.rows == ROWS and list(list_batches(settings.landing)) == [batch]
    assert len(set(pq.read_table(batch.path)["code"].to_pylist())) == ROWS


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False], ids=["scanner", "server-side cursor"])
def test_a_user_who_may_not_read_the_table_is_told_so(tmp_path: Path, postgres: str, scanned: bool) -> None:
    url = postgres.replace("postgres:@", "reader:s3cret-word@")
    with pytest.raises(PermanentSourceError, match="refuses the statement") as caught:
        land_partition(source(url, scanner=scanned), DAY, Settings(data=tmp_path), run_id="t")
    assert "s3cret-word" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False], ids=["scanner", "server-side cursor"])
def test_a_wrong_password_is_not_tried_again(tmp_path: Path, postgres: str, scanned: bool) -> None:
    """The server asks for one only where its pg_hba.conf says so."""
    with psycopg.connect(postgres) as con:
        [hba] = con.execute("show hba_file").fetchone() or [""]
        before = Path(hba).read_text(encoding="utf-8")
        Path(hba).write_text("local all reader scram-sha-256\n" + before, encoding="utf-8")
        con.execute("select pg_reload_conf()")
    url = postgres.replace("postgres:@", "reader:wr0ng-word@")
    try:
        until_it_refuses(url)
        with pytest.raises(PermanentSourceError, match="refused the login") as caught:
            land_partition(source(url, scanner=scanned), DAY, Settings(data=tmp_path), run_id="t")
        assert "wr0ng-word" not in str(caught.value)
    finally:
        Path(hba).write_text(before, encoding="utf-8")
        with psycopg.connect(postgres) as con:
            con.execute("select pg_reload_conf()")
