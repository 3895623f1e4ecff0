"""Registers with every kind of dirt: snapshots in which tasks and issues vanish, change, come back, are rejected."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import hypothesis.strategies as st
import pandas as pd

UNITS = ["16681", "16702", "16663", "99999", None]
STATUSES = ["done", "in_progress", "redo", "awaiting_confirmation", None]
WORDS = ["Hoàn thành trễ hạn", "Chưa quá hạn", "ĐANG THỰC HIỆN QUÁ HẠN", "Hoàn thành đúng hạn", "x", None]
Tables = dict[str, pd.DataFrame]
Rows = list[dict[str, Any]]
REJECTIONS = ["source", "partition_key", "row_key", "is_current"]
# What the books say of every batch and rejected row, and no mart counts.
BATCH_BOOKS: dict[str, Any] = {"rows_read": 0, "rows_accepted": 0, "rows_rejected": 0, "standing": "current"}
REJECTION_BOOKS: dict[str, Any] = {
    "batch_id": "b", "_row": 1, "rule": "r", "first_seen_batch": "b", "last_seen_batch": "b",
}  # fmt: skip


def maybe(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), value)


def rarely(draw: st.DrawFn) -> bool:
    return bool(draw(st.integers(0, 5)) == 5)


@st.composite
def snapshot_days(draw: st.DrawFn, as_of: datetime) -> list[date]:
    """Some days up to as_of, perhaps one after it; the register was not pulled on the others."""
    ages = draw(st.lists(st.sampled_from([-1, 0, 1, 2, 3, 5, 9, 30]), min_size=1, max_size=5, unique=True))
    return sorted(as_of.date() - timedelta(days=age) for age in ages)


def near(day: date) -> st.SearchStrategy[date]:
    return st.sampled_from([-40, -8, -1, 0, 0, 1, 3, 4, 20]).map(lambda n: day + timedelta(days=n))


@st.composite
def task_tracker(draw: st.DrawFn, as_of: datetime) -> tuple[Rows, Rows]:
    """Accepted rows and rejected ones."""
    rows: Rows = []
    rejected: Rows = []
    days = draw(snapshot_days(as_of))
    for number in range(draw(st.integers(0, 5))):
        level = draw(st.sampled_from(["province", "commune", "commune"]))
        unit = None if level == "province" else draw(st.sampled_from(UNITS))
        task = {"task_code": f"T{number // 2}", "owner_level": level, "unit_code": unit}
        if any(r["task_code"] == task["task_code"] and r["unit_code"] == unit for r in rows):
            continue  # one task twice in a snapshot is made below
        for day in days:
            fate = draw(st.sampled_from(["listed", "listed", "listed", "same", "gone", "rejected"]))
            if fate == "rejected":
                key = f"{task['task_code']}|{unit or ''}"
                rejected.append({"source": "task_tracker", "partition_key": day, "row_key": key,
                                 "is_current": not rarely(draw)})  # fmt: skip
            if fate == "listed" or "due_date" not in task:
                task |= {
                    "title": draw(st.sampled_from(["a", "b"])),
                    "lead_agency_code": draw(st.sampled_from(["H41.01", "X", None])),
                    "due_date": draw(maybe(near(as_of.date()))),
                    "completed_date": draw(maybe(near(as_of.date()))),
                    "reported_status": draw(st.sampled_from(STATUSES)),
                    "reported_status_raw": draw(st.sampled_from(WORDS)),
                    "progress": draw(st.sampled_from([0, 60, 100, None])),
                    "updated_at": draw(maybe(st.just(datetime.combine(day, time(8))))),
                }  # fmt: skip
            if fate in ("listed", "same"):
                rows.append({**task, "partition_key": day})
                if rarely(draw):  # listed twice, and not the same
                    rows.append({**rows[-1], "progress": 50, "title": "c",
                                 "updated_at": draw(maybe(st.just(datetime.combine(day, time(9)))))})  # fmt: skip
    return numbered(rows, "t"), rejected


@st.composite
def issue_register(draw: st.DrawFn, as_of: datetime) -> tuple[Rows, Rows]:
    rows: Rows = []
    rejected: Rows = []
    days = draw(snapshot_days(as_of))
    for number in range(draw(st.integers(0, 5))):
        reported = as_of - timedelta(hours=draw(st.sampled_from([-1, 0, 3, 30, 80, 200, 700, 1500])))
        issue: dict[str, Any] = {"issue_code": f"V{number}", "reported_at": reported}
        for day in days:
            fate = draw(st.sampled_from(["listed", "listed", "listed", "same", "gone", "rejected"]))
            if fate == "rejected":
                rejected.append({"source": "issue_register", "partition_key": day,
                                 "row_key": issue["issue_code"], "is_current": not rarely(draw)})  # fmt: skip
            if fate == "listed" or "status" not in issue:
                moment = st.sampled_from([-900, -48, -20, -1, 0, 5, 30]).map(
                    lambda h, day=day: datetime.combine(day, time(10)) + timedelta(hours=h)
                )
                issue |= {
                    "status": draw(st.sampled_from(["new", "resolving", "resolved", "rejected", "duplicate"])),
                    "resolved_at": draw(maybe(moment)), "last_update_at": draw(maybe(moment)),
                    "due_at": draw(maybe(moment)),
                }  # fmt: skip
                if "category" not in issue or rarely(draw):
                    issue |= {
                        "unit_code": draw(st.sampled_from(UNITS)),
                        "sector_code": draw(st.sampled_from(["G16-DD01", "X", None])),
                        "category": draw(st.sampled_from(["land", "network", None])),
                        "addressed_to_level": draw(st.sampled_from(["commune", "province", "ministry", None])),
                        "addressed_to_code": draw(st.sampled_from(["H41.01", "H41.16", None])),
                    }  # fmt: skip
            if fate in ("listed", "same"):
                rows.append({**issue, "partition_key": day})
                if rarely(draw):
                    rows.append({**rows[-1], "status": "new", "last_update_at": None})
    return numbered(rows, "i"), rejected


@st.composite
def assignments(draw: st.DrawFn) -> pd.DataFrame:
    """Who is responsible for which categories, sectors and areas; a star, or nothing, is any."""
    cell = {"category": ["land", "network", "*", None], "sector_code": ["G16-DD01", "*", None],
            "unit_code": ["16681", "16702", "*", None]}  # fmt: skip
    rows = [
        {
            "member_role": draw(st.sampled_from("ABC")),
            **{c: draw(st.sampled_from(v)) for c, v in cell.items()},
        }
        for _ in range(draw(st.integers(0, 4)))
    ]
    return pd.DataFrame(rows, columns=["member_role", *cell])


@st.composite
def targets(draw: st.DrawFn, as_of: datetime) -> pd.DataFrame:
    """Targets in whole percents, for all levels or one, replaced in the course of time."""
    rows = []
    for metric in ("online_submission_rate", "digitisation_rate"):
        for days in draw(st.lists(st.sampled_from([400, 3, 0, -2]), max_size=2, unique=True)):
            for level in draw(
                st.lists(st.sampled_from([None, "commune", "province"]), max_size=2, unique=True)
            ):
                rows.append({"metric": metric, "unit_level": level, "target": draw(st.sampled_from([50, 67, 80, 100])),
                             "max_points": draw(st.sampled_from([6, None])),
                             "valid_from": as_of.date() - timedelta(days=days)})  # fmt: skip
    columns = ["metric", "unit_level", "target", "max_points", "valid_from"]
    return pd.DataFrame(rows, columns=columns).drop_duplicates(["metric", "unit_level", "valid_from"])


@st.composite
def national_ranking(draw: st.DrawFn, as_of: datetime) -> Rows:
    """Captures of the portal: ties, provinces without dossiers, captures delivered again and corrected."""
    rows: Rows = []
    for hours in draw(st.lists(st.sampled_from([-30, 0, 2, 20, 400]), max_size=3, unique=True)):
        captured = as_of - timedelta(hours=hours)
        for province in draw(st.lists(st.sampled_from(["40", "01", "38", "42"]), max_size=4)):
            received = draw(st.sampled_from([0, 3, 10, 20]))
            rows.append({"captured_at": captured, "province_code": province, "received_total": received,
                         "online_total": received // draw(st.sampled_from([1, 2, 3])),
                         "partition_key": captured.date() + timedelta(days=draw(st.integers(0, 1)))})  # fmt: skip
    return numbered(rows, "n")


def numbered(rows: Rows, source: str) -> Rows:
    """Each with its place in its batch, the batch of a day being named after it."""
    for row_number, row in enumerate(rows, 1):
        row["_row"], row["batch_id"] = row_number, f"{source}{row['partition_key']:%Y%m%d}"
    return rows


@st.composite
def batches(draw: st.DrawFn, tables: Tables) -> pd.DataFrame:
    """One per source and day with rows; some blocked, some empty, one superseded."""
    deliveries = []
    for source, rows in tables.items():
        days = set(rows["partition_key"]) if len(rows) else set()
        for day in sorted(days | ({min(days) + timedelta(days=1)} if days else set())):
            deliveries.append((source, day, not rarely(draw)))
    return list_batches(deliveries)


def list_batches(deliveries: list[tuple[str, date, bool]]) -> pd.DataFrame:
    """One current batch for each delivery (source, day, whether it is accepted), by the name of the log's rows."""
    return pd.DataFrame(deliveries, columns=["source", "partition_key", "is_accepted"]).assign(
        is_current=True,
        batch_id=[f"{source}{day:%Y%m%d}" for source, day, _ in deliveries],
        **BATCH_BOOKS,
    )


@st.composite
def registers(draw: st.DrawFn, as_of: datetime) -> Tables:
    """Schema raw without the dossier log and the batches."""
    tasks, bad_tasks = draw(task_tracker(as_of))
    issues, bad_issues = draw(issue_register(as_of))
    ranking = draw(national_ranking(as_of))
    return {
        "task_tracker": pd.DataFrame(tasks), "issue_register": pd.DataFrame(issues),
        "national_ranking": pd.DataFrame(ranking), "assignments": draw(assignments()), "targets": draw(targets(as_of)),
        "rejections": pd.DataFrame(bad_tasks + bad_issues, columns=REJECTIONS).assign(**REJECTION_BOOKS),
    }  # fmt: skip
