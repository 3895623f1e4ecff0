"""What clients, editors and spreadsheets add to a delivery is left out, or refused by its cause."""

from __future__ import annotations

import gzip
import json
import unicodedata
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from pipelines.sources.contracts.contract_file import ContractError
from pipelines.sources.errors import PermanentSourceError
from pipelines.sources.files.formats.csv_footer import find_footer
from tests.cases.case_place import TASK_LABELS, CasePlace
from tests.cases.test_marked_sheets import make_row

DAY, TASKS = "2025-08-06", "task_tracker"
HEADER = "ma,noi_dung,cap,han,trang_thai,tien_do\n"
ROWS = "".join(f"NV-{n:03d},Việc {n},Tỉnh,2025-08-20,Đang thực hiện,50%\n" for n in (1, 2, 3))
CODES = ["NV-001", "NV-002", "NV-003"]


def land_text(place: CasePlace, text: str) -> tuple[list[str], tuple[str, ...]]:
    """(codes that were accepted, notes of the pull); nothing is rejected."""
    (place.inbox / f"tracker_{DAY}.csv").write_bytes(text.encode())
    day = place.validate_day(TASKS, DAY)
    assert not day.rejected
    notes = next(place.settings.landing.glob(f"{TASKS}/{DAY}/*.json")).read_text(encoding="utf-8")
    return [row["task_code"] for row in day.accepted], (notes,)


@pytest.mark.parametrize(
    "footer",
    [
        "\x1a",
        "\n(3 rows affected)\n",
        "\r\n(3 rows affected)\r\n\r\nCompletion time: 2025-08-06T16:00:01.1234567+07:00\r\n",
        "\n3 rows selected.\n\nElapsed: 00:00:01.20\n",
        "(3 rows)\n\x1a",
        "SQL> spool off\n",
        "   \n\t\n",
    ],
)
def test_what_a_client_writes_below_the_records_is_left_out_and_noted(tmp_path: Path, footer: str) -> None:
    codes, notes = land_text(CasePlace("tracker_without_times", tmp_path), HEADER + ROWS + footer)
    assert codes == CODES and "what stands below the last record was left out" in notes[0]


def test_the_end_mark_of_dos_may_stand_on_the_last_record(tmp_path: Path) -> None:
    codes, _ = land_text(CasePlace("tracker_without_times", tmp_path), HEADER + ROWS.rstrip("\n") + "\x1a")
    assert codes == CODES


SIGNED = "Người lập biểu,,,,Thủ trưởng đơn vị,\n(Ký và ghi rõ họ tên),,,,,\n,,,,,\nNguyễn Thị Lan,,,,Trần Văn Minh,\n"
FOOTERS = [
    (SIGNED, "Người lập biểu · (Ký"),
    (
        "\nHà Tĩnh, ngày 06 tháng 8 năm 2025\nTM. UBND TỈNH\nTrần Văn Minh\n",
        "Hà Tĩnh, ngày 06 tháng 8 năm 2025 · TM.",
    ),
    ("Ngày in: 06/08/2025 16:30\n", "Ngày in"),
    ("3 rows in set (0.01 sec)\n", "3 rows in set (0.01 sec)"),
    ("Tổng cộng: 3 nhiệm vụ\nTrang 1/1\n", "Tổng cộng: 3 nhiệm vụ · Trang 1/1"),
    ("Generated on 2025-08-06 by the portal\n", "Generated on"),
]


@pytest.mark.parametrize(("footer", "words"), FOOTERS)
def test_the_words_of_a_footer_are_noted_without_a_name(footer: str, words: str) -> None:
    end = (HEADER + ROWS + footer).encode()
    part = find_footer(end, ",", 6, [0, 1, 2, 4])
    assert part and part.words == words
    assert end[: -part.size].decode().rstrip("\n") == (HEADER + ROWS).rstrip("\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1258", "gz"])
def test_what_stands_below_the_records_is_left_out_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    codec = "utf-8" if encoding == "gz" else encoding
    place.change_sources("format: csv", f"format: csv\n    encoding: {codec}")
    text = (HEADER + ROWS + SIGNED).replace("\n", "\r\n" if encoding == "utf-16" else "\n")
    # Code page 1258 has tones as letters of their own.
    text = "".join(as_cp1258(letter) for letter in text) if codec == "cp1258" else text
    data = text.encode(codec)
    (place.inbox / f"tracker_{DAY}.csv").write_bytes(gzip.compress(data) if encoding == "gz" else data)
    day = place.validate_day(TASKS, DAY)
    assert [row["task_code"] for row in day.accepted] == CODES and not day.rejected
    [sidecar] = place.settings.landing.glob(f"{TASKS}/{DAY}/*.json")
    notes = " ".join(json.loads(sidecar.read_text(encoding="utf-8"))["notes"])
    assert notes.count("what stands below the last record was left out: Người lập biểu") == 1
    assert "Lan" not in notes and "Minh" not in notes


def as_cp1258(letter: str) -> str:
    base, *marks = unicodedata.normalize("NFD", letter)
    shapes = "".join(mark for mark in marks if mark in "\u0302\u0306\u031b")
    return unicodedata.normalize("NFC", base + shapes) + "".join(mark for mark in marks if mark not in shapes)


def test_words_of_signatures_within_a_record_are_its_own(tmp_path: Path) -> None:
    last = 'NV-004,"Mẫu báo cáo\nNgười lập biểu: ghi rõ\nTrang 1/1",Tỉnh,2025-08-20,Đang thực hiện,50%\n'
    codes, notes = land_text(CasePlace("tracker_without_times", tmp_path), HEADER + ROWS + last)
    assert codes == [*CODES, "NV-004"] and "below the last record" not in notes[0]


def test_a_file_that_was_never_written_to_its_end_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(PermanentSourceError, match=r"ends with 512 zero bytes.*rows may be missing"):
        land_text(CasePlace("tracker_without_times", tmp_path), HEADER + ROWS + "\0" * 512)


@pytest.mark.parametrize("marker", ["STT", "Mã nhiệm vụ"])
def test_a_sheet_is_signed_below_its_records(tmp_path: Path, marker: str) -> None:
    """With a column of ordinals and without; a record that lacks its title is still rejected by its rule."""
    place = CasePlace("native_percent", tmp_path)
    place.change_sources("header_marker: STT", f"header_marker: {marker}\n    max_rejected_share: 1")
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    untitled = make_row(3)
    untitled[2] = None
    below = [
        [None],
        [None, "Người lập biểu", None, "Kế toán", None, "THỦ TRƯỞNG ĐƠN VỊ"],
        [None, "(Ký, ghi rõ họ tên)", None, "(Ký, ghi rõ họ tên)", None, "(Ký tên, đóng dấu)"],
        [None, "Nguyễn Thị Lan", None, "Lê Văn Hải", None, "Trần Văn Minh"],
        [None, "(120 rows affected)", "x"],
    ]
    for row in (list(TASK_LABELS), make_row(1), make_row(2), untitled, *below):
        sheet.append(row)
    book.save(place.inbox / f"tracker_{DAY}.xlsx")
    day = place.validate_day(TASKS, DAY)
    assert [row["task_code"] for row in day.accepted] == ["NV-001", "NV-002"]
    assert day.rejected == {3: {"title_missing"}}
    [sidecar] = place.settings.landing.glob(f"{TASKS}/{DAY}/*.json")
    notes = sidecar.read_text(encoding="utf-8")
    assert "4 lines that people sign or a client wrote" in notes and "Minh" not in notes


@pytest.mark.parametrize("footer", ["\n\n", ""])
def test_empty_lines_are_no_footer(tmp_path: Path, footer: str) -> None:
    codes, notes = land_text(CasePlace("tracker_without_times", tmp_path), HEADER + ROWS + footer)
    assert codes == CODES and "below the last record" not in notes[0]


def test_a_record_that_is_cut_short_is_still_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentSourceError, match=r"the last line \(5\) is cut short"):
        land_text(CasePlace("tracker_without_times", tmp_path), HEADER + ROWS + "NV-004,Việc")


def test_the_line_below_a_header_is_no_record(tmp_path: Path) -> None:
    drawn = ",".join("-" * width for width in (6, 8, 3, 10, 14, 7)) + "\n"
    codes, notes = land_text(CasePlace("tracker_without_times", tmp_path), HEADER + drawn + ROWS)
    assert codes == CODES and "1 lines of dashes" in notes[0]


def test_a_two_digit_year_is_read_by_the_format_that_has_one(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources('date_formats: ["%Y-%m-%d"]', 'date_formats: ["%d/%m/%Y", "%d/%m/%y"]')
    text = HEADER + ROWS.replace("2025-08-20", "05/08/25", 1).replace("2025-08-20", "20/08/2025")
    (place.inbox / f"tracker_{DAY}.csv").write_text(text, encoding="utf-8")
    days = [row["due_date"] for row in place.validate_day(TASKS, DAY).accepted]
    assert days == [date(2025, 8, 5), date(2025, 8, 20), date(2025, 8, 20)]


@pytest.mark.parametrize(
    ("word", "text"),
    [("epoch", "45889"), ("epoch", "20250820"), ("epoch_ms", "45889"), ("epoch_ms", "1755622800")],
)
def test_a_number_of_another_kind_is_no_time_since_1970(tmp_path: Path, word: str, text: str) -> None:
    """A spreadsheet's day, a day without separators, and seconds for milliseconds."""
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources(
        'date_formats: ["%Y-%m-%d"]', f'date_formats: ["%Y-%m-%d", {word}]\n    max_rejected_share: 1'
    )
    (place.inbox / f"tracker_{DAY}.csv").write_text(
        HEADER + ROWS.replace("2025-08-20", text, 1), encoding="utf-8"
    )
    assert place.validate_day(TASKS, DAY).rejected == {1: {"due_date_unparseable"}}


def test_a_time_in_a_cell_of_a_date_is_its_day(tmp_path: Path) -> None:
    place = CasePlace("native_percent", tmp_path)
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    rows = [make_row(1), make_row(2), make_row(3)]
    rows[0][5], rows[1][5] = datetime(2025, 8, 20, 12), datetime(2025, 8, 20, 9, 30, 15, 250_000)
    for row in (list(TASK_LABELS), *rows):
        sheet.append(row)
    book.save(place.inbox / f"tracker_{DAY}.xlsx")
    day = place.validate_day(TASKS, DAY)
    assert [row["due_date"] for row in day.accepted] == [date(2025, 8, 20)] * 3


def test_a_cell_of_zero_under_a_format_of_dates_is_no_date(tmp_path: Path) -> None:
    """A link to an empty cell: the sheet shows 00/01/1900."""
    place = CasePlace("native_percent", tmp_path)
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (list(TASK_LABELS), make_row(1), make_row(2)):
        sheet.append(row)
    sheet["F2"] = 0
    sheet["F2"].number_format = "dd/mm/yyyy"
    book.save(place.inbox / f"tracker_{DAY}.xlsx")
    day = place.validate_day(TASKS, DAY)
    assert [row["due_date"] for row in day.accepted] == [None, date(2025, 8, 20)]
    assert day.count_unexpected("due_date_placeholder") == 1


def test_lines_of_json_with_commas_are_refused_by_their_cause(tmp_path: Path) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    place.change_sources(
        'tracker_{partition}.csv"\n    format: csv', 'tracker_{partition}.json"\n    format: ndjson'
    )
    record = '{"ma": "NV-001", "noi_dung": "a", "cap": "Tỉnh", "trang_thai": "Hoàn thành"}'
    (place.inbox / f"tracker_{DAY}.json").write_text(f"{record},\n{record},\n", encoding="utf-8")
    with pytest.raises(PermanentSourceError, match=r"line 1 ends with a comma.*without its brackets"):
        place.validate_day(TASKS, DAY)


@pytest.mark.parametrize("word", ["No", "Yes", "off"])
def test_a_word_that_yaml_takes_for_a_boolean_is_named_so(tmp_path: Path, word: str) -> None:
    place = CasePlace("tracker_without_times", tmp_path)
    with pytest.raises(ContractError, match=r"value_map`: one of its words is no text to YAML .*in quotes"):
        place.change_sources("Chưa thực hiện: not_started", f"{word}: not_started")
