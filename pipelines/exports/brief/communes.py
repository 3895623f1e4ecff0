"""The page of a commune: its rate and rank, tasks, issues, dossiers and reports, and what must be done this week.

One query per mart for all communes together; a page then picks its own rows.
"""

from __future__ import annotations

from typing import Any

from pipelines import duck
from pipelines.exports.brief import index_766
from pipelines.exports.brief.figures import Figure, Marts, Row, by_column
from pipelines.exports.brief.sections import (
    ALERTS,
    BACKLOG,
    COMPLETENESS,
    LEDGER,
    RATE,
    SINCE,
    TASKS_BY_UNIT,
    TIMELINESS,
    UNITS,
    cut_between_ties,
    find_level,
    of_level,
    of_whole,
)

# A page lists so many dossiers by code; the count above them is of all.
USUAL_DOSSIERS, MOST_DOSSIERS = 40, 60
# A task or issue that falls due within a working week is this week's.
WORKING_WEEK = 5


def page_name(unit_code: str) -> str:
    """The file of a commune's page; characters that a path or an address could misread are spelled as numbers."""
    safe = (c if c.isascii() and (c.isalnum() or c == "-") else f"_{ord(c):x}_" for c in unit_code)
    return f"{''.join(safe)}.html"


def list_communes(marts: Marts, titles: dict[str, str]) -> list[dict[str, Any]]:
    """A section per commune in force, by name; none where the release has no list of units."""
    # A place without a log has no ranks, and the level of the domain.
    level = find_level(marts) or "commune"
    own = of_level(level)
    units = marts.rows(UNITS, f"is_current and {own}", order="unit_name, unit_code")
    if not units:
        return []
    rates = _newest_of(marts, RATE, f"{SINCE} and {own}")
    ended = _newest_of(marts, TIMELINESS, f"{SINCE} and {own} and sector_code = 'all'")
    indices = index_766.indices_of_level(marts, level)
    completion = _newest_of(marts, TASKS_BY_UNIT, "true")
    reports = _newest_of(marts, COMPLETENESS, f"{own} and unit_code <> 'all'")
    tasks = by_column(
        marts.rows(
            LEDGER, f"not ({of_whole('owner_level')})",
            order="derived_status = 'open' desc, days_late desc nulls last, due_date nulls last, task_code",
        ),
        "unit_code",
    )  # fmt: skip
    issues = by_column(
        marts.rows(BACKLOG, "is_open", order="working_days_late desc nulls last, due_at, issue_code"),
        "unit_code",
    )
    alerts = by_column(marts.rows(ALERTS, order="working_days_left, due_at, dossier_code"), "unit_code")
    sections = []
    for unit in units:
        code = unit["unit_code"].value
        section = {
            "unit": unit,
            "page": page_name(code),
            "rate": next(iter(rates.get(code, [])), None),
            "ended": next(iter(ended.get(code, [])), None),
            "completion": next(iter(completion.get(code, [])), None),
            "index": indices.get(code),
            "tasks": tasks.get(code, []),
            "issues": issues.get(code, []),
            "reports": [
                {**row, "title": titles.get(name := row["source"].value, name)}
                for row in reports.get(code, [])
            ],
        }
        listed, others = cut_between_ties(
            alerts.get(code, []), ("working_days_left",), USUAL_DOSSIERS, MOST_DOSSIERS
        )
        sections.append(
            {
                **section,
                "alerts": listed,
                "more_alerts": len(others),
                "week": _this_week(code, level, section),
            }
        )
    return sections


def _newest_of(marts: Marts, mart: str, where: str) -> dict[Any, list[Row]]:
    newest = marts.newest(mart)
    order = "source" if mart == COMPLETENESS else "unit_code"
    return by_column(marts.rows(mart, f"{newest} and {where}", order=order), "unit_code") if newest else {}


def _this_week(code: str, level: str, section: dict[str, Any]) -> dict[str, Figure | None]:
    """How many of each kind wait for the commune's chair, a count that can be asked again; None where nothing does."""
    rate: Row | None = section["rate"]
    unit = f"unit_code = {duck.literal(code)}"
    own = f"{unit} and is_open and addressed_to_level = {duck.literal(level)}"
    task = f"{unit} and not ({of_whole('owner_level')}) and derived_status = 'open'"
    tasks, issues = section["tasks"], section["issues"]
    open_tasks = [row for row in tasks if row["derived_status"].value == "open"]
    own_issues = [row for row in issues if row["addressed_to_level"].value == level]
    counts = {
        "tasks_overdue": (LEDGER, f"{task} and days_late is not null",
                          sum(row["days_late"].value is not None for row in open_tasks)),
        "tasks_due_soon": (LEDGER, f"{task} and is_due_soon", sum(bool(row["is_due_soon"]) for row in open_tasks)),
        "issues_overdue": (BACKLOG, f"{own} and is_overdue", sum(bool(row["is_overdue"]) for row in own_issues)),
        "issues_due_soon": (
            BACKLOG, f"{own} and working_days_left between 0 and {WORKING_WEEK}",
            sum((left := row["working_days_left"].value) is not None and 0 <= left <= WORKING_WEEK
                for row in own_issues),
        ),
        "issues_above": (
            BACKLOG, f"{unit} and is_overdue and addressed_to_level <> {duck.literal(level)}",
            sum(bool(row["is_overdue"]) and row["addressed_to_level"].value != level for row in issues),
        ),
        "reports_missing": (
            COMPLETENESS,
            f"{unit} and as_of_day = (select max(as_of_day) from {COMPLETENESS}) and missing > 0",
            sum(row["missing"].value > 0 for row in section["reports"]),
        ),
    }  # fmt: skip
    week = {
        name: Figure(number, mart, "*", where, "count") if number else None
        for name, (mart, where, number) in counts.items()
    }
    ended = section["ended"]
    return {
        **week,
        "dossiers_overdue": ended["open_overdue"] if ended and ended["open_overdue"] else None,
        "online_to_target": rate["additional_online_to_target"]
        if rate and rate["additional_online_to_target"]
        else None,
    }
