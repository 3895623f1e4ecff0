"""Files as people export them (DOMAIN §7), read as text, personal columns left behind."""

from __future__ import annotations

from datetime import date

import openpyxl
import pyarrow.parquet as pq
import pytest

from pipelines.landing.pull import pull
from pipelines.settings import Settings
from pipelines.sources.contract import Source
from pipelines.sources.errors import NotProvided, PermanentSourceError
from pipelines.sources.mapping import fold
from pipelines.sources.personal import REMOVED

DAY = date(2025, 8, 6)


def source(**changes: object) -> Source:
    base: dict = {
        "name": "register", "title_vi": "Sổ", "connector": "files", "grain": "row", "key": ("code",),
        "partitioning": "snapshot_day", "path": "{data}/in/{partition}.csv", "format": "csv",
        "delimiter": ";", "encoding": "utf-8", "max_rejected_share": 0.1, "suite": "issue_register.json",
        "columns": (
            {"name": "code", "raw": "Mã", "required": True},
            {"name": "note", "raw": "Nội dung"},
        ),
        "personal": {"Họ tên": "name"},
    }  # fmt: skip
    return Source.model_validate(base | changes)


def rows(settings: Settings, one: Source) -> list[dict]:
    batch = pull(one, DAY, settings, run_id="t")
    return pq.read_table(batch.path).to_pylist()


def put(settings: Settings, name: str, content: bytes) -> None:
    (settings.data / "in").mkdir(exist_ok=True)
    (settings.data / "in" / name).write_bytes(content)


def test_csv_with_bom_semicolons_quotes_and_crlf(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", '\ufeffMã;Nội dung;Họ tên\r\n007;"a;b ""c""";Lê Mẫu\r\n'.encode())
    assert rows(settings, source()) == [{"code": "007", "note": 'a;b "c"'}]


def test_a_personal_column_is_never_landed_and_an_unknown_one_is_dropped_and_said(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Họ tên;Cột lạ\n1;Lê Mẫu;x\n".encode())
    batch = pull(source(), DAY, settings, run_id="t")
    assert pq.read_schema(batch.path).names == ["code"]
    assert any("Cột lạ" in note for note in batch.notes)
    assert not any("Họ tên" in note for note in batch.notes)


def test_a_phone_in_free_text_is_removed_before_it_is_stored(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mã;Nội dung\n1;gọi 0912345678 nhé\n".encode())
    assert rows(settings, source())[0]["note"] == f"gọi {REMOVED} nhé"


def test_a_day_without_a_file_is_not_provided_and_leaves_no_folder(settings: Settings) -> None:
    with pytest.raises(NotProvided):
        pull(source(), DAY, settings, run_id="t")
    assert not any(settings.landing.rglob("2025-08-06"))


def test_a_missing_required_column_is_named_with_the_nearest_header(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", "Mãa;Nội dung\n1;x\n".encode())
    with pytest.raises(PermanentSourceError, match=r"register 2025-08-06.*'code'.*nearest header is 'Mãa'"):
        pull(source(), DAY, settings, run_id="t")


def test_wrong_encoding_is_a_clear_error_and_nothing_is_landed(settings: Settings) -> None:
    put(settings, "2025-08-06.csv", b"M\xe3;N\xf2i dung\n1;x\n")
    with pytest.raises(PermanentSourceError, match="register 2025-08-06"):
        pull(source(), DAY, settings, run_id="t")
    assert list(settings.landing.rglob("*.parquet")) == []


def test_headers_fold_case_accents_and_spaces() -> None:
    assert fold("  Mã  HỒ sơ ") == fold("ma ho so") == "mahoso"
    assert fold("Đơn vị") == "donvi"


def test_a_sheet_with_title_merged_headers_groups_and_totals(settings: Settings) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [
        [None, "BAN CHỈ ĐẠO"],
        [],
        [None, "STT", "Mã", "Thời gian", None],
        [None, None, None, "Bắt đầu", "Hạn"],
        [None, "(1)", "(2)", "(3)", "(4)=(3)+1"],
        [None, None, "I. Nhóm việc"],
        [None, 1, "NV-01", date(2025, 8, 1), "06/08/2025"],
        [None, 1.1, "NV-01a", None, None],
        [None, None, "Tổng cộng", 2],
    ]:
        sheet.append(row)
    sheet.merge_cells("D3:E3")
    (settings.data / "in").mkdir()
    book.save(settings.data / "in" / "2025-08-06.xlsx")
    tracker = source(
        path="{data}/in/{partition}.xlsx",
        format="xlsx",
        columns=(
            {"name": "code", "raw": "Mã", "required": True},
            {"name": "start", "raw": "Thời gian Bắt đầu", "type": "date"},
            {"name": "due", "raw": "Thời gian Hạn", "type": "date"},
        ),
    )
    assert rows(settings, tracker) == [
        {"code": "NV-01", "start": "2025-08-01", "due": "06/08/2025"},
        {"code": "NV-01a", "start": None, "due": None},
    ]


def test_a_file_that_is_no_spreadsheet_is_refused(settings: Settings) -> None:
    put(settings, "2025-08-06.xlsx", b"not a zip at all")
    one = source(path="{data}/in/{partition}.xlsx", format="xlsx")
    with pytest.raises(PermanentSourceError, match="cannot be read as xlsx"):
        pull(one, DAY, settings, run_id="t")


def test_a_phone_glued_to_a_word_or_written_in_groups_is_removed_and_a_timestamp_is_not(
    settings: Settings,
) -> None:
    text = "sđt0912345678, 0912 345 678 lúc 20250801083012"
    put(settings, "2025-08-06.csv", f"Mã;Nội dung\n1;{text}\n".replace(", ", "/ ").encode())
    assert rows(settings, source())[0]["note"] == f"sđt{REMOVED}/ {REMOVED} lúc 20250801083012"
