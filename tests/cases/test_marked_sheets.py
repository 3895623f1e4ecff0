"""What only the look of a sheet tells (struck out, merged, grouped, a second sheet) is told: it is in no cell."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt
from openpyxl.styles import Font

from tests.cases.case_place import TASK_LABELS, CasePlace

DAY, TASKS = "2025-08-06", "task_tracker"


def make_row(number: int, unit: str | None = "18001") -> list[Any]:
    return [
        number,
        f"NV-{number:03d}",
        f"Việc {number}",
        "Xã",
        unit,
        date(2025, 8, 20),
        "Đang thực hiện",
        None,
        None,
    ]


def make_book(*rows: list[Any]) -> openpyxl.Workbook:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Tháng 7"
    for row in (list(TASK_LABELS), *rows):
        sheet.append(row)
    return book


def land(place: CasePlace, book: openpyxl.Workbook, on: str = DAY) -> tuple[list[str], list[str]]:
    """(codes that were accepted, what the end of the run says)."""
    book.save(place.inbox / f"tracker_{on}.xlsx")
    day = place.validate_day(TASKS, on)
    return [row["task_code"] for row in day.accepted], place.list_warnings(day)


@pytest.fixture
def place(tmp_path: Path) -> CasePlace:
    return CasePlace("native_percent", tmp_path)


def test_a_plain_sheet_says_nothing(place: CasePlace) -> None:
    book = make_book(make_row(1), make_row(2))
    # A note, a template and a chart's data are no second part; nor is a struck-out cell without a text.
    book.create_sheet("Ghi chú").append(["Hướng dẫn nhập liệu"])
    book.create_sheet("Mẫu").append(list(TASK_LABELS))
    book.create_sheet("Đơn vị").append(["STT", "Mã", "Tên", "Ghi chú"])
    book.worksheets[0]["I2"].font = Font(strike=True)
    book.worksheets[0]["B2"].font = Font(strike=False, bold=True)
    assert land(place, book) == (["NV-001", "NV-002"], [])


def test_a_second_sheet_with_the_same_header_is_told_until_somebody_says_which(place: CasePlace) -> None:
    book = make_book(make_row(1))
    other = book.create_sheet("Tháng 8")
    for row in (["Danh sách nhiệm vụ"], list(TASK_LABELS), make_row(2)):
        other.append(row)
    codes, [warning] = land(place, book)
    assert codes == ["NV-001"]
    assert "sheet 'Tháng 7' was read, and 'Tháng 8' with the same header was not" in warning
    place.change_sources("header_marker: STT", "header_marker: STT\n    sheets: {'Tháng *': {}}")
    assert land(place, book, "2025-08-07") == (["NV-001", "NV-002"], [])
    place.change_sources("'Tháng *': {}", "'Tháng 8': {}")
    assert land(place, book, "2025-08-08") == (["NV-002"], [])


def test_struck_out_rows_count_and_are_told(place: CasePlace) -> None:
    book = make_book(*map(make_row, range(1, 5)))
    for cell in ("B3", "C3", "F5"):
        book.worksheets[0][cell].font = Font(strike=True)
    book.worksheets[0]["A4"].font = Font(strike=True)  # no column that is read
    codes, [warning] = land(place, book)
    assert len(codes) == 4 and "2 rows have cells that are struck out (row 3, 5)" in warning


def test_struck_out_rows_of_an_xls_are_told_too(place: CasePlace) -> None:
    place.change_sources("tracker_{partition}.xlsx", "tracker_{partition}.xls")
    book = xlwt.Workbook()
    sheet = book.add_sheet("NV")
    styles = [xlwt.easyxf(f"font: height {200 + n}") for n in range(4)]
    struck = xlwt.easyxf("font: struck_out on")
    for number, row in enumerate([list(TASK_LABELS), *map(make_row, range(1, 4))]):
        for column, value in enumerate(row):
            style = struck if (number, column) in {(2, 1), (3, 0)} else styles[number % 4]
            sheet.write(number, column, str(value or "") if column == 5 else value, style)
    book.save(str(place.inbox / f"tracker_{DAY}.xls"))
    day = place.validate_day(TASKS, DAY)
    [warning] = place.list_warnings(day)
    assert (
        len(day.accepted) + len(day.rejected) == 3
        and "1 rows have cells that are struck out (row 3)" in warning
    )


DUE, UNIT = "'Hạn hoàn thành'", "'Mã đơn vị báo cáo'"


@pytest.mark.parametrize(("area", "lost"), [("E2:F2", DUE), ("E2:F3", DUE), ("C3:E3", UNIT)])
def test_cells_merged_over_columns_are_told(place: CasePlace, area: str, lost: str) -> None:
    book = make_book(make_row(1), make_row(2), make_row(3))
    book.worksheets[0].merge_cells(area)
    codes, warnings = land(place, book)
    assert len(codes) == 3 and any(
        "merged over several columns" in text and lost in text for text in warnings
    )


def test_a_heading_over_the_whole_width_is_no_such_row(place: CasePlace) -> None:
    book = make_book(["Phần một"], make_row(1), ["Phần hai"], make_row(2))
    for area in ("A2:I2", "A4:I4"):
        book.worksheets[0].merge_cells(area)
    assert land(place, book) == (["NV-001", "NV-002"], [])


def test_units_that_stand_on_group_lines_alone_are_told(place: CasePlace) -> None:
    rows = [["I", "Xã Một"], make_row(1, None), make_row(2, None), ["II", "Phường Hai"], make_row(3, None)]
    codes, warnings = land(place, make_book(*rows))
    [warning] = [text for text in warnings if "headings" in text]
    assert len(codes) == 3 and "'Mã đơn vị báo cáo'" in warning and "'Xã Một'" in warning
    # Titles of parts are no units where the rows say theirs; nor are signatures below the table.
    rows = [["I", "Phần một"], make_row(1), ["II", "Phần hai"], make_row(2, None)]
    assert land(place, make_book(*rows), "2025-08-07")[1] == []
    rows = [["I", "Phần một"], make_row(1, None), ["Người lập"], ["Thủ trưởng"]]
    assert not [text for text in land(place, make_book(*rows), "2025-08-08")[1] if "headings" in text]
