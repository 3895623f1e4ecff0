"""The issue register as its keepers export it: `;`, BOM, CRLF, dd/MM/yyyy HH:mm, free text with names."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

HEADERS = ["Mã vướng mắc", "Ngày phản ánh", "Vai trò người phản ánh", "Người phản ánh", "Điện thoại", "Mã đơn vị", "Tên đơn vị", "Mã lĩnh vực", "Nhóm vướng mắc", "Mô tả", "Mức độ", "Cấp giải quyết", "Mã cơ quan giải quyết", "Trạng thái", "Hạn xử lý", "Ngày tháo gỡ", "Kết quả xử lý", "Cập nhật cuối"]  # fmt: skip
CATEGORIES = {
    "Trụ sở, phòng làm việc": 8, "Trang thiết bị": 14, "Nhân sự": 9, "Chuyên môn cán bộ": 8, "Kỹ năng số": 7,
    "Phần mềm dùng chung": 18, "Đường truyền": 9, "Người dân tiếp cận": 8, "Đất đai": 9, "Hộ tịch": 5, "Trả kết quả": 3, "Khác": 2,
}  # fmt: skip
LEVELS = {"Cấp xã": 5, "Sở ngành": 10, "UBND tỉnh": 4, "Bộ ngành": 1}
STEPS = ["Mới", "Đang xem xét", "Đã kiến nghị", "Đang tháo gỡ"]
ISSUES = 1_500
STAMP = "%d/%m/%Y %H:%M"
FAULTS = {"reported_at_unparseable": 3, "category_unknown": 4, "severity_unknown": 2}


def make_issues(units: pd.DataFrame, rng: np.random.Generator, count: int) -> pd.DataFrame:
    """One row per issue with its whole future: reported, resolved, perhaps reopened."""
    current = units[units["is_current"] == "true"]
    communes = current[current["unit_level"] == "commune"].reset_index(drop=True)
    agencies = current[current["unit_level"] == "department"]["unit_code"].to_numpy()
    start = datetime(2025, 6, 20, 8)

    def draw(words: dict[str, int]) -> np.ndarray:
        weight = np.array(list(words.values()), float)
        return rng.choice(list(words), count, p=weight / weight.sum())

    minutes = np.sort(rng.integers(0, 47 * 24 * 60, count))
    reported = [start + timedelta(minutes=int(m)) for m in minutes]
    days = rng.gamma(2.0, 7.0, count)
    frame = pd.DataFrame({"reported": reported})
    frame["code"] = [f"VM-2025-{n:05d}" for n in range(1, count + 1)]
    unit = rng.integers(0, len(communes), count)
    frame["unit_code"] = communes["unit_code"].to_numpy()[unit]
    frame["unit_name"] = communes["unit_name"].to_numpy()[unit]
    frame["sector"] = rng.choice(["G15-TP01", "G16-DD01", "G17-BT01", "G20-XD01", ""], count)
    frame["category"], frame["level"] = draw(CATEGORIES), draw(LEVELS)
    frame["severity"] = rng.choice(["Thấp", "Trung bình", "Cao"], count, p=[0.3, 0.5, 0.2])
    frame["agency"] = rng.choice(agencies, count)
    frame["due"] = [r + timedelta(days=21) for r in reported]
    frame["resolved"] = [r + timedelta(days=float(d)) for r, d in zip(reported, days, strict=True)]
    frame["end"] = rng.choice(["Đã tháo gỡ", "Không chấp nhận", "Trùng lặp"], count, p=[0.88, 0.07, 0.05])
    frame["reopened"] = rng.random(count) < 0.03
    frame["phone"] = [f"09{n:08d}" for n in rng.integers(0, 100_000_000, count)]
    return frame


def write_register(path: Path, issues: pd.DataFrame, day: date) -> dict[str, int]:
    """The register as exported at the end of `day`; returns the faults planted in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.combine(day, datetime.max.time()).replace(microsecond=0)
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADERS)
    known = issues[issues["reported"] <= now]
    for row in known.itertuples():
        done = row.resolved <= now
        # Reopened two days after it was resolved: closed in an earlier snapshot, open in a later one.
        if row.reopened and now > row.resolved + timedelta(days=2):
            done = False
        age = (now - row.reported).days
        status = row.end if done else STEPS[min(age // 4, 3)]
        touched = row.resolved if done else row.reported + timedelta(days=min(age // 4, 3) * 4)
        writer.writerow(
            [
                row.code, row.reported.strftime(STAMP), "Cán bộ một cửa", "Lê Thị Mẫu", row.phone,
                row.unit_code, row.unit_name, row.sector, row.category,
                f'Anh/chị phản ánh "{row.category}"; liên hệ {row.phone}', row.severity, row.level, row.agency,
                status, row.due.strftime(STAMP), row.resolved.strftime(STAMP) if done else "",
                "Đã xử lý" if done else "", touched.strftime(STAMP),
            ]
        )  # fmt: skip
    for n, (fault, count) in enumerate(FAULTS.items()):
        for i in range(count):
            writer.writerow(
                [
                    f"VM-LOI-{n}{i}", "32/13/2025" if fault.startswith("reported") else "01/07/2025 08:00",
                    "Cán bộ một cửa", "", "", known["unit_code"].iloc[i], known["unit_name"].iloc[i], "",
                    "Chuyện lạ" if fault.startswith("category") else "Khác", "", "Khẩn" if fault.startswith("severity") else "Cao",
                    "Cấp xã", "", "Mới", "", "", "", "01/07/2025 08:00",
                ]
            )  # fmt: skip
    path.write_bytes(out.getvalue().encode("utf-8-sig"))
    return dict(FAULTS)
