"""The issue register as its keepers export it: `;`, BOM, CRLF, dd/MM/yyyy HH:mm, free text with
names and numbers. Issues are drawn once with their whole future; a snapshot shows it on its day."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.demo.clock import compute_due_times, draw_times
from pipelines.demo.people import APPLICANTS

HEADERS = [
    "Mã vướng mắc", "Ngày phản ánh", "Vai trò người phản ánh", "Người phản ánh", "Điện thoại", "Mã đơn vị",
    "Tên đơn vị", "Mã lĩnh vực", "Nhóm vướng mắc", "Mô tả", "Mức độ", "Cấp giải quyết",
    "Mã cơ quan giải quyết", "Trạng thái", "Hạn xử lý", "Ngày tháo gỡ", "Kết quả xử lý", "Cập nhật cuối",
]  # fmt: skip
# Words and how often they come up, out of about a hundred.
CATEGORIES = {
    "Trụ sở, phòng làm việc": 8, "Trang thiết bị": 14, "Nhân sự": 9, "Chuyên môn cán bộ": 8, "Kỹ năng số": 7,
    "Phần mềm dùng chung": 18, "Đường truyền": 9, "Người dân tiếp cận": 8, "Đất đai": 9, "Hộ tịch": 5,
    "Trả kết quả": 3, "Khác": 2,
}  # fmt: skip
LEVELS = {"Cấp xã": 5, "Sở ngành": 10, "UBND tỉnh": 4, "Bộ ngành": 1}
SEVERITIES = {"Thấp": 30, "Trung bình": 50, "Cao": 20}
ENDS = {"Đã tháo gỡ": 88, "Không chấp nhận": 7, "Trùng lặp": 5}
ROLES = {"Cán bộ một cửa": 6, "Lãnh đạo UBND xã": 2, "Tổ công nghệ số cộng đồng": 2, "Tổ công tác": 1}
STEPS = ["Mới", "Đang xem xét", "Đã kiến nghị", "Đang tháo gỡ"]
DAYS_PER_STEP = 4
# Every third difficulty that a commune or a department has not solved by then is recommended to the province.
RECOMMENDED, EVERY = STEPS.index("Đã kiến nghị"), 3
PROVINCE = ("UBND tỉnh", "H41.01")
SLA_WORKING_DAYS = 15
STAMP = "%d/%m/%Y %H:%M"
FAULTS = {"reported_at_unparseable": 3, "category_unknown": 4, "severity_unknown": 2}


def make_issues(units: pd.DataFrame, rng: np.random.Generator, count: int) -> pd.DataFrame:
    """One row per issue with its whole future: reported, resolved, perhaps reopened two days later."""
    current = units[units["is_current"] == "true"]
    communes = current[current["unit_level"] == "commune"]
    agencies = current.loc[current["unit_level"] == "department", "unit_code"].to_numpy(object)

    def draw(words: dict[str, int]) -> np.ndarray:
        weight = np.array(list(words.values()), float)
        return rng.choice(np.array(list(words), object), count, p=weight / weight.sum())

    reported = np.sort(draw_times(rng, count, datetime(2025, 6, 20), datetime(2025, 8, 6, 16)))
    unit = rng.integers(0, len(communes), count)
    frame = pd.DataFrame({"code": [f"VM-2025-{n:05d}" for n in range(1, count + 1)]})
    frame["reported"] = pd.to_datetime(reported, unit="s")
    frame["unit_code"] = communes["unit_code"].to_numpy(object)[unit]
    frame["unit_name"] = communes["unit_name"].to_numpy(object)[unit]
    frame["category"], frame["level"] = draw(CATEGORIES), draw(LEVELS)
    frame["severity"], frame["end"], frame["role"] = draw(SEVERITIES), draw(ENDS), draw(ROLES)
    frame["sector"] = np.select(
        [frame["category"] == "Đất đai", frame["category"] == "Hộ tịch"],
        ["G16-DD01", "G15-TP01"],
        rng.choice(["", "", "G17-BT01", "G20-XD01"], count),
    )
    frame["addressee"] = np.select(
        [frame["level"] == "Cấp xã", frame["level"] == "Sở ngành", frame["level"] == "UBND tỉnh"],
        [frame["unit_code"], rng.choice(agencies, count), PROVINCE[1]],
        "",
    )
    frame["due"] = pd.to_datetime(compute_due_times(reported, np.full(count, SLA_WORKING_DAYS)), unit="s")
    seconds = (rng.gamma(2.0, 7.0, count) * 86_400).astype("int64")
    frame["resolved"] = pd.to_datetime(reported + seconds, unit="s")
    frame["reopened"] = rng.random(count) < 0.03
    frame["escalates"] = frame["level"].isin(["Cấp xã", "Sở ngành"]) & (frame.index % EVERY == 0)
    frame["reporter"] = rng.choice(np.array(APPLICANTS, object), count)
    frame["phone"] = [f"09{n:08d}" for n in rng.integers(0, 100_000_000, count)]
    return frame


def write_register(path: Path, issues: pd.DataFrame, day: date) -> dict[str, Any]:
    """The register as exported at the end of `day`; returns its counts for the manifest."""
    now = datetime.combine(day, time(23, 59, 59))
    reported = issues[issues["reported"] <= now]
    rows = [_row(issue, now) for issue in reported.itertuples()]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerows([HEADERS, *rows, *_faulty(reported)])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(out.getvalue().encode("utf-8-sig"))
    status = HEADERS.index("Trạng thái")
    return {
        "rows": len(rows) + sum(FAULTS.values()),
        "issues": len(rows),
        "status_words": dict(Counter(row[status] for row in rows)),
        "reopened": sum(_is_reopened(issue, now) for issue in reported.itertuples()),
        "escalated": sum(_is_escalated(issue, now) for issue in reported.itertuples()),
    }


def _is_reopened(issue: Any, now: datetime) -> bool:
    return bool(issue.reopened) and now > issue.resolved + timedelta(days=2)


def _is_escalated(issue: Any, now: datetime) -> bool:
    since = issue.reported + timedelta(days=DAYS_PER_STEP * RECOMMENDED)
    return bool(issue.escalates) and since <= min(now, issue.resolved)


def _row(issue: Any, now: datetime) -> list[str]:
    again = _is_reopened(issue, now)
    is_done = issue.resolved <= now and not again
    step = min((now - issue.reported).days // DAYS_PER_STEP, len(STEPS) - 1)
    if is_done:
        status, touched = issue.end, issue.resolved
    elif again:
        status, touched = STEPS[-1], issue.resolved + timedelta(days=2)
    else:
        status, touched = STEPS[step], issue.reported + timedelta(days=DAYS_PER_STEP * step)
    level, addressee = PROVINCE if _is_escalated(issue, now) else (issue.level, issue.addressee)
    return [
        issue.code, issue.reported.strftime(STAMP), issue.role, issue.reporter, issue.phone, issue.unit_code,
        issue.unit_name, issue.sector, issue.category,
        f'Ông/bà {issue.reporter} phản ánh "{issue.category.lower()}"; liên hệ {issue.phone}',
        issue.severity, level, addressee, status, issue.due.strftime(STAMP),
        issue.resolved.strftime(STAMP) if is_done else "",
        f"Đã trả lời ông/bà {issue.reporter}" if is_done else "", touched.strftime(STAMP),
    ]  # fmt: skip


def _faulty(issues: pd.DataFrame) -> list[list[str]]:
    """Extra rows, each breaking one rule: a date that is none, words outside the lists."""
    broken = {
        "reported_at_unparseable": ("Ngày phản ánh", "32/13/2025"),
        "category_unknown": ("Nhóm vướng mắc", "Chuyện lạ"),
        "severity_unknown": ("Mức độ", "Khẩn"),
    }
    rows: list[list[str]] = []
    for fault, count in FAULTS.items():
        column, value = broken[fault]
        for position in range(count):
            sample = issues.iloc[position]
            clean = {
                "Mã vướng mắc": f"VM-LOI-{len(rows) + 1:02d}", "Ngày phản ánh": "01/07/2025 08:00",
                "Vai trò người phản ánh": "Cán bộ một cửa", "Mã đơn vị": sample["unit_code"],
                "Tên đơn vị": sample["unit_name"], "Nhóm vướng mắc": "Khác", "Mức độ": "Cao",
                "Cấp giải quyết": "Cấp xã", "Mã cơ quan giải quyết": sample["unit_code"], "Trạng thái": "Mới",
                "Cập nhật cuối": "01/07/2025 08:00",
            }  # fmt: skip
            row = clean | {column: value}
            rows.append([str(row.get(header, "")) for header in HEADERS])
    return rows
