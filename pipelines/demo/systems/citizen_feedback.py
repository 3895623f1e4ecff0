"""The feedback of citizens: pages of JSON per snapshot day, as an API of a petition system gives them.

Feedback is drawn once with its whole future, a snapshot shows what had happened by the end of its day; names,
telephone numbers and texts are in it. The manifest counts each day's words, ratings and planted faults.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.demo.clock import DAY, draw_times
from pipelines.demo.people import APPLICANTS
from pipelines.demo.province import REFERENCE, Province

AFTER = ("one_stop",)
COUNT, PAGE_SIZE = 900, 100
STAMP = "%d/%m/%Y %H:%M:%S"
# Words and how often they come up, out of a hundred.
KINDS = {"Quy định hành chính": 12, "Thủ tục hành chính": 30, "Thái độ và hành vi của cán bộ": 13,
         "Đánh giá hài lòng": 40, "Khác": 5}  # fmt: skip
RATING = "Đánh giá hài lòng"
FATES = {"answered": 80, "refused": 10, "withdrawn": 2, "asleep": 8}
RATINGS = {1: 2, 2: 6, 3: 14, 4: 42, 5: 36}
# Every so many feedbacks one is gone from the list without a word: a list loses a few entries a week, no more.
EVERY, GONE = 211, date(2025, 8, 6)
FAULTS = {
    "received_at_unparseable": ({"ngayTiepNhan": "32/13/2025 08:00:00"}, 3),
    "kind_unknown": ({"loai": "Chuyện lạ"}, 3),
    "satisfaction_out_of_range": ({"mucDoHaiLong": "7"}, 4),
    "answered_before_received": ({"trangThai": "Đã trả lời", "ngayTraLoi": "01/06/2025 08:00:00"}, 2),
}


def write_system(province: Province, manifest: dict[str, Any]) -> dict[str, Any]:
    # All of it at every scale: a file this small costs nothing, and every kind of state is in it.
    feedback = draw_feedback(province, COUNT)
    by_day = {}
    for day in (captured_at.date() for captured_at in province.captures):
        items, counts = list_items(feedback, day)
        write_pages(province.root / "citizen_feedback" / str(day), items)
        by_day[str(day)] = counts
    rejected = {rule: times for rule, (_, times) in FAULTS.items()}
    return {"citizen_feedback": {"by_day": by_day, "rejected": rejected}}


def draw_feedback(province: Province, count: int) -> pd.DataFrame:
    """One row per feedback; moments in epoch seconds, -1 where a step never comes."""
    rng = province.seed_generator(4)

    def draw(words: dict[Any, int]) -> np.ndarray:
        weights = np.array(list(words.values()), float)
        return rng.choice(np.array(list(words), object), count, p=weights / weights.sum())

    current = province.units[province.units["is_current"] == "true"]
    procedures = pd.read_csv(REFERENCE / "procedures.csv", dtype=str)
    frame = pd.DataFrame({"code": [f"PAKN-2025-{n:05d}" for n in range(1, count + 1)]})
    frame["received"] = np.sort(draw_times(rng, count, datetime(2025, 6, 20), datetime(2025, 8, 7, 20)))
    frame["unit"] = rng.choice(current["unit_code"].to_numpy(object), count)
    procedure = rng.integers(0, len(procedures), count)
    frame["procedure"] = procedures["procedure_code"].to_numpy(object)[procedure]
    frame["sector"] = procedures["sector_code"].to_numpy(object)[procedure]
    frame["dossier"] = rng.choice(_list_dossiers(province.root / "one_stop.sqlite", count), count)
    frame["kind"], frame["fate"], frame["rating"] = draw(KINDS), draw(FATES), draw(RATINGS)
    frame["is_rated"] = (frame["kind"] == RATING) | (rng.random(count) < 0.5)
    frame["has_dossier"] = (frame["kind"] == RATING) | (rng.random(count) < 0.4)
    frame["has_due"] = rng.random(count) < 0.3
    received = frame["received"].to_numpy()
    decided = received + (rng.gamma(2.0, 1.2, count) * DAY).astype("int64")
    answered = decided + (rng.gamma(2.0, 4.0, count) * DAY).astype("int64")
    is_plain, fate = (frame["kind"] != RATING).to_numpy(), frame["fate"].to_numpy()
    frame["decided"] = np.where(is_plain, decided, -1)
    frame["refused"] = np.where(is_plain & (fate == "refused"), decided, -1)
    frame["withdrawn"] = np.where(is_plain & (fate == "withdrawn"), decided, -1)
    frame["supplemented"] = np.where(
        is_plain & (fate == "answered") & (rng.random(count) < 0.15), decided, -1
    )
    frame["answered"] = np.where(is_plain & (fate == "answered"), answered, -1)
    published = answered + (rng.gamma(2.0, 0.7, count) * DAY).astype("int64")
    frame["published"] = np.where(is_plain, np.where(fate == "answered", published, -1), received)
    frame["sender"] = rng.choice(np.array(APPLICANTS, object), count)
    frame["phone"] = [f"09{n:08d}" for n in rng.integers(0, 100_000_000, count)]
    return frame


def list_items(feedback: pd.DataFrame, day: date) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The feedback as listed at the end of `day`, the faulty rows last; its counts for the manifest."""
    now = int((datetime.combine(day, time(23, 59, 59)) - datetime(1970, 1, 1)).total_seconds())
    listed = feedback[feedback["received"] <= now]
    is_gone = (listed.index % EVERY == EVERY // 2) & (day >= GONE)
    items = [_show_item(row, now) for row in listed[~is_gone].itertuples()]
    ratings = Counter(item["mucDoHaiLong"] for item in items if item["mucDoHaiLong"])
    counts = {
        "rows": len(items) + sum(times for _, times in FAULTS.values()),
        "feedback": len(items),
        "gone": int(is_gone.sum()),
        "kind_words": dict(Counter(item["loai"] for item in items)),
        "status_words": dict(Counter(item["trangThai"] for item in items)),
        "ratings": dict(sorted(ratings.items())),
    }
    faulty = [change for change, times in FAULTS.values() for _ in range(times)]
    items += [
        items[0] | {"maPAKN": f"PAKN-LOI-{n:02d}", "ngayCongKhai": None} | change
        for n, change in enumerate(faulty, 1)
    ]
    return items, counts


def write_pages(folder: Path, items: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pages = [items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE)]
    for number, page in enumerate(pages, 1):
        content = {"data": {"items": page, "page": number, "totalPages": len(pages), "total": len(items)}}
        text = json.dumps(content, ensure_ascii=False, indent=1)
        (folder / f"page_{number}.json").write_text(text, encoding="utf-8")


def _show_item(row: Any, now: int) -> dict[str, Any]:
    def at(moment: int) -> str | None:
        return datetime.fromtimestamp(moment, UTC).strftime(STAMP) if 0 < moment <= now else None

    steps = {
        "Mới tiếp nhận": row.received, "Đang xem xét": row.decided, "Yêu cầu bổ sung": row.supplemented,
        "Từ chối": row.refused, "Đã rút": row.withdrawn, "Đã trả lời": row.answered, "Đã công khai": row.published,
    }  # fmt: skip
    reached = {word: moment for word, moment in steps.items() if 0 < moment <= now}
    is_answered = row.kind == RATING or 0 < row.answered <= now
    return {
        "maPAKN": row.code, "ngayTiepNhan": at(row.received), "nguoiGui": row.sender, "dienThoai": row.phone,
        "noiDung": f"Ông/bà {row.sender} phản ánh, liên hệ {row.phone}", "loai": row.kind, "maDonVi": row.unit,
        "maLinhVuc": row.sector, "maTTHC": row.procedure if row.kind != "Khác" else None,
        "maHoSo": row.dossier if row.has_dossier else None, "trangThai": list(reached)[-1],
        "hanTraLoi": datetime.fromtimestamp(row.received + 20 * DAY, UTC).strftime(STAMP)
        if row.has_due and row.kind != RATING else None,
        "ngayTuChoi": at(row.refused), "ngayYeuCauBoSung": at(row.supplemented), "ngayTraLoi": at(row.answered),
        "ngayCongKhai": at(row.published),
        "mucDoHaiLong": str(row.rating) if row.is_rated and is_answered else None,
        "capNhatCuoi": at(max(reached.values())),
    }  # fmt: skip


def _list_dossiers(database: Path, count: int) -> np.ndarray:
    """Codes of dossiers that the one-stop system has returned; fewer than `count`, so that some come up again."""
    with closing(sqlite3.connect(database)) as con:
        rows = con.execute(
            "select distinct MaHoSo from ho_so_trang_thai where TrangThaiHoSo = '10' and MaHoSo is not null "
            "order by MaHoSo limit ?",
            [max(count // 2, 1)],
        ).fetchall()
    return np.array([code for (code,) in rows], object)
