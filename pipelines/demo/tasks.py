"""The task tracker's content: one history of 23 provincial and 16 × 130 commune tasks (K3, K4).

Every snapshot is that history seen on its day. A due date is moved, one status goes back, some
tasks say "Hoàn thành" without a date: derived and reported status must differ there (docs/domain.md §4).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import pandas as pd

from pipelines.demo import calibration

PROVINCIAL_TITLES = [
    "Ban hành kế hoạch thực hiện Kế hoạch 02-KH/BCĐTW",
    "Kiện toàn tổ công tác chuyển đổi số",
    "Rà soát hạ tầng mạng cấp xã",
    "Trang bị máy tính cho trung tâm phục vụ hành chính công xã",
    "Kết nối hệ thống một cửa với Cổng dịch vụ công quốc gia",
    "Cấp chữ ký số cho cán bộ cấp xã",
    "Tập huấn kỹ năng số cho công chức",
    "Số hóa hồ sơ đất đai",
    "Chuẩn hóa danh mục thủ tục hành chính",
    "Công bố 2 156 thủ tục hành chính",
    "Bố trí trụ sở làm việc cấp xã",
    "Triển khai tổ công nghệ số cộng đồng",
    "Nâng cấp đường truyền số liệu chuyên dùng",
    "Liên thông khai sinh, khai tử",
    "Thanh toán trực tuyến nghĩa vụ tài chính",
    "Đánh giá an toàn thông tin hệ thống dùng chung",
    "Xây dựng kho dữ liệu dùng chung",
    "Triển khai họp trực tuyến đến xã",
    "Hỗ trợ người dân nộp hồ sơ trực tuyến",
    "Số hóa kết quả giải quyết",
    "Đồng bộ cơ sở dữ liệu dân cư",
    "Ban hành quy chế vận hành trung tâm",
    "Báo cáo tiến độ hằng tuần",
]
COMMUNE_TITLES = [
    "Bố trí phòng tiếp dân tại trung tâm phục vụ hành chính công xã",
    "Lắp đặt thiết bị quét và số hóa hồ sơ",
    "Phân công cán bộ vận hành hệ thống một cửa",
    "Cấp tài khoản định danh cho công chức",
    "Niêm yết thủ tục hành chính",
    "Kiểm tra đường truyền số liệu chuyên dùng",
    "Tập huấn phần mềm dùng chung",
    "Thành lập tổ công nghệ số cộng đồng",
    "Hướng dẫn người dân nộp hồ sơ trực tuyến",
    "Số hóa kết quả giải quyết còn hiệu lực",
    "Bàn giao hồ sơ của đơn vị cũ",
    "Cập nhật địa chỉ và con dấu mới",
    "Công khai tiến độ giải quyết hồ sơ",
    "Rà soát dữ liệu hộ tịch",
    "Rà soát dữ liệu đất đai",
    "Báo cáo khó khăn, vướng mắc hằng tuần",
]
OFFICERS = ["Trần Cán Sơn", "Lê Cán Hương", "Phan Cán Dũng", "Hồ Cán Vân"]
# A row of units.csv.
Unit = Mapping[Hashable, Any]
PLAN_DAY = date(2025, 6, 19)
# What the snapshots, compared with each other, must tell.
HISTORY = {
    "due_moved": {
        "task_code": "NV-21",
        "from": "2026-01-12",
        "to": "2026-02-11",
        "first_seen": "2025-08-05",
    },
    "reverted": {
        "task_code": "NV-15",
        "from": "Chờ xác nhận",
        "to": "Thực hiện lại",
        "first_seen": "2025-08-05",
    },
}
CHANGE_DAY = date.fromisoformat(HISTORY["due_moved"]["first_seen"])


@dataclass(frozen=True)
class Task:
    """One row of the tracker on one day, in the order of its columns."""

    code: str
    title: str
    number: str
    directive_day: date
    agency: str
    agency_code: str
    coordinating: str
    unit: str
    unit_code: str
    start: date
    due: date
    status: str
    progress: str
    finished: date | None
    summary: str
    evidence: str
    updated: datetime
    officer: str


class Tracker(NamedTuple):
    provincial: list[Task]
    commune: list[Task]


def list_tracker_rows(day: date, units: pd.DataFrame) -> Tracker:
    """The tracker's content on `day`; 14 provincial tasks are done, in time, by 05/08/2025."""
    current = units[units["is_current"] == "true"]
    agencies = current[current["unit_level"] == "department"].to_dict("records")
    communes = current[current["unit_level"] == "commune"].to_dict("records")
    provincial = [
        _provincial(number, agencies[number % len(agencies)], day) for number in range(len(PROVINCIAL_TITLES))
    ]
    commune = [
        _commune(unit_number, number, unit, agencies[number % len(agencies)], day)
        for unit_number, unit in enumerate(communes)
        for number in range(calibration.COMMUNE_TASKS)
    ]
    return Tracker(provincial, commune)


def count_facts(rows: Tracker) -> dict[str, Any]:
    """What a reader of the two sheets must find, counted here before they are written."""
    return {
        "rows": len(rows.provincial) + len(rows.commune),
        "provincial_done": sum(task.finished is not None for task in rows.provincial),
        "commune_done": sum(task.finished is not None for task in rows.commune),
        "done_without_date": sum(
            task.status.startswith("Hoàn thành") and task.finished is None for task in rows.commune
        ),
        "status_words": dict(Counter(task.status for task in [*rows.provincial, *rows.commune])),
    }


def _provincial(number: int, agency: Unit, day: date) -> Task:
    code = f"NV-{number + 1:02d}"
    is_finished = number < calibration.PROVINCIAL_TASKS["completed"]
    if is_finished:
        due = date(2025, 7, 10) + timedelta(days=2 * number)
    else:
        due = date(2025, 8, 15) + timedelta(days=9 * (number - 4))
        if code == HISTORY["due_moved"]["task_code"]:
            due = date.fromisoformat(HISTORY["due_moved"]["to" if day >= CHANGE_DAY else "from"])
    finished = due - timedelta(days=number % 3) if is_finished else None
    task = _task(code, PROVINCIAL_TITLES[number], agency, None, due, finished, day, number)
    if code == HISTORY["reverted"]["task_code"]:
        status = HISTORY["reverted"]["to" if day >= CHANGE_DAY else "from"]
        return _override(task, status, "80%" if day >= CHANGE_DAY else "100%")
    return task


def _commune(unit_number: int, number: int, unit: Unit, agency: Unit, day: date) -> Task:
    due = date(2025, 7, 5) + timedelta(days=4 * number)
    stays_open = (unit_number * 5 + number) % 41 == 0
    # Early or late by a fixed pattern, from seven days before to three days after the due date.
    finished = None if stays_open else due + timedelta(days=(unit_number * 7 + number * 13) % 11 - 7)
    task = _task(
        f"XA-{number + 1:02d}", COMMUNE_TITLES[number], agency, unit, due, finished, day, unit_number + number
    )
    if task.finished is None and (unit_number + number) % 97 == 0:
        return _override(task, "Hoàn thành", "100%")
    if task.finished is None and (unit_number + number) % 61 == 0:
        return _override(task, "Tạm hoãn", task.progress)
    return task


def _override(task: Task, status: str, progress: str) -> Task:
    return Task(**(vars(task) | {"status": status, "progress": progress}))


def _task(
    code: str,
    title: str,
    agency: Unit,
    unit: Unit | None,
    due: date,
    finished: date | None,
    day: date,
    salt: int,
) -> Task:
    is_done = finished is not None and finished <= day
    # Progress is reported on Mondays; what is far from its due date has not begun.
    monday = day - timedelta(days=day.weekday())
    begun = due - timedelta(days=60)
    if is_done:
        status = "Hoàn thành đúng hạn" if finished and finished <= due else "Hoàn thành trễ hạn"
        progress, reported = "100%", finished or day
    elif monday < begun:
        status, progress, reported = "Chưa thực hiện", "0%", PLAN_DAY
    else:
        status = "Đang thực hiện trong hạn" if day <= due else "Đang thực hiện quá hạn"
        progress, reported = f"{min(95, (monday - begun).days + salt % 30)}%", monday
    return Task(
        code=code, title=title, number="02-KH/BCĐTW", directive_day=PLAN_DAY,
        agency=agency["unit_name"], agency_code=agency["unit_code"],
        coordinating="Văn phòng UBND tỉnh; Sở Khoa học và Công nghệ",
        unit=unit["unit_name"] if unit else "", unit_code=unit["unit_code"] if unit else "",
        start=date(2025, 6, 20), due=due, status=status, progress=progress,
        finished=finished if is_done else None,
        summary="Đã hoàn thành theo kế hoạch" if is_done else "",
        evidence=f"https://example.invalid/minh-chung/{code}-{salt}" if is_done and salt % 3 == 0 else "",
        updated=datetime.combine(reported, time(17 if is_done else 8)),
        officer=OFFICERS[salt % len(OFFICERS)],
    )  # fmt: skip
