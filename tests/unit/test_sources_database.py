"""One day of changes from a database: the scanner, the server-side cursor and PostgreSQL agree."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from pipelines.demo import load_into_postgres
from pipelines.landing.pull import land_partition
from pipelines.settings import Settings
from pipelines.sources import relation
from pipelines.sources.contracts.contract import Source
from pipelines.sources.database import server_cursor
from pipelines.sources.database.statement import find_window
from pipelines.sources.errors import NotProvided, PermanentSourceError, SourceError
from tests.unit.database_support import DAY, rows, source


@pytest.fixture
def one_stop(tmp_path: Path) -> Path:
    path = tmp_path / "one_stop.sqlite"
    with sqlite3.connect(path) as con:
        con.execute('create table ho_so_trang_thai ("MaHoSo", "TrangThai", "ThoiGianDongBo", "ChuHoSo")')
        con.executemany(
            "insert into ho_so_trang_thai values (?, ?, ?, ?)",
            [
                ("before", 2, "2025-08-05 23:59:59", "Lê Mẫu"),
                ("first", 2, "2025-08-06 00:00:00", "Lê Mẫu"),
                ("o'clock", None, "2025-08-06 16:00:00", "Lê Mẫu"),
                ("last", 10, "2025-08-06 23:59:59", "Lê Mẫu"),
                ("after", 2, "2025-08-07 00:00:00", "Lê Mẫu"),
            ],
        )
    con.close()
    return path


EXPECTED = [
    {"code": "first", "status": "2", "synced_at": "2025-08-06 00:00:00"},
    {"code": "o'clock", "status": None, "synced_at": "2025-08-06 16:00:00"},
    {"code": "last", "status": "10", "synced_at": "2025-08-06 23:59:59"},
]


def test_a_partition_is_the_local_day_of_the_change(settings: Settings, one_stop: Path) -> None:
    assert rows(settings, source(f"sqlite:///{one_stop}")) == EXPECTED


def test_the_server_side_cursor_gives_the_same_batch(
    settings: Settings, one_stop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows: which chunk is written first is not promised."""
    monkeypatch.setattr(server_cursor, "CHUNK_ROWS", 2)
    landed = rows(settings, source(f"sqlite:///{one_stop}", scanner=False))
    assert sorted(landed, key=lambda row: row["synced_at"]) == EXPECTED


def test_personal_columns_are_not_in_the_query(settings: Settings, one_stop: Path) -> None:
    batch = land_partition(source(f"sqlite:///{one_stop}"), DAY, settings, run_id="t")
    assert "ChuHoSo" not in batch.origin
    assert pq.read_schema(batch.path).names == ["code", "status", "synced_at"]


def test_identifiers_are_quoted(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "odd.sqlite"
    with sqlite3.connect(path) as con:
        con.execute('create table "a ""b"" c" ("Mã ""x""", t)')
        con.execute("""insert into "a ""b"" c" values ('1', '2025-08-06 01:00:00')""")
    con.close()
    odd = source(
        f"sqlite:///{path}",
        table='a "b" c',
        cursor="t",
        columns=({"name": "code", "raw": 'Mã "x"', "required": True},),
    )
    assert rows(settings, odd) == [{"code": "1"}]


def test_a_missing_table_and_a_missing_file_say_what_to_do(settings: Settings, one_stop: Path) -> None:
    with pytest.raises(PermanentSourceError, match="log 2025-08-06: no table 'nowhere'"):
        land_partition(source(f"sqlite:///{one_stop}", table="nowhere"), DAY, settings, run_id="t")
    with pytest.raises(PermanentSourceError, match="thongsuot demo"):
        land_partition(source("sqlite:////nowhere/at/all.sqlite"), DAY, settings, run_id="t")


def test_a_password_is_in_no_error(settings: Settings) -> None:
    url = "postgresql+psycopg2://reader:s3cret-word@127.0.0.1:1/none"
    with pytest.raises(SourceError) as caught:
        land_partition(source(url), DAY, settings, run_id="t")
    assert "s3cret-word" not in f"{caught.value}{caught.value.__cause__}"
    assert "127.0.0.1" in str(caught.value) and "reader:" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["postgresql://reader:s3cret@-word@db/none", "postgresql://db:s3cret-word/none"]
)
def test_an_address_that_is_none_is_refused_and_not_repeated(settings: Settings, url: str) -> None:
    with pytest.raises(PermanentSourceError, match=r"log 2025-08-06: `url` in sources\.yaml") as caught:
        land_partition(source(url), DAY, settings, run_id="t")
    assert "word" not in str(caught.value).replace("password", "").replace("PASSWORD", "")


def test_a_password_among_the_parameters_is_in_no_error(settings: Settings) -> None:
    url = "postgresql+psycopg2://127.0.0.1:1/none?password=s3cret-word&sslmode=disable"
    with pytest.raises(SourceError) as caught:
        land_partition(source(url), DAY, settings, run_id="t")
    assert "s3cret-word" not in str(caught.value)


def test_the_local_day_is_found_in_a_source_that_writes_utc(settings: Settings, one_stop: Path) -> None:
    """06/08 in Viet Nam is 05/08 17:00 to 06/08 17:00 UTC."""
    in_utc = source(f"sqlite:///{one_stop}", timezone="UTC")
    assert [row["code"] for row in rows(settings, in_utc)] == ["before", "first", "o'clock"]


def live(postgres: str, **changes: object) -> Source:
    return source(postgres.replace("postgresql://", "postgresql+psycopg2://"), **changes)


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False])
def test_postgresql_gives_the_same_batch_as_sqlite(
    settings: Settings, one_stop: Path, postgres: str, scanned: bool
) -> None:
    assert load_into_postgres(one_stop, postgres) == 5
    assert rows(settings, live(postgres, scanner=scanned)) == EXPECTED


# Value in PostgreSQL, type of the contract's column → the landed text.
NATIVE = [
    ("'2025-08-06 09:30:00'::timestamp", "timestamp", "2025-08-06 09:30:00"),
    ("'2025-08-06 09:30:00.25'::timestamp", "timestamp", "2025-08-06 09:30:00.25"),
    ("'2025-08-06 09:30:00+07'::timestamptz", "timestamp", "2025-08-06 02:30:00+00:00"),
    ("'2025-08-06'::date", "date", "2025-08-06"),
    ("true", "boolean", "true"),
    ("12::smallint", "integer", "12"),
    ("12345678901234567890.12::numeric(30,2)", "text", "12345678901234567890.12"),
    ("79.00010::numeric", "text", "79.00010"),
    ("1234.00::numeric(10,2)", "integer", "1234"),
    ("1.234::numeric", "integer", "1,234"),
    ("1e14::float8", "text", "100000000000000"),
    ("1e-7::float8", "text", "0.0000001"),
    ("0.1::float8", "text", "0.1"),
    ("42::float8", "bigint", "42"),
    ("null::numeric", "integer", None),
]


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_native_types_become_text_that_typing_reads_back(
    settings: Settings, postgres: str, scanned: bool, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where server and machine write dates their own way: neither may show in the batch."""
    monkeypatch.setenv("TZ", zone)
    monkeypatch.setenv("PGTZ", zone)
    monkeypatch.setenv("PGDATESTYLE", "SQL, DMY")
    monkeypatch.setattr(relation, "today", lambda: DAY)
    listed = ", ".join(f"{value} as c{n}" for n, (value, _, _) in enumerate(NATIVE))
    columns = tuple({"name": f"c{n}", "type": kind} for n, (_, kind, _) in enumerate(NATIVE))
    live_source = live(
        postgres, table=None, query=f"select {listed} -- 100% of them", cursor=None, key=("c0",),
        partitioning="snapshot_day", columns=columns, scanner=scanned,
    )  # fmt: skip
    [row] = rows(settings, live_source)
    assert [row[f"c{n}"] for n in range(len(NATIVE))] == [text for _, _, text in NATIVE]


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False])
def test_a_code_kept_as_a_floating_point_number_is_refused_where_it_lost_digits(
    settings: Settings, postgres: str, scanned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation, "today", lambda: DAY)
    live_source = live(
        postgres, table=None, query="select 1e20::float8 as code", cursor=None, key=("code",),
        partitioning="snapshot_day", columns=({"name": "code"},), scanner=scanned,
    )  # fmt: skip
    with pytest.raises(
        PermanentSourceError, match=r"column 'code' holds .*digits are lost.*Nothing was landed"
    ):
        rows(settings, live_source)


@pytest.mark.slow
def test_a_whole_table_that_duckdb_divides_among_threads_is_the_same_table(
    settings: Settings, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relation, "today", lambda: DAY)
    with psycopg.connect(postgres) as con:
        con.execute('create schema if not exists "o\'ne"')
        con.execute('drop table if exists "o\'ne".whole')
        con.execute(
            'create table "o\'ne".whole as select i::text as code, i::numeric(12,3) as n, '
            "timestamp '2025-08-06' + i * interval '1 second' as t from generate_series(1, 300000) i"
        )
    one = live(
        postgres, table="whole", db_schema="o'ne", cursor=None, cursor_format=None,
        partitioning="snapshot_day",
        columns=({"name": "code"}, {"name": "n", "type": "integer"}, {"name": "t", "type": "timestamp"}),
    )  # fmt: skip
    divided = rows(settings, one)
    streamed = rows(settings, one.model_copy(update={"table": None, "query": 'select * from "o\'ne".whole'}))
    assert divided == streamed and len(divided) == 300_000
    assert divided[0] == {"code": "1", "n": "1", "t": "2025-08-06 00:00:01"}


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize(
    ("declared", "inside", "outside", "cursor_format"),
    [
        ("timestamp", "2025-08-06 00:00:00", "2025-08-07 00:00:00", None),
        ("timestamptz", "2025-08-05 17:00:00+00", "2025-08-06 17:00:00+00", None),
        ("date", "2025-08-06", "2025-08-05", None),
        ("bigint", "1754413200", "1754499600", "epoch"),
        ("text", "2025-08-06T00:00:00", "2025-08-07T00:00:00", "%Y-%m-%dT%H:%M:%S"),
    ],
)
def test_every_kind_of_cursor_finds_the_local_day(
    settings: Settings,
    postgres: str,
    declared: str,
    inside: str,
    outside: str,
    cursor_format: str | None,
    scanned: bool,
) -> None:
    """00:00 on 06/08 in Viet Nam is 17:00 on 05/08 UTC, 1754413200 seconds after 1970."""
    with psycopg.connect(postgres) as con:
        con.execute("drop table if exists moments")
        con.execute(f"create table moments (code text, t {declared})")
        con.execute("insert into moments values ('in', %s), ('out', %s)", [inside, outside])
    live_source = live(
        postgres, table="moments", cursor="t", cursor_format=cursor_format, scanner=scanned,
        columns=({"name": "code", "required": True},),
    )  # fmt: skip
    assert [row["code"] for row in rows(settings, live_source)] == ["in"]


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False])
def test_bytes_are_refused_by_name(settings: Settings, postgres: str, scanned: bool) -> None:
    live_source = live(
        postgres, table=None, query=r"select '\xff'::bytea as code, now() as t", cursor="t", scanner=scanned,
        columns=({"name": "code", "required": True},),
    )  # fmt: skip
    if not scanned:  # a driver tells bytes only by a value
        live_source = live_source.model_copy(
            update={"query": r"select '\xff'::bytea as code, timestamp '2025-08-06' as t"}
        )
    with pytest.raises(PermanentSourceError, match="log 2025-08-06: column 'code' holds bytes"):
        land_partition(live_source, DAY, settings, run_id="t")


@pytest.mark.slow
@pytest.mark.parametrize("scanned", [True, False])
def test_what_the_server_refuses_for_good_is_not_tried_again(
    settings: Settings, postgres: str, scanned: bool
) -> None:
    with psycopg.connect(postgres) as con:
        con.execute("create table if not exists plain (code text, t timestamp)")
    column = ({"name": "code", "required": True},)
    for changes, message in (
        ({"table": "nowhere"}, "no table 'nowhere'"),
        ({"table": "plain", "cursor": "tt"}, "no column 'tt'.*did you mean `t`"),
        ({"table": None, "query": "select nope from plain", "cursor": "t"}, "refuses the statement"),
    ):
        with pytest.raises(PermanentSourceError, match=message):
            land_partition(
                live(postgres, scanner=scanned, columns=column, **changes), DAY, settings, run_id="t"
            )
    unknown = live(
        re.sub(r"/\w+\?", "/nodb?", postgres), table="plain", cursor="t", columns=column, scanner=scanned
    )
    with pytest.raises(PermanentSourceError, match="nodb is no database"):
        land_partition(unknown, DAY, settings, run_id="t")


def test_a_query_stands_in_for_a_table_and_knows_the_day(settings: Settings, one_stop: Path) -> None:
    live_source = source(
        f"sqlite:///{one_stop}", table=None, cursor=None, cursor_format=None, partitioning="snapshot_day",
        query="select MaHoSo, TrangThai, ThoiGianDongBo from ho_so_trang_thai "
        "where ThoiGianDongBo like :partition || '%';",
    )  # fmt: skip
    assert rows(settings, live_source) == EXPECTED
    cursor = live_source.model_copy(update={"scanner": False})
    assert rows(settings, cursor) == EXPECTED


def test_a_snapshot_is_never_filed_under_a_day_that_is_past(
    settings: Settings, one_stop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The nightly run pulls yesterday's partition at 00:30; an older day would be a false history."""
    table = source(f"sqlite:///{one_stop}", cursor=None, partitioning="snapshot_day")
    monkeypatch.setattr(relation, "today", lambda: date(2025, 8, 7))
    assert len(rows(settings, table)) == 5
    monkeypatch.setattr(relation, "today", lambda: date(2025, 8, 8))
    with pytest.raises(NotProvided, match="only tells how things stand now"):
        land_partition(table, DAY, settings, run_id="t")


def test_an_overlap_reads_the_end_of_the_day_before_again(settings: Settings, one_stop: Path) -> None:
    late = source(f"sqlite:///{one_stop}", overlap="1h")
    assert [row["code"] for row in rows(settings, late)] == ["before", "first", "o'clock", "last"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland", "Asia/Ho_Chi_Minh"])
def test_partitions_meet_without_gap_whatever_the_machine_s_zone(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    day, following = (find_window(source("sqlite://"), d) for d in (DAY, date(2025, 8, 7)))
    assert day.low.astimezone(UTC) == datetime(2025, 8, 5, 17, tzinfo=UTC)
    assert day.high == following.low


def test_the_day_of_a_foreign_wall_clock_follows_its_summer_time(settings: Settings, tmp_path: Path) -> None:
    """17:00 UTC is 19:00 in Berlin on 25/10/2025 and 18:00 a day later, when summer time has ended."""
    path = tmp_path / "berlin.sqlite"
    with sqlite3.connect(path) as con:
        con.execute("create table t (code, at)")
        con.executemany(
            "insert into t values (?, ?)",
            [("before", "2025-10-25 18:59:59"), ("first", "2025-10-25 19:00:00"),
             ("last", "2025-10-26 17:59:59"), ("after", "2025-10-26 18:00:00")],
        )  # fmt: skip
    con.close()
    berlin = source(
        f"sqlite:///{path}", table="t", cursor="at", timezone="Europe/Berlin", columns=({"name": "code"},)
    )
    batch = land_partition(berlin, date(2025, 10, 26), settings, run_id="t")
    assert [r["code"] for r in pq.read_table(batch.path).to_pylist()] == ["first", "last"]


@pytest.mark.parametrize("cursor_format", ["%d/%m/%Y %H:%M:%S", "%Y-%d-%m", "fixed", "%Y-%m-%dT%H:%M:%S%z"])
def test_a_cursor_whose_texts_do_not_sort_by_time_is_refused(cursor_format: str) -> None:
    with pytest.raises(ValidationError, match="do not sort by time"):
        source("sqlite://", cursor_format=cursor_format)


def test_a_text_cursor_needs_to_be_told(settings: Settings, one_stop: Path) -> None:
    with pytest.raises(PermanentSourceError, match=r"'ThoiGianDongBo' is text\. Say in `cursor_format`"):
        land_partition(source(f"sqlite:///{one_stop}", cursor_format=None), DAY, settings, run_id="t")


def test_a_database_file_of_no_bytes_is_called_empty(settings: Settings) -> None:
    """SQLite takes it for a database without tables."""
    (settings.data / "x.sqlite").write_bytes(b"")
    with pytest.raises(PermanentSourceError, match=r"x.sqlite is empty: 0 bytes. Nothing was landed"):
        land_partition(source("sqlite:///{data}/x.sqlite"), DAY, settings, run_id="t")


@pytest.mark.parametrize("kind", ["text", "word"])
def test_bytes_in_a_database_that_knows_no_encoding_are_refused_by_column(
    settings: Settings, postgres: str, kind: str
) -> None:
    """`word`, an enumeration, is made text by the server."""
    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute("drop database if exists bytes with (force)")
        con.execute(
            "create database bytes encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'"
        )
    address = postgres.replace(f"/{__name__.rpartition('.')[2]}?", "/bytes?")
    with psycopg.connect(address, autocommit=True) as con:
        con.execute(r"create type word as enum (E'\xff\xfe')")
        con.execute(
            rf"""create table log as select 'a' as "MaHoSo", E'\xff\xfe'::{kind} as "TrangThai", """
            """'2025-08-06 10:00:00' as "ThoiGianDongBo" """
        )
    pattern = "log 2025-08-06: column 'TrangThai' holds bytes that are not UTF-8 text"
    with pytest.raises(PermanentSourceError, match=pattern):
        rows(settings, live(address, table="log"))
