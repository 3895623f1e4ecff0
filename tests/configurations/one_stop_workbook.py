"""The one-stop system's workbook as it exports it: title block, merged header rows, formula row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xlsxwriter

GROUPS = {
    "STT": [], "Số hồ sơ": [], "Thủ tục": ["Mã", "Tên"], "Cơ quan": ["Tiếp nhận", "Xử lý"],
    "Kênh tiếp nhận": [], "Người nộp": ["Họ và tên", "Điện thoại"],
    "Thời gian": ["Ngày nộp", "Ngày tiếp nhận", "Ngày hẹn trả", "Ngày có kết quả", "Ngày trả"], "Tình trạng": [],
}  # fmt: skip


def write_export(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """`rows`: code, unit, channel, the five times, status; the rest is the same in every row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet("Hồ sơ")
        sheet.write(0, 3, "DANH SÁCH HỒ SƠ MỘT CỬA")
        top, column = 3, 1
        for group, parts in GROUPS.items():
            if parts:
                sheet.merge_range(top, column, top, column + len(parts) - 1, group)
                for offset, part in enumerate(parts):
                    sheet.write(top + 1, column + offset, part)
            else:
                sheet.merge_range(top, column, top + 1, column, group)
            column += max(len(parts), 1)
        for offset in range(1, column):
            sheet.write(top + 2, offset, f"({offset})")
        for number, (code, unit, channel, *times, status) in enumerate(rows, 1):
            procedure = ("1.000001.000.00.00.H42", "Đăng ký khai sinh")
            person = ("Nguyễn Văn Mẫu", "0912345678")
            cells = (number, code, *procedure, unit, unit, channel, *person, *times, status)
            for offset, cell in enumerate(cells, 1):
                sheet.write(top + 2 + number, offset, cell)
        sheet.write(top + 4 + len(rows), 2, "Tổng cộng")
