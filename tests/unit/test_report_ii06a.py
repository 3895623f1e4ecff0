"""Form II.06a as a workbook: layout, numbers and order of lines, read back with another library."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import duckdb
import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from pipelines.exports.report_ii06a import Sheet, roman, sheets, workbook

AS_OF = datetime(2025, 8, 6, 16)
# month, unit, level, sector, the eleven counts of the form and the three beside it.
ROWS = """
('2025-07-01', 'U', 'Xã Ân', 'commune', 'DD', 'Đất đai',
 1234, 1000, 200, 34, 1000, 900, 90, 10, 234, 200, 34, 2, 1, 3),
('2025-07-01', 'U', 'Xã Ân', 'commune', 'CT', '=Công thương', 2, 1, 1, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0),
('2025-07-01', 'S', 'Sở Y', 'department', 'DD', 'Đất đai', 10, 10, 0, 0, 0, 0, 0, 0, 10, 10, 0, 0, 0, 0),
('2025-08-01', 'U', 'Xã Ân', 'commune', 'DD', 'Đất đai', 234, 0, 0, 234, 0, 0, 0, 0, 234, 134, 100, 0, 0, 0)
"""


@pytest.fixture(scope="module")
def read() -> list[Sheet]:
    with duckdb.connect() as con:
        con.execute(
            f"""create table report as
            select col0::date as month, case when col0 = '2025-07-01' then timestamp '2025-07-31 23:59:59'
                else timestamp '2025-08-06 16:00:00' end as period_end,
                col1 as unit_code, col2 as unit_name, col3 as unit_level,
                col4 as sector_code, col5 as sector_name,
                col6 as received_total, col7 as received_online, col8 as received_other, col9 as carried_over,
                col10 as resolved_total, col11 as resolved_early, col12 as resolved_on_time,
                col13 as resolved_late, col14 as open_total, col15 as open_in_term, col16 as open_overdue,
                col17 as not_received, col18 as waiting_for_receipt, col19 as withdrawn
            from (values {ROWS})"""
        )
        return list(sheets(con, "report"))


@pytest.fixture(scope="module")
def july(read: list[Sheet]) -> Worksheet:
    content = workbook(read, place="Nghệ An", subtitle="Bản phát hành số 7", made_at=AS_OF)
    book = openpyxl.load_workbook(BytesIO(content))
    assert book.sheetnames == ["08-2025", "07-2025"]
    return book["07-2025"]


def cells(sheet: Worksheet, row: int) -> list[object]:
    return [cell.value for cell in sheet[row]]


def test_the_whole_place_comes_first_then_departments_then_communes_each_with_its_sectors(
    july: Worksheet,
) -> None:
    lines = [(july.cell(row, 1).value, july.cell(row, 2).value) for row in range(11, 19)]
    assert lines == [
        ("I", "TỔNG SỐ"), ("1", "=Công thương"), ("2", "Đất đai"),
        ("II", "Sở Y"), ("1", "Đất đai"),
        ("III", "Xã Ân"), ("1", "=Công thương"), ("2", "Đất đai"),
    ]  # fmt: skip


def test_totals_are_the_sums_of_the_lines_and_stay_numbers(july: Worksheet) -> None:
    assert cells(july, 11)[2:] == [1246, 1011, 201, 34, 1001, 901, 90, 10, 245, 211, 34, 2, 1, 3]
    assert cells(july, 13)[2:6] == [1244, 1010, 200, 34]
    assert july.cell(11, 3).data_type == "n"
    assert july.cell(11, 3).number_format == r"[>=1000000]0\.000\.000;[>=1000]0\.000;0"


def test_the_head_is_the_form_s(july: Worksheet) -> None:
    assert cells(july, 7)[:3] == ["STT", "Lĩnh vực giải quyết", "Số lượng hồ sơ tiếp nhận"]
    assert cells(july, 9)[3:5] == ["Trực tuyến", "Trực tiếp, dịch vụ bưu chính"]
    assert cells(july, 10)[:13] == [
        "(1)", "(2)", "(3)=(4)+(5)+(6)", "(4)", "(5)", "(6)", "(7)=(8)+(9)+(10)", "(8)", "(9)", "(10)",
        "(11)=(12)+(13)", "(12)", "(13)",
    ]  # fmt: skip
    merged = {str(span) for span in july.merged_cells.ranges}
    assert {"A7:A9", "C7:F7", "D8:E8", "G7:J7", "K7:M7", "N7:P7"} <= merged
    assert july["A4"].value == "Kỳ báo cáo: Tháng 7/2025. Từ ngày 01/07/2025 đến hết ngày 31/07/2025"


def test_a_name_that_looks_like_a_formula_is_text(july: Worksheet) -> None:
    assert july.cell(12, 2).data_type == "s"


def test_a_month_that_still_runs_says_until_when(read: list[Sheet]) -> None:
    content = workbook(read, place="Nghệ An", subtitle="", made_at=AS_OF)
    august = openpyxl.load_workbook(BytesIO(content))["08-2025"]
    assert august["A4"].value == "Kỳ báo cáo: Tháng 8/2025. Từ ngày 01/08/2025 đến 16:00 ngày 06/08/2025"


def test_the_last_day_of_a_month_is_whole_only_at_its_last_second(read: list[Sheet]) -> None:
    running = [sheet._replace(period_end=datetime(2025, 7, 31, 16)) for sheet in read[-1:]]
    page = openpyxl.load_workbook(BytesIO(workbook(running, place="N", subtitle="", made_at=AS_OF)))[
        "07-2025"
    ]
    assert page["A4"].value == "Kỳ báo cáo: Tháng 7/2025. Từ ngày 01/07/2025 đến 16:00 ngày 31/07/2025"


def test_equal_content_gives_equal_bytes(read: list[Sheet]) -> None:
    once, again = (workbook(read, place="N", subtitle="", made_at=AS_OF) for _ in range(2))
    assert once == again


@pytest.mark.parametrize(("number", "numeral"), [(1, "I"), (4, "IV"), (9, "IX"), (40, "XL"), (139, "CXXXIX")])
def test_blocks_are_counted_in_roman_numerals(number: int, numeral: str) -> None:
    assert roman(number) == numeral
