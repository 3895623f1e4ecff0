"""Who has reported on which day, who has not, and who need not (docs/domain.md §9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import pandas as pd

from tests.oracle.dossiers import Place
from tests.oracle.issues import Issue
from tests.oracle.registers import every_day
from tests.oracle.sources import SOURCES, read_contract
from tests.oracle.tasks import Tracker


class Rule(NamedTuple):
    """Who must report a source, on which days, and for how many days one delivery stands."""

    source: str
    level: str
    expects: str
    working_days_only: bool
    max_age_days: int
    reason: str


def read_rules() -> list[Rule]:
    """As the contracts say: expectations/<source>/contract.yaml."""
    return [
        Rule(source, level, rule["expects"], rule["on_days"] == "working", rule["max_age_days"],
             rule.get("reason", ""))
        for source in SOURCES
        for level, rule in read_contract(source)["reports"].items()
    ]  # fmt: skip


Counts = Counter[tuple[str, date, str]]


def counted(states: pd.DataFrame, tracker: Tracker, every: list[Issue], ranking: pd.DataFrame) -> Counts:
    """(source, day, unit) → records of the unit in the delivery of the day; the registers count as the province's."""
    counts: Counts = Counter()
    counts.update(
        ("dossier_log", day, unit)
        for day, unit in zip(states["recorded_at"].dt.date, states["unit"], strict=True)
    )
    for (_, _, unit), mentions in tracker.tasks.items():
        counts.update(("task_tracker", m.day, unit) for m in mentions if m.row)
    for issue in every:
        counts.update(("issue_register", seen.day, "province") for seen in issue.seen if seen.is_listed)
        counts.update(
            ("issue_register", seen.day, issue.unit_of(seen.row)) for seen in issue.seen if seen.is_listed
        )
    counts.update(
        ("national_ranking", pd.Timestamp(day).date(), "province") for day in ranking["partition_key"]
    )
    return counts


def completeness(batches: pd.DataFrame, counts: Counts, place: Place) -> pd.DataFrame:
    """reporting_completeness: day × source × unit, and the sum of each level."""
    deliveries = delivered(batches, place)
    days = [day for delivery_days in deliveries.values() for day in delivery_days]
    if not days:
        return pd.DataFrame()
    names = {"commune": place.units.began("commune"), "department": place.units.began("department"),
             "province": {"province": date.min}}  # fmt: skip
    ever = {(source, unit) for source, _, unit in counts}
    lines: list[dict[str, Any]] = []
    rules = read_rules()
    for day in every_day(min(days), place.as_of.date()):
        for rule in rules:
            came = deliveries.get(rule.source, [])
            newest = max((d for d in came if d <= day), default=None)
            in_time = newest is not None and day - newest <= timedelta(days=rule.max_age_days)
            here: Counter[str] = Counter()
            for unit, since in names[rule.level].items():
                seen = (rule.source, unit) in ever
                excuse = _excuse(rule, day, since, came, seen, place.calendar.works[day])
                records = counts[rule.source, newest, unit] if newest and in_time else 0
                reason = excuse or (
                    "source_not_delivered" if not in_time else "delivered" if records else "unit_silent"
                )
                line = Counter(
                    units=1, expected=not excuse, reported=reason == "delivered",
                    missing=reason in ("source_not_delivered", "unit_silent"), not_applicable=bool(excuse),
                    records=records,
                )  # fmt: skip
                here.update(line)
                lines.append(_line(day, rule, unit, reason, newest, line))
            lines.append(_line(day, rule, "all", "total", newest, here))
    return pd.DataFrame(lines)


def delivered(batches: pd.DataFrame, place: Place) -> Mapping[str, list[date]]:
    """Source → days on which something that counts and was accepted came."""
    days_by_source: dict[str, list[date]] = {}
    for source, day, current, accepted in batches[
        ["source", "partition_key", "is_current", "is_accepted"]
    ].itertuples(index=False):
        day = pd.Timestamp(day).date()
        if current and accepted and day <= place.as_of.date():
            days_by_source.setdefault(source, []).append(day)
    return days_by_source


def _excuse(rule: Rule, day: date, since: date, came: list[date], seen: bool, works: bool) -> str | None:
    if not came or day < min(came):
        return "before_source_begins"
    if day < since:
        return "unit_not_existing"
    if rule.expects == "none" or (rule.expects == "seen" and not seen):
        return rule.reason
    return "non_working_day" if rule.working_days_only and not works else None


def _line(
    day: date, rule: Rule, unit: str, reason: str, newest: date | None, counter: Counter[str]
) -> dict[str, Any]:
    status = "not_provided" if counter["missing"] else "reported" if counter["expected"] else "not_applicable"
    counts = {
        c: int(counter[c]) for c in ("units", "expected", "reported", "missing", "not_applicable", "records")
    }
    return {
        "as_of_day": day, "source": rule.source, "unit_level": rule.level, "unit_code": unit, "status": status,
        "reason": reason, "delivery_day": newest, **counts,
        "rate_reported": counter["reported"] / counter["expected"] if counter["expected"] else None,
    }  # fmt: skip


def reporter_days(rates: pd.DataFrame, complete: pd.DataFrame) -> pd.DataFrame:
    """The rates with two columns more: days of the period × units that had to report dossiers, and the missing."""
    reports: dict[str, dict[date, tuple[int, int]]] = {"province": {}}
    for row in complete.to_dict("records"):
        if row["source"] == "dossier_log" and row["unit_code"] != "all":
            for unit in ("province", row["unit_code"]):
                before = reports.setdefault(unit, {}).get(row["as_of_day"], (0, 0))
                reports[unit][row["as_of_day"]] = before[0] + row["expected"], before[1] + row["missing"]
    days_of_rows = [
        [reports.get(unit, {}).get(day, (0, 0)) for day in every_day(first, last)]
        for unit, first, last in zip(
            rates["unit_code"], rates["period_start"], rates["as_of_day"], strict=True
        )
    ]
    return rates.assign(
        reporter_days_expected=[sum(day[0] for day in days) for days in days_of_rows],
        reporter_days_missing=[sum(day[1] for day in days) for days in days_of_rows],
    )
