"""The task tracker as a person exports it: title block, merged headers, "STT", groups, totals (DOMAIN §7)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter

from pipelines.demo import calibration as k

TOP = ["STT", "Mã nhiệm vụ", "Nội dung nhiệm vụ", "Văn bản giao", "", "Cơ quan chủ trì", "", "Cơ quan phối hợp", "Đơn vị báo cáo", "", "Thời gian", "", "Kết quả", "", "", "", "Minh chứng", "Cập nhật lúc", "Chuyên viên theo dõi"]  # fmt: skip
SUB = ["", "", "", "Số hiệu", "Ngày", "Tên", "Mã", "", "Tên", "Mã", "Bắt đầu", "Hạn hoàn thành", "Trạng thái", "Tiến độ", "Ngày hoàn thành", "Tóm tắt", "", "", ""]  # fmt: skip
PROVINCIAL = [
    "Ban hành kế hoạch thực hiện Kế hoạch 02-KH/BCĐTW", "Kiện toàn tổ công tác chuyển đổi số", "Rà soát hạ tầng mạng cấp xã",
    "Trang bị máy tính cho trung tâm phục vụ hành chính công xã", "Kết nối hệ thống một cửa với Cổng quốc gia",
    "Cấp chữ ký số cho cán bộ cấp xã", "Tập huấn kỹ năng số cho công chức", "Số hóa hồ sơ đất đai", "Chuẩn hóa danh mục thủ tục",
    "Công bố 2 156 thủ tục hành chính", "Bố trí trụ sở làm việc cấp xã", "Triển khai tổ công nghệ số cộng đồng",
    "Nâng cấp đường truyền số liệu chuyên dùng", "Liên thông khai sinh, khai tử", "Thanh toán trực tuyến nghĩa vụ tài chính",
    "Đánh giá an toàn thông tin hệ thống dùng chung", "Xây dựng kho dữ liệu dùng chung", "Triển khai họp trực tuyến đến xã",
    "Hỗ trợ người dân nộp hồ sơ trực tuyến", "Số hóa kết quả giải quyết", "Đồng bộ cơ sở dữ liệu dân cư",
    "Ban hành quy chế vận hành trung tâm", "Báo cáo tiến độ hằng tuần",
]  # fmt: skip
DONE_PROVINCIAL = 14
STAMP = "%d/%m/%Y"


def tracker_rows(day: date, units: pd.DataFrame) -> tuple[list[dict], list[dict]]:
    """The tracker's state on `day`: provincial rows and commune rows (16 × 130), one coherent history."""
    agencies = units[(units["is_current"] == "true") & (units["unit_level"] == "department")]
    communes = units[(units["is_current"] == "true") & (units["unit_level"] == "commune")]
    provincial = []
    for n, title in enumerate(PROVINCIAL):
        agency = agencies.iloc[n % len(agencies)]
        # The first fourteen are done on or before their due date, by 05/08/2025 at the latest.
        due = (
            date(2025, 7, 10) + timedelta(days=2 * n)
            if n < DONE_PROVINCIAL
            else date(2025, 8, 15) + timedelta(days=9 * n)
        )
        finished = due - timedelta(days=n % 3) if n < DONE_PROVINCIAL else None
        if n == 20 and day < date(2025, 8, 5):
            due -= timedelta(days=30)  # this one's due date was moved between two snapshots
        provincial.append(_row(f"NV-{n + 1:02d}", title, agency, None, due, finished, day, 30 + 3 * n % 60))
    commune = []
    for u, (_, unit) in enumerate(communes.iterrows()):
        for n in range(k.COMMUNE_TASKS):
            agency = agencies.iloc[n % len(agencies)]
            due = date(2025, 7, 5) + timedelta(days=4 * n)
            lag = int((u * 7 + n * 13) % 11) - 7  # mostly early, some late, by a fixed pattern
            finished = due + timedelta(days=lag)
            late_open = (u * 5 + n) % 41 == 0  # open past its due date
            finished_on = None if late_open or finished > day else finished
            row = _row(
                f"XA-{n + 1:02d}",
                f"{PROVINCIAL[n]} (cấp xã)",
                agency,
                unit,
                due,
                finished_on,
                day,
                (u + n) % 90,
            )
            if (u + n) % 97 == 0 and finished_on is None:
                row["status"] = "Hoàn thành"  # says done, has no completion date: a conflict to list
            commune.append(row)
    return provincial, commune


def _row(
    code: str, title: str, agency: Any, unit: Any, due: date, finished: date | None, day: date, progress: int
) -> dict[str, Any]:
    done = finished is not None and finished <= day
    open_status = "Đang thực hiện trong hạn" if day <= due else "Đang thực hiện quá hạn"
    return {
        "code": code, "title": title, "number": "02-KH/BCĐTW", "directive": date(2025, 6, 19),
        "agency": agency["unit_name"], "agency_code": agency["unit_code"], "with": "Văn phòng UBND tỉnh",
        "unit": unit["unit_name"] if unit is not None else "", "unit_code": unit["unit_code"] if unit is not None else "",
        "start": date(2025, 6, 20), "due": due,
        "status": ("Hoàn thành đúng hạn" if finished and finished <= due else "Hoàn thành trễ hạn") if done else open_status,
        "progress": "100%" if done else f"{progress}%", "finished": finished if done else None,
        "summary": "Đã hoàn thành theo kế hoạch" if done else "", "evidence": "", "updated": datetime.combine(day, datetime.min.time()) + timedelta(hours=8),
        "officer": "Trần Cán Sơn",
    }  # fmt: skip


def write_tracker(path: Path, provincial: list[dict], commune: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = xlsxwriter.Workbook(path, {"strings_to_formulas": False, "default_date_format": "dd/mm/yyyy"})
    # A fixed creation date, so that the same province gives the same bytes.
    book.set_properties({"created": datetime(2025, 8, 6)})
    _sheet(book, "Nhiệm vụ cấp tỉnh", provincial, native_dates=True)
    _sheet(book, "Nhiệm vụ cấp xã", commune, native_dates=False)
    book.close()


def _sheet(book: Any, name: str, rows: list[dict], native_dates: bool) -> None:
    sheet, bold = book.add_worksheet(name), book.add_format({"bold": True, "align": "center"})
    sheet.merge_range(0, 1, 0, 8, "BAN CHỈ ĐẠO CHUYỂN ĐỔI SỐ TỈNH NGHỆ AN", bold)
    sheet.merge_range(2, 1, 2, 18, "SỔ THEO DÕI NHIỆM VỤ", bold)
    sheet.write(3, 1, "(kèm theo báo cáo của Tổ công tác)")
    first = 5
    for column, label in enumerate(TOP, 1):
        if not label:
            continue
        width = 1
        while column + width <= len(TOP) and not TOP[column + width - 1] and SUB[column + width - 1]:
            width += 1
        if SUB[column - 1]:
            sheet.merge_range(first, column, first, column + width - 1, label, bold)
        else:
            sheet.merge_range(first, column, first + 1, column, label, bold)
    for column, label in enumerate(SUB, 1):
        if label:
            sheet.write(first + 1, column, label, bold)
    for column in range(1, len(TOP) + 1):
        sheet.write(first + 2, column, f"({column})")
    line, group = first + 3, None
    for number, row in enumerate(rows, 1):
        heading = row["unit"] or None
        if heading != group:
            sheet.write(line, 2, heading)
            line, group = line + 1, heading
        sheet.write(line, 1, number)
        values = list(row.values())
        for column, value in enumerate(values, 2):
            if value in ("", None):
                continue
            if isinstance(value, datetime):
                sheet.write_string(line, column, value.strftime("%d/%m/%Y %H:%M"))
            elif isinstance(value, date) and native_dates:
                sheet.write_datetime(line, column, value)
            else:
                sheet.write_string(
                    line, column, value.strftime(STAMP) if isinstance(value, date) else str(value)
                )
        line += 1
    sheet.write(line, 2, "Tổng cộng")
    sheet.write(line, 3, str(len(rows)))
    sheet.write(line + 1, 2, "Trong đó: hoàn thành")
    sheet.write(line + 1, 3, str(sum(bool(r["finished"]) for r in rows)))
