"""What the sections of the brief share: the marts they read, the newest day, and lists that are cut fairly.

Nothing is computed in this room but positions on the page; the words and the order are the templates'.
"""

from __future__ import annotations

from typing import Any

from pipelines import duck
from pipelines.exports.brief.figures import Marts, Row
from pipelines.sources.contracts.canon import read_canon

Section = dict[str, Any] | None
RATE, HEADLINE = "marts.online_submission_rate", "marts.online_submission_headline"
BREAKDOWN, TIMELINESS = "marts.online_submission_breakdown", "marts.dossier_timeliness"
ALERTS = "marts.dossier_alerts"
TASKS, LEDGER, TASKS_BY_UNIT = "marts.task_completion", "marts.task_ledger", "marts.task_completion_by_unit"
COMPLETENESS = "marts.reporting_completeness"
BACKLOG, BACKLOG_DAILY = "marts.issue_backlog", "marts.issue_backlog_daily"
UNITS = "marts.dim_unit"
INDEX, INDEX_ITEMS = "marts.service_quality_index", "marts.service_quality_items"
INDEX_NATIONAL, INDEX_DAILY = "marts.service_quality_national", "marts.service_quality_index_daily"
# Since counting began; the period's own name carries its day.
SINCE = "period like 'since%'"


def of_whole(column: str = "unit_level") -> str:
    """The condition that picks the rows of the whole place."""
    return f"{column} = '{read_canon().whole.level}'"


def find_level(marts: Marts) -> str:
    """The level that has most ranked units: they are ranked, drawn and given a page; empty without ranks."""
    newest = marts.newest(RATE)
    levels = newest and marts.values(
        f"select unit_level from {{{RATE}}} where {newest} and {SINCE} and not {of_whole()} "
        "and rank_in_size_peers is not null and rate is not null group by unit_level order by count(*) desc, unit_level"
    )
    return levels[0][0] if levels else ""


def of_level(level: str) -> str:
    """The condition that picks the rows of the units of a level."""
    return f"unit_level = {duck.literal(level)}"


def cut_between_ties(
    rows: list[Row], keys: tuple[str, ...], usual: int = 6, most: int = 10
) -> tuple[list[Row], list[Row]]:
    """The first rows and the rest: who is equally late is named, or not, together.

    A tie at the `usual` end is kept whole, or where that is more than `most` left out whole.
    """
    if len(rows) <= usual:
        return rows, []
    values = [tuple(row[key].value for key in keys) for row in rows]
    tie = values[usual - 1]
    start, end = values.index(tie), len(values) - values[::-1].index(tie)
    cut = end if end <= most or start == 0 else start
    return rows[:cut], rows[cut:]
