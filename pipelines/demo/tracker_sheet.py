"""The task tracker as a person exports it (docs/domain.md §7, Excel): title block, empty first column, two
merged header rows, a formula row, a heading per commune, totals at the end."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import xlsxwriter

from pipelines.demo.tasks import Task, Tracker

# Heading → its sub-headings; no sub-heading: the cell is merged downwards.
HEADER: dict[str, list[str]] = {
    "STT": [],
    "Mã nhiệm vụ": [],
    "Nội dung nhiệm vụ": [],
    "Văn bản giao": ["Số hiệu", "Ngày"],
    "Cơ quan chủ trì": ["Tên", "Mã"],
    "Cơ quan phối hợp": [],
    "Đơn vị báo cáo": ["Tên", "Mã"],
    "Thời gian": ["Bắt đầu", "Hạn hoàn thành"],
    "Kết quả": ["Trạng thái", "Tiến độ", "Ngày hoàn thành", "Tóm tắt"],
    "Minh chứng": [],
    "Cập nhật lúc": [],
    "Chuyên viên theo dõi": [],
}
HEADER_ROW = 5


def write_tracker(path: Path, rows: Tracker) -> None:
    """Two sheets; dates are native in the provincial one, dd/MM/yyyy text in the commune one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False, "strings_to_urls": False})
    # A fixed creation date, so that the same province gives the same bytes.
    book.set_properties({"created": datetime(2025, 8, 6)})
    bold = book.add_format({"bold": True, "align": "center"})
    day_format = book.add_format({"num_format": "dd/mm/yyyy"})
    _sheet(book.add_worksheet("Nhiệm vụ cấp tỉnh"), rows.provincial, bold, day_format)
    _sheet(book.add_worksheet("Nhiệm vụ cấp xã"), rows.commune, bold, None)
    book.close()


def _sheet(sheet: Any, tasks: list[Task], bold: Any, day_format: Any) -> None:
    sheet.merge_range(0, 1, 0, 8, "BAN CHỈ ĐẠO CHUYỂN ĐỔI SỐ TỈNH NGHỆ AN", bold)
    sheet.merge_range(2, 1, 2, 18, "SỔ THEO DÕI NHIỆM VỤ", bold)
    sheet.write(3, 1, "(kèm theo báo cáo của Tổ công tác)")
    line = _header(sheet, bold)
    group = ""
    for number, task in enumerate(tasks, 1):
        if task.unit != group:
            group = task.unit
            sheet.write(line, 2, group)
            line += 1
        sheet.write(line, 1, number)
        for column, value in enumerate(vars(task).values(), 2):
            _cell(sheet, line, column, value, day_format)
        line += 1
    sheet.write(line, 2, "Tổng cộng")
    sheet.write(line, 3, str(len(tasks)))
    sheet.write(line + 1, 2, "Trong đó: hoàn thành")
    sheet.write(line + 1, 3, str(sum(task.finished is not None for task in tasks)))


def _header(sheet: Any, bold: Any) -> int:
    """Writes the header; returns the first row below it."""
    column = 1
    for heading, parts in HEADER.items():
        if parts:
            sheet.merge_range(HEADER_ROW, column, HEADER_ROW, column + len(parts) - 1, heading, bold)
            for part in parts:
                sheet.write(HEADER_ROW + 1, column, part, bold)
                column += 1
        else:
            sheet.merge_range(HEADER_ROW, column, HEADER_ROW + 1, column, heading, bold)
            column += 1
    for number in range(1, column):
        sheet.write(HEADER_ROW + 2, number, f"({number})")
    return HEADER_ROW + 3


def _cell(sheet: Any, line: int, column: int, value: Any, day_format: Any) -> None:
    if value in ("", None):
        return
    if isinstance(value, datetime):
        sheet.write_string(line, column, value.strftime("%d/%m/%Y %H:%M"))
    elif isinstance(value, date) and day_format is not None:
        sheet.write_datetime(line, column, value, day_format)
    else:
        sheet.write_string(
            line, column, value.strftime("%d/%m/%Y") if isinstance(value, date) else str(value)
        )
