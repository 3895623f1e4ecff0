"""The issue register in the brief: open difficulties by category and age, who must act, which are overdue."""

from __future__ import annotations

from pipelines.exports.brief.figures import Marts
from pipelines.exports.brief.sections import BACKLOG, BACKLOG_DAILY, Section

AGES = tuple(f"open_{age}_working_days" for age in ("0_5", "6_15", "16_30", "over_30"))


def backlog(marts: Marts) -> Section:
    """Open issues by category and age; who must act: the task force's roles and the addressees; the overdue by name."""
    newest = marts.newest(BACKLOG_DAILY)
    open_counts = {"open": "is_open", "overdue": "is_overdue"}
    total = next(iter(marts.grouped(BACKLOG, (), counts=open_counts)), None)
    if total is None or newest is None:
        return None
    names = dict(marts.values(f"select distinct category, category_name_vi from {{{BACKLOG}}}"))
    categories = marts.grouped(
        BACKLOG_DAILY, ("category",), sums=("closing", *AGES, "overdue"), where=newest,
        order="closing desc, category",
    )  # fmt: skip
    open_categories = [row for row in categories if row["closing"].value]
    widest = max((row["closing"].value for row in open_categories), default=1)
    return {
        "total": total,
        "ages": AGES,
        "categories": [
            {
                **row,
                "name": names.get(row["category"].value, row["category"].value),
                "widths": [row[age].value / widest * 100 for age in AGES],
            }
            for row in open_categories
        ],
        "by_role": marts.grouped(
            BACKLOG, ("responsible_role",), counts=open_counts, where="is_open",
            order="overdue desc, open desc, responsible_role",
        ),
        "by_level": marts.grouped(
            BACKLOG, ("addressed_to_level",), counts=open_counts, where="is_open",
            order="open desc, addressed_to_level",
        ),
        "overdue": marts.rows(
            BACKLOG, "is_overdue", order="working_days_late desc nulls last, due_at, issue_code"
        ),
    }  # fmt: skip
