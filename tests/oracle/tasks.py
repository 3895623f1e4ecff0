"""Assigned tasks: derived against reported, changes, completion by level, agency and commune (docs/domain.md §4)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from tests.oracle.dossiers import Place
from tests.oracle.registers import Mention, Row, every_day, followed, newest_of_each_day, records

# A limit of ours, configured in one place; every other number here is counted from the rules.
PROJECT = Path(__file__).resolve().parents[2] / "dbt_project" / "dbt_project.yml"
DUE_SOON_DAYS = yaml.safe_load(PROJECT.read_text(encoding="utf-8"))["vars"]["due_soon_days"]
DONE = {"done_on_time", "done_late", "done_no_due"}
BUCKETS = [
    "done_on_time",
    "done_late",
    "done_no_due",
    "open_in_term",
    "open_overdue",
    "open_no_due",
    "withdrawn",
]
KEY = ["owner_level", "task_code", "unit_code"]
FIELDS = [
    "title",
    "directive_number",
    "directive_date",
    "lead_agency_code",
    "coordinating_agencies",
    "start_date",
    "due_date",
    "reported_status",
    "reported_status_raw",
    "progress",
    "completed_date",
    "evidence_link",
]
DATES = ["directive_date", "start_date", "due_date", "completed_date"]
# Of the words a tracker uses, those that say something of time; the longer phrase says more than the one inside it.
IN_TIME, LATE = ["chưa quá hạn", "đúng hạn", "trong hạn", "trước hạn"], ["quá hạn", "trễ hạn", "chậm"]


class Day(NamedTuple):
    """A task on one day: the row in force, and what its dates make of it."""

    row: Row
    since: date
    is_withdrawn: bool
    is_done: bool
    last_bucket: str

    @property
    def bucket(self) -> str:
        return "withdrawn" if self.is_withdrawn else self.last_bucket


class Tracker:
    """The tasks of all snapshots up to as_of, day by day."""

    def __init__(self, tracker: pd.DataFrame, rejections: pd.DataFrame, place: Place) -> None:
        self.place, self.today = place, place.as_of.date()
        rows = [r for r in records(tracker) if r["day"] <= self.today]
        for row in rows:
            row["unit_code"] = row["unit_code"] or "province"
            row["lead_agency_code"] = row["lead_agency_code"] or "unknown"
            row["progress"] = row["progress"] if row["progress"] is None else int(row["progress"])
            row.update({name: row[name] and pd.Timestamp(row[name]).date() for name in DATES})
        kept = newest_of_each_day(rows, KEY, "updated_at")
        # A rejected row names its task by code and reporting unit.
        keys = {(day, tuple(key.split("|"))) for day, key in rejected_rows(rejections, "task_tracker")}
        rejected = {
            (day, thing) for day, (code, unit) in keys for _, thing in kept
            if thing[1:] == (code, unit or "province")
        }  # fmt: skip
        self.tasks: dict[tuple[str, ...], list[Mention]] = dict(followed(kept, rejected))
        self.days: dict[tuple[str, ...], dict[date, Day]] = {k: self._days(m) for k, m in self.tasks.items()}
        self.snapshots = sorted({day for day, _ in kept})

    def _days(self, mentions: list[Mention]) -> dict[date, Day]:
        days = {}
        row: Row = {}
        for mention, following in zip(mentions, [*mentions[1:], None], strict=True):
            row = mention.row or row
            last = following.day - timedelta(days=1) if following else self.today
            for day in every_day(mention.day, last):
                # Once gone, it keeps the judgement of the day before.
                judgement_day = mention.day - timedelta(days=1) if mention.is_missing else day
                done = row["completed_date"] is not None and row["completed_date"] <= judgement_day
                done = done and row["reported_status"] != "redo"
                days[day] = Day(row, mention.day, mention.is_missing, done, bucket(row, done, judgement_day))
        return days

    def snapshot(self, day: date) -> date:
        return max(s for s in self.snapshots if s <= day)


def rejected_rows(rejections: pd.DataFrame, source: str) -> set[tuple[date, str]]:
    """Day and key of the rows of `source` that validation did not let pass, of the batches that count."""
    here = rejections[(rejections["source"] == source) & rejections["is_current"].astype(bool)]
    return {(pd.Timestamp(d).date(), k) for d, k in zip(here["partition_key"], here["row_key"], strict=True)}


def bucket(row: Row, done: bool, judgement_day: date) -> str:
    due = row["due_date"]
    if due is None:
        return "done_no_due" if done else "open_no_due"
    if done:
        return "done_on_time" if row["completed_date"] <= due else "done_late"
    return "open_in_term" if judgement_day <= due else "open_overdue"


def claims_late(words: str | None) -> bool | None:
    claims = [(len(p), p in LATE) for p in (*IN_TIME, *LATE) if p in (words or "").lower()]
    return max(claims)[1] if claims else None


def conflict(now: Day, today: date) -> str | None:
    row, claimed, late = (
        now.row,
        claims_late(now.row["reported_status_raw"]),
        now.last_bucket in ("done_late", "open_overdue"),
    )
    status, completed = row["reported_status"], row["completed_date"]
    rules = {
        "done_without_date": status == "done" and completed is None,
        "done_in_the_future": completed is not None and completed > today,
        "dated_but_to_be_redone": status == "redo" and completed is not None,
        "dated_but_not_reported_done": now.is_done and status not in (None, "done", "awaiting_confirmation"),
        "reported_late_but_is_not": claimed is True and not late,
        "late_but_not_reported_so": claimed is False and late,
        "done_below_full_progress": now.is_done and row["progress"] is not None and row["progress"] < 100,
    }
    return None if now.is_withdrawn else next((name for name, holds in rules.items() if holds), None)


def ledger(tracker: Tracker) -> pd.DataFrame:
    """task_ledger: every task ever listed, as it stands at as_of."""
    rows = []
    for key, mentions in tracker.tasks.items():
        now = tracker.days[key][tracker.today]
        due, today = now.row["due_date"], tracker.today
        left = (due - today).days if now.bucket == "open_in_term" else None
        late = {"done_late": now.row["completed_date"], "open_overdue": today}.get(now.bucket)
        gone = [m.day for m in mentions if m.is_missing]
        back = [b.day for a, b in pairwise(mentions) if a.is_missing]
        rows.append(
            {
                **dict(zip(KEY, key, strict=True)),
                **{name: now.row[name] for name in ("lead_agency_code", "due_date", "completed_date", "progress")},
                "reported_status": now.row["reported_status"],
                "derived_status": "withdrawn" if now.is_withdrawn else "done" if now.is_done else "open",
                "bucket": now.bucket, "last_bucket": now.last_bucket, "is_late": late is not None,
                "is_due_soon": left is not None and left <= DUE_SOON_DAYS, "days_left": left,
                "days_late": late and (late - due).days,
                "conflict": conflict(now, today), "snapshot_day": now.row["day"], "first_seen_on": mentions[0].day,
                "is_withdrawn": now.is_withdrawn, "withdrawn_on": now.since if now.is_withdrawn else None,
                "returned_on": max(back, default=None), "times_withdrawn": len(gone),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def history(tracker: Tracker) -> pd.DataFrame:
    """task_ledger_history: what a later snapshot says otherwise than the one before."""
    rows: list[Row] = []
    for key, mentions in tracker.tasks.items():
        before: Row | None = None
        gone, days = False, tracker.days[key]
        for mention in mentions:
            line = {**dict(zip(KEY, key, strict=True)), "seen_on": mention.day,
                    "seen_before_on": before and before["day"]}  # fmt: skip
            if before is None or mention.is_missing != gone:
                was = None if before is None else "withdrawn" if gone else days[mention.day].last_bucket
                rows.append(
                    {
                        **line, "field": "*", "to_value": days[mention.day].bucket,
                        "change": "withdrawn" if mention.is_missing else "returned" if before else "first_seen",
                        "from_value": was,
                    }
                )  # fmt: skip
            if mention.row and before:
                for name in FIELDS:
                    old, new = (r[name] if r[name] is None else str(r[name]) for r in (before, mention.row))
                    if old != new:
                        rows.append(
                            {**line, "field": name, "change": "changed", "from_value": old, "to_value": new}
                        )
            gone, before = mention.is_missing, mention.row or before
    return pd.DataFrame(rows)


def completion(tracker: Tracker) -> pd.DataFrame:
    """task_completion: day × level × lead agency (or all)."""
    counts: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    reported: dict[tuple[date, str], set[str]] = defaultdict(set)
    for (level, _, unit), days in tracker.days.items():
        for day, task in days.items():
            for agency in (task.row["lead_agency_code"], "all"):
                counts[day, level, agency][task.bucket] += 1
            if not task.is_withdrawn:
                reported[day, level].add(unit)
    rows = []
    for (day, level, agency), count in counts.items():
        owing = tracker.place.units.existing(level, day) if level != "province" else {"province"}
        missing = owing - reported[day, level]
        rows.append(
            {
                "as_of_day": day, "owner_level": level, "lead_agency_code": agency,
                "snapshot_day": tracker.snapshot(day), **measures(count), "reporters_expected": len(owing),
                "reporters_missing": len(missing), "is_complete": not missing,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def measures(count: Counter[str]) -> Row:
    """The buckets, both rates and the colour."""
    total = sum(n for name, n in count.items() if name != "withdrawn")
    completed = sum(count[name] for name in DONE)
    due_or_done = completed + count["open_overdue"]
    return {
        **{name: count[name] for name in BUCKETS}, "total": total, "completed": completed,
        "rate_completed": completed / total if total else None, "due_or_done": due_or_done,
        "rate_on_time": count["done_on_time"] / due_or_done if due_or_done else None,
        "colour": "red" if 10 * count["open_overdue"] > total else "yellow" if count["open_overdue"] else "green",
    }  # fmt: skip


def completion_by_unit(tracker: Tracker) -> pd.DataFrame:
    """task_completion_by_unit: day × commune, also the silent ones; equal rates share the better rank."""
    counts: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
    for (level, _, unit), days in tracker.days.items():
        for day, task in days.items():
            if level == "commune":
                counts[day, unit][task.bucket] += 1
    rows = []
    for day in sorted({day for day, _ in counts}):
        units = tracker.place.units.existing("commune", day) | {u for d, u in counts if d == day}
        lines = {unit: measures(counts[day, unit] if (day, unit) in counts else Counter()) for unit in units}
        rates = [line["rate_completed"] for line in lines.values() if line["total"]]
        for unit, line in lines.items():
            rank = 1 + sum(r > line["rate_completed"] for r in rates) if line["total"] else None
            rows.append(
                {
                    "as_of_day": day, "unit_code": unit, "snapshot_day": tracker.snapshot(day),
                    "has_reported": line["total"] > 0, **line, "rank_completed": rank, "units_ranked": len(rates),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def matrix(tasks: pd.DataFrame, units: pd.DataFrame, today: date) -> pd.DataFrame:
    """task_commune_matrix from the oracle's own ledger and completion: every task × every commune."""
    if tasks.empty or units.empty:
        return pd.DataFrame()
    here = records_by(tasks[tasks["owner_level"] == "commune"], ["task_code", "unit_code"])
    communes = records_by(units[units["as_of_day"] == today], ["unit_code"])
    rows = []
    for code in sorted({task for task, _ in here}):
        listed = [row for (task, _), row in here.items() if task == code and not row["is_withdrawn"]]
        done = sum(row["derived_status"] == "done" for row in listed)
        for (unit,), commune in communes.items():
            cell = here.get((code, unit))
            empty = "not_listed" if commune["has_reported"] else "not_provided"
            rows.append(
                {
                    "task_code": code, "unit_code": unit, "cell": cell["bucket"] if cell else empty,
                    **{name: cell and cell[name] for name in ("progress", "days_left", "days_late")},
                    "is_due_soon": bool(cell and cell["is_due_soon"]),
                    "task_communes_listed": len(listed),
                    "task_communes_completed": done,
                    "task_rate_completed": done / len(listed) if listed else None,
                    "unit_total": commune["total"], "unit_completed": commune["completed"],
                    "unit_overdue": commune["open_overdue"], "unit_colour": commune["colour"],
                    "unit_rate_completed": commune["rate_completed"],
                    "unit_rate_on_time": commune["rate_on_time"],
                    "unit_rank": commune["rank_completed"], "units_ranked": commune["units_ranked"],
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def records_by(table: pd.DataFrame, key: list[str]) -> dict[tuple[Any, ...], Row]:
    plain = table.astype(object).where(table.notna(), None).to_dict("records")
    return {tuple(row[name] for name in key): row for row in plain}
