"""Reported difficulties: how old, how late, who must act, what flowed in and out each day (docs/domain.md §5)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import pandas as pd

from tests.oracle.dossiers import Place
from tests.oracle.registers import Mention, Row, every_day, followed, newest_of_each_day, records
from tests.oracle.tasks import rejected_rows

OPEN = {"new", "under_review", "recommended", "resolving"}
LEVELS = ["commune", "department", "province", "ministry"]
DECIDE, RESOLVE = 2, 15
TIMES = ["reported_at", "due_at", "resolved_at", "last_update_at"]


class Seen(NamedTuple):
    """An issue as one snapshot shows it; `closed`: when and as what it ended, None while it is open."""

    day: date
    row: Row
    closed: tuple[datetime, str] | None
    is_listed: bool


class Spell(NamedTuple):
    """One stretch of being open; `closed` is None while it lasts."""

    opened: date
    closed: date | None
    closed_as: str | None
    is_again: bool


class Issue:
    """One issue through all snapshots up to as_of."""

    def __init__(self, code: str, mentions: list[Mention], place: Place) -> None:
        self.code, self.place, self.as_of = code, place, place.as_of.to_pydatetime()
        self.today = self.as_of.date()
        self.seen = list(self._seen(mentions))
        self.row, self.closed = self.seen[-1].row, self.seen[-1].closed
        self.reported = self.row["reported_at"].date()
        self.unit = self.unit_of(self.row)
        self.decide_by, resolve_by = (
            end(place.calendar.after(self.reported, days)) for days in (DECIDE, RESOLVE)
        )
        self.due = self.row["due_at"] or resolve_by
        self.spells = list(self._spells())
        self.places = self._places()

    def _seen(self, mentions: list[Mention]) -> Any:
        """A rejected row says nothing new; one that is missing while open ended as withdrawn that day."""
        row: Row = {}
        for mention in mentions:
            row = mention.row or row
            if mention.row is None and not mention.is_missing:
                continue
            closed = None
            if row["status"] not in OPEN:
                closed = row["resolved_at"] or row["last_update_at"] or end(row["day"]), row["status"]
            elif mention.is_missing:
                closed = min(end(mention.day), self.as_of), "withdrawn"
            # Only what has ended by as_of has ended.
            closed = closed if closed and closed[0] <= self.as_of else None
            yield Seen(mention.day, row, closed, mention.row is not None)

    def unit_of(self, row: Row) -> str:
        return self.place.units.today(row["unit_code"] or "unknown", self.reported) or "unknown"

    def _spells(self) -> Any:
        runs: list[list[Seen]] = []
        for seen in self.seen:
            if not runs or (runs[-1][-1].closed is None) != (seen.closed is None):
                runs.append([])
            runs[-1].append(seen)
        for position, run in enumerate(runs):
            if position and run[0].closed:
                continue  # the end of the spell before
            opened = min(self.reported, run[0].day)
            if position:
                updates = [s.row["last_update_at"].date() for s in run if s.row["last_update_at"]]
                opened = between(
                    updates[0] if updates else run[0].day, runs[position - 1][-1].day, run[0].day
                )
            ending = run if run[0].closed else runs[position + 1] if position + 1 < len(runs) else []
            if not ending:
                yield Spell(opened, None, None, position > 0)
                continue
            closed_at, closed_as = ending[-1].closed or (self.as_of, "")
            last = min(closed_at.date(), ending[-1].day, self.today)
            yield Spell(opened, max(last, opened), closed_as, position > 0)

    def _places(self) -> list[tuple[date, tuple[str, str, str, str | None]]]:
        """From which day on it stood where: unit, category, level and code of the addressee."""
        path: list[tuple[date, tuple[str, str, str, str | None]]] = []
        before: Seen | None = None
        for seen in (s for s in self.seen if s.is_listed):
            row, touched = seen.row, seen.row["last_update_at"]
            here = (self.unit_of(row), row["category"] or "other", row["addressed_to_level"] or "unknown",
                    row["addressed_to_code"])  # fmt: skip
            if before is None:
                path.append((min(self.reported, seen.day), here))
            elif path[-1][1] != here:
                path.append((between(touched.date() if touched else seen.day, before.day, seen.day), here))
            before = seen
        return path

    def place_on(self, day: date) -> tuple[str, str, str, str | None] | None:
        return next((where for since, where in reversed(self.places) if since <= day), None)


def end(day: date) -> datetime:
    return datetime.combine(day, time(23, 59, 59))


def between(day: date, first: date, last: date) -> date:
    return min(max(day, first), last)


def issues(register: pd.DataFrame, rejections: pd.DataFrame, place: Place) -> list[Issue]:
    rows = [
        r for r in records(register) if r["day"] <= place.as_of.date() and r["reported_at"] <= place.as_of
    ]
    for row in rows:
        row.update({name: row[name] and pd.Timestamp(row[name]).to_pydatetime() for name in TIMES})
    kept = newest_of_each_day(rows, ["issue_code"], "last_update_at")
    rejected = {(day, (code,)) for day, code in rejected_rows(rejections, "issue_register")}
    return [Issue(code, mentions, place) for (code,), mentions in followed(kept, rejected)]  # type: ignore[misc]


def assigned(table: pd.DataFrame) -> list[Row]:
    return [{str(c): None if pd.isna(v) else v for c, v in row.items()} for row in table.to_dict("records")]


def age(days: int | None) -> str | None:
    if days is None:
        return None
    return "0-5" if days <= 5 else "6-15" if days <= 15 else "16-30" if days <= 30 else "over 30"


def who_must_act(issue: Issue, assignments: list[Row]) -> tuple[str | None, str]:
    """The assignment that fits and says most; of equals the one that names the category, then the first role."""
    facts = {"category": issue.row["category"] or "other", "sector_code": issue.row["sector_code"],
            "unit_code": issue.unit}  # fmt: skip
    names = {"category": "category", "sector_code": "sector", "unit_code": "area"}
    fitting = []
    for assignment in assignments:
        conditions = {c: assignment[c] for c in facts if assignment[c] not in (None, "*")}
        if all(facts[c] == value for c, value in conditions.items()):
            basis = "+".join(names[c] for c in facts if c in conditions) or "everything"
            fitting.append((-len(conditions), "category" not in conditions, assignment["member_role"], basis))
    return min(fitting)[2:] if fitting else (None, "none")


def backlog(every: list[Issue], assignments: list[Row]) -> pd.DataFrame:
    """issue_backlog."""
    rows, kinds = [], defaultdict(list)
    for issue in sorted(every, key=lambda i: (i.row["reported_at"], i.code)):
        if issue.row["status"] != "duplicate":
            kinds[issue.unit, issue.row["category"] or "other"].append(issue.code)
    for issue in every:
        row, days, is_open = issue.row, issue.place.calendar.days_between, issue.closed is None
        measured = issue.as_of if issue.closed is None else issue.closed[0]
        updated = row["last_update_at"]
        touched = max(row["last_update_at"] or row["reported_at"], row["reported_at"]).date()
        late, silent = measured > issue.due, days(touched, issue.today)
        role, basis = who_must_act(issue, assignments)
        alike = kinds[issue.unit, row["category"] or "other"] if row["status"] != "duplicate" else []
        number = alike.index(issue.code) if alike else None
        taken = days(issue.reported, measured.date())
        path = steps(issue)
        rows.append(
            {
                "issue_code": issue.code, "unit_code": issue.unit, "category": row["category"] or "other",
                "status": row["status"], "is_open": is_open, "closed_at": issue.closed and issue.closed[0],
                "is_withdrawn": bool(issue.closed and issue.closed[1] == "withdrawn"),
                "responsible_role": role or "Chưa phân công", "assignment_basis": basis,
                "sla_working_days": RESOLVE,
                "days_since_update": updated and (issue.today - updated.date()).days,
                "sla_due_at": end(issue.place.calendar.after(issue.reported, RESOLVE)), "due_at": issue.due,
                "is_due_by_sla": row["due_at"] is None, "is_late": late, "is_overdue": is_open and late,
                "is_decision_overdue": is_open and row["status"] == "new" and issue.as_of > issue.decide_by,
                "working_days_left": days(issue.today, issue.due.date()) if is_open and not late else None,
                "working_days_late": days(issue.due.date(), measured.date()) if late else None,
                "age_days": (measured.date() - issue.reported).days, "age_working_days": taken,
                "age_bucket": age(taken), "working_days_since_update": silent,
                "silence_bucket": age(silent) if is_open else None,
                "times_reopened": sum(s.is_again for s in issue.spells),
                "repeat_number": None if number is None else number + 1,
                "previous_issue_code": alike[number - 1] if number else None, "addressees": len(path),
                "times_escalated": sum(step["direction"] == "escalated" for step in path),
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def backlog_daily(every: list[Issue]) -> pd.DataFrame:
    """issue_backlog_daily: walks through every day of every spell."""
    counts: dict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for issue in every:
        signs = {issue.reported, *(s.opened for s in issue.spells)}
        signs |= {s.row["last_update_at"].date() for s in issue.seen if s.row["last_update_at"]}
        number = issue.place.calendar.days_between
        for spell in issue.spells:
            for day in every_day(spell.opened, spell.closed or issue.today):
                here, before = issue.place_on(day), issue.place_on(day - timedelta(days=1))
                assert here is not None
                line = counts[day, *here[:3]]
                if day == spell.opened:
                    line["reopened" if spell.is_again else "new_issues"] += 1
                elif before is not None and before[:3] != here[:3]:
                    line["moved_in"] += 1
                    counts[day, *before[:3]].update(["opening", "moved_out"])
                else:
                    line["opening"] += 1
                if day == spell.closed:
                    how = spell.closed_as if spell.closed_as in ("resolved", "withdrawn") else "otherwise"
                    line.update(["closed", f"closed_{how}"])
                    continue
                silent = number(max(s for s in signs if s <= day), day)
                names = {"open": number(issue.reported, day), "silent": silent}
                for name, days in names.items():
                    line[f"{name}_{(age(days) or '').replace('-', '_').replace(' ', '_')}_working_days"] += 1
                line["closing"] += 1
                line["overdue"] += min(end(day), issue.as_of) > issue.due
    columns = ["opening", "new_issues", "reopened", "moved_in", "moved_out", "closed", "closed_resolved",
               "closed_withdrawn", "closed_otherwise", "closing", "overdue"]  # fmt: skip
    columns += [
        f"{n}_{b}_working_days" for n in ("open", "silent") for b in ("0_5", "6_15", "16_30", "over_30")
    ]
    key = ["as_of_day", "unit_code", "category", "addressed_to_level"]
    return pd.DataFrame(
        [{**dict(zip(key, k, strict=True)), **{c: line[c] for c in columns}} for k, line in counts.items()]
    )


def steps(issue: Issue) -> list[Row]:
    """The path from addressee to addressee, and how long it lay open with each."""
    path: list[tuple[date, str, str | None]] = []
    for since, (_, _, level, code) in issue.places:
        if not path or path[-1][1:] != (level, code):
            path.append((since, level, code))
    rows: list[Row] = []
    for position, (since, level, code) in enumerate(path):
        until = path[position + 1][0] if position + 1 < len(path) else None
        days = working = 0
        for spell in issue.spells:
            first, last = max(since, spell.opened), min(until or issue.today, spell.closed or issue.today)
            if first <= last:
                days += (last - first).days
                working += issue.place.calendar.days_between(first, last)
        direction = "first"
        if position:
            before = path[position - 1][1]
            both_levels = level in LEVELS and before in LEVELS
            up = LEVELS.index(level) - LEVELS.index(before) if both_levels else 0
            direction = (
                "transferred"
                if level == before
                else "moved"
                if not both_levels
                else "escalated"
                if up > 0
                else "handed_down"
            )
        rows.append(
            {
                "issue_code": issue.code, "step": position + 1, "addressed_to_level": level, "addressed_to_code": code,
                "direction": direction, "from_day": since, "until_day": until,
                "is_waiting_here": until is None and issue.closed is None, "days": days, "working_days": working,
            }
        )  # fmt: skip
    return rows


def escalation(every: list[Issue]) -> pd.DataFrame:
    """issue_escalation."""
    return pd.DataFrame([step for issue in every for step in steps(issue)])
