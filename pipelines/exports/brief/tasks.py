"""The task ledger in the brief: how far each level is, who is late and with what, what is due next."""

from __future__ import annotations

from pipelines.exports.brief.figures import Marts
from pipelines.exports.brief.sections import (
    LEDGER,
    TASKS,
    TASKS_BY_UNIT,
    Section,
    cut_between_ties,
    of_whole,
)
from pipelines.sources.contracts.canon import read_canon


def tasks(marts: Marts) -> Section:
    """K3, the same for communes; lead agencies that are late, each task that is, and what is due next."""
    newest = marts.newest(TASKS)
    if newest is None:
        return None
    totals = {
        row["owner_level"].value: row for row in marts.rows(TASKS, f"{newest} and lead_agency_code = 'all'")
    }
    behind, others = cut_between_ties(
        marts.rows(
            TASKS, f"{newest} and lead_agency_code <> 'all' and open_overdue > 0",
            order="owner_level desc, open_overdue desc, lead_agency_name",
        ),
        ("owner_level", "open_overdue"),
    )  # fmt: skip
    ledger = marts.rows(LEDGER, order="days_late desc nulls last, due_date nulls last, task_code, unit_name")
    open_tasks = [row for row in ledger if row["derived_status"].value == "open"]
    whole = read_canon().whole.level
    coming = sorted(
        (row for row in open_tasks if row["owner_level"].value == whole and row["due_date"].value),
        key=lambda row: (row["due_date"].value, row["task_code"].value),
    )
    soonest, later = cut_between_ties(coming, ("due_date",))
    by_unit = marts.newest(TASKS_BY_UNIT)
    return {
        "levels": [totals[level] for level in sorted(totals, key=lambda level: (level != whole, level))],
        "behind": behind,
        "others": {"agencies": len(others), "tasks": sum(row["open_overdue"].value for row in others)},
        "overdue": [row for row in open_tasks if row["days_late"].value is not None],
        "next": soonest,
        "later": len(later),
        "of_whole": marts.rows(LEDGER, of_whole("owner_level"), order="due_date nulls last, task_code"),
        "conflicting": [row for row in ledger if row["has_conflict"].value],
        "conflicts": next(iter(marts.grouped(LEDGER, (), counts={"conflicts": "has_conflict"})), None),
        "communes": marts.rows(
            TASKS_BY_UNIT, by_unit, order="open_overdue desc, rank_completed desc nulls first, unit_name"
        )
        if by_unit
        else [],
    }
