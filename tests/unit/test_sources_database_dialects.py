"""What each database says in its own way: numbers, values of its driver, quotes, zones, a driver that is missing."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql

from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources import relation
from pipelines.sources.contracts.contract import Column
from pipelines.sources.database import scanner, server_cursor
from pipelines.sources.database.statement import build_statement, select_origin
from pipelines.sources.errors import PermanentSourceError, SourceError
from pipelines.sources.values.cells import format_value
from tests.unit.database_support import DAY, rows, source


def test_numbers_of_sqlite_are_exact(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation, "today", lambda: DAY)
    path = tmp_path / "n.sqlite"
    with sqlite3.connect(path) as con:
        con.execute("create table n (code text, n real)")
        con.execute("insert into n values ('007', 2.0), ('008', 1.234)")
    con.close()
    live_source = source(
        f"sqlite:///{path}", table="n", cursor=None, partitioning="snapshot_day",
        columns=({"name": "code"}, {"name": "n", "type": "integer"}),
    )  # fmt: skip
    expected = [{"code": "007", "n": "2"}, {"code": "008", "n": "1,234"}]
    assert rows(settings, live_source) == expected
    assert rows(settings, live_source.model_copy(update={"scanner": False})) == expected


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "text", None), ("Lê", "text", "Lê"), (True, "boolean", "true"), (7, "text", "7"),
        (1234.0, "integer", "1234"), (1.234, "integer", "1,234"), (1e14, "text", "100000000000000"),
        (Decimal("1E+3"), "text", "1000"), (Decimal("79.00010"), "text", "79.00010"),
        (datetime(2025, 8, 6, 9, 30, 0, 250_000), "timestamp", "2025-08-06 09:30:00.25"),
        (datetime(2025, 8, 6, 9, tzinfo=UTC), "timestamp", "2025-08-06 09:00:00+00:00"),
        (date(2025, 8, 6), "date", "2025-08-06"), ({"a": [1]}, "text", '{"a": [1]}'),
    ],
)  # fmt: skip
def test_a_driver_s_value_becomes_text_without_loss(value: object, kind: Any, text: str | None) -> None:
    assert format_value(value, Column(name="c", type=kind)) == text


@pytest.mark.parametrize(
    ("dialect", "quoted", "bound"),
    [
        (postgresql.dialect(), '"Mã ""x"""', "CAST('2025-08-05 17:00:00+00:00' AS TIMESTAMP WITH TIME ZONE)"),
        (mysql.dialect(), '`Mã "x"`', "'2025-08-06 00:00:00'"),
        (mssql.dialect(), '[Mã "x"]', "CAST('2025-08-05 17:00:00+00:00' AS DATETIMEOFFSET)"),
        (oracle.dialect(), '"Mã ""x"""', "to_timestamp_tz('2025-08-05 17:00:00+00:00'"),
    ],
)
def test_every_dialect_quotes_in_its_own_way(dialect: Any, quoted: str, bound: str) -> None:
    one = source("sqlite://")
    kind: Any = "wall" if dialect.name == "mysql" else "moment"
    live_source = build_statement(
        one, DAY, select_origin(one, DAY, ()), {"code": sa.column('Mã "x"')}, kind, dialect.name
    )
    text = str(live_source.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    assert quoted in text and bound in text


def test_mysql_is_attached_by_a_secret_that_no_error_repeats(settings: Settings) -> None:
    url = "mysql+pymysql://reader:s3cret-word@127.0.0.1:1/none"
    with pytest.raises(SourceError, match=r"reading mysql\+pymysql://127\.0\.0\.1:1/none failed") as caught:
        land_partition(source(url), DAY, settings, run_id="t")
    assert "s3cret-word" not in str(caught.value) and not isinstance(caught.value, PermanentSourceError)


def test_mysql_sends_what_it_would_round_as_text() -> None:
    mysql_like = scanner.ScannedDatabase("source_x", "mysql", mysql.dialect(paramstyle="named"))
    column = Column(name="paid", type="integer")
    live_source = sa.select(scanner.select_at_server(mysql_like, "DaTra", "BOOLEAN", column).label("paid"))
    assert mysql_like.text(live_source) == "SELECT CAST(`DaTra` + 0 AS CHAR) AS paid"
    assert mysql_like.rows("select 1") == "mysql_query('source_x', 'select 1', stream_results = true)"


@pytest.mark.parametrize(
    ("zone", "expected"), [("Asia/Ho_Chi_Minh", "+07:00"), ("Europe/Berlin", "Europe/Berlin")]
)
def test_a_session_of_mysql_writes_in_the_source_s_zone(zone: str, expected: str) -> None:
    """By offset, which every server knows; by name only where summer time moves it."""
    assert scanner.format_mysql_zone(zone) == expected


def test_a_missing_driver_names_the_extra(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(url: sa.URL, **_: object) -> sa.Engine:
        raise ModuleNotFoundError(name="oracledb")

    monkeypatch.setattr(server_cursor.sa, "create_engine", absent)
    with pytest.raises(PermanentSourceError, match=r"pip install 'thongsuot\[oracle\]'"):
        land_partition(source("oracle+oracledb://r:s3cret@127.0.0.1/x"), DAY, settings, run_id="t")
