"""What stands in the brief: the sections as figures of the release. A section without its mart is None.

Nothing is computed here but positions on the page; the words and the order are the template's.
"""

from __future__ import annotations

from typing import Any

from pipelines.duck import literal
from pipelines.exports.brief.drawing import Diverging, Trend, trend
from pipelines.exports.brief.figures import Figure, Marts
from pipelines.sources.contracts.canon import read_canon

Section = dict[str, Any] | None
Row = dict[str, Figure]
RATE, HEADLINE = "marts.online_submission_rate", "marts.online_submission_headline"
TASKS, LEDGER = "marts.task_completion", "marts.task_ledger"
COMPLETENESS = "marts.reporting_completeness"
BACKLOG, BACKLOG_DAILY = "marts.issue_backlog", "marts.issue_backlog_daily"
AGES = tuple(f"open_{age}_working_days" for age in ("0_5", "6_15", "16_30", "over_30"))
# Since two-tier government began; the period's own name carries its day.
SINCE = "period like 'since%'"
# More communes than this in one peer group do not fit the page: its two ends are open_categories.
MOST_PEERS = 46
MOST_NEXT = 6
MOST_REASONS = 3


def of_whole(column: str = "unit_level") -> str:
    """The condition that picks the rows of the whole place."""
    return f"{column} = '{read_canon().whole.level}'"


def headline(marts: Marts) -> Section:
    """K1 and K2 of the newest cut-off and of the one before; the rate's change since a week ago."""
    cutoffs = marts.rows(HEADLINE, order="cutoff_at desc", limit=2)
    today = marts.row(RATE, f"{of_whole()} and {SINCE}", order="as_of_day desc")
    if not cutoffs and today is None:
        return None
    return {
        "cutoff": cutoffs[0] if cutoffs else None,
        "earlier": cutoffs[1] if len(cutoffs) > 1 else None,
        "today": today,
    }


def trend_section(marts: Marts) -> Section:
    """The province's rate since counting began, day by day, with the cut-offs that were reported."""
    rows = marts.rows(RATE, f"{of_whole()} and {SINCE} and rate is not null", order="as_of_day desc")[::-1]
    if len(rows) < 2:
        return None
    daily = marts.values(
        "select as_of_day, rate from {marts.online_submission_rate} "
        f"where {of_whole()} and period = 'day' and rate is not null order by 1"
    )
    cutoffs = marts.rows(HEADLINE, "rate is not null", order="cutoff_at")
    drawn: Trend = trend(
        [(row["as_of_day"].value, row["rate"].value) for row in rows],
        daily,
        [(cutoff["cutoff_at"].value, cutoff["rate"].value) for cutoff in cutoffs],
    )
    return {"drawn": drawn, "first": rows[0], "last": rows[-1], "cutoffs": cutoffs}


def ranking(marts: Marts) -> Section:
    """Every unit of the level that has most by rate within its size peers, newest day; bars from the whole's rate."""
    day = marts.values(f"select max(as_of_day) from {{{RATE}}}")
    if not day or day[0][0] is None:
        return None
    newest = f"as_of_day = date '{day[0][0]}' and {SINCE}"
    whole = marts.row(RATE, f"{newest} and {of_whole()}")
    levels = marts.values(
        f"select unit_level from {{{RATE}}} where {newest} and not {of_whole()} and rank_in_size_peers is not null "
        "and rate is not null group by unit_level order by count(*) desc, unit_level limit 1"
    )
    level = levels[0][0] if levels else ""
    rows = marts.rows(
        RATE, f"{newest} and unit_level = {literal(level)} and rate is not null",
        order="rank_in_size_peers, rank_in_level, unit_code",
    )  # fmt: skip
    if not rows or whole is None or whole["rate"].value is None:
        return None
    bars = Diverging.around(whole["rate"].value, [row["rate"].value for row in rows])
    groups = []
    for peers in ("large", "medium", "small"):
        units = [
            {**row, "bar": bars.bar(row["rate"].value)} for row in rows if row["size_peers"].value == peers
        ]
        if units:
            half = MOST_PEERS // 2
            fits = len(units) <= MOST_PEERS
            groups.append(
                {
                    "peers": peers,
                    "first": units if fits else units[:half],
                    "last": [] if fits else units[-half:],
                    "left_out": 0 if fits else len(units) - 2 * half,
                }
            )
    return {"groups": groups, "whole": whole, "widest": bars.widest, "level": level}


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


def tasks(marts: Marts) -> Section:
    """K3, the same for communes, lead agencies that are late, and what is due next."""
    day = marts.values(f"select max(as_of_day) from {{{TASKS}}}")
    if not day or day[0][0] is None:
        return None
    newest = f"as_of_day = date '{day[0][0]}'"
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
    return {
        "levels": [
            totals[level] for level in sorted(totals, key=lambda level: (level != read_canon().whole.level, level))
        ],
        "behind": behind,
        "others": {"agencies": len(others), "tasks": sum(row["open_overdue"].value for row in others)},
        "next": marts.rows(
            LEDGER, f"{of_whole('owner_level')} and derived_status = 'open' and due_date is not null",
            order="due_date, task_code", limit=MOST_NEXT,
        ),
        "conflicts": next(iter(marts.grouped(LEDGER, (), counts={"conflicts": "has_conflict"})), None),
    }  # fmt: skip


def backlog(marts: Marts) -> Section:
    """Open issues by category and age; who must act: the task force's roles and the addressees."""
    day = marts.values(f"select max(as_of_day) from {{{BACKLOG_DAILY}}}")
    open_counts = {"open": "is_open", "overdue": "is_overdue"}
    total = next(iter(marts.grouped(BACKLOG, (), counts=open_counts)), None)
    if total is None or not day or day[0][0] is None:
        return None
    newest = f"as_of_day = date '{day[0][0]}'"
    names = dict(marts.values(f"select distinct category, category_name_vi from {{{BACKLOG}}}"))
    roles: dict[str, list[str]] = {}
    for category, role in marts.values(
        f"select category, responsible_role from {{{BACKLOG}}} where is_open and not is_unassigned "
        "group by all order by category, count(*) desc, responsible_role"
    ):
        roles.setdefault(category, []).append(role)
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
                "roles": roles.get(row["category"].value, []),
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
    }  # fmt: skip


def quality(marts: Marts, titles: dict[str, str]) -> Section:
    """Per source: read = accepted + rejected, staged + duplicates; why rows were rejected."""
    sources = marts.grouped(
        "audit.reconciliation", ("source",),
        sums=("rows_read", "rows_accepted", "rows_rejected", "rows_duplicate"),
        counts={"batches": "true", "unbalanced": "not is_balanced"},
        where="is_current and source not like 'reference%'", order="rows_read desc, source",
    )  # fmt: skip
    if not sources:
        return None
    return {
        "sources": [{**row, "title": titles.get(name := row["source"].value, name)} for row in sources],
        "reasons": marts.grouped(
            "audit.rejections", ("source", "rule", "reason_vi", "reason_en"), counts={"rows": "true"},
            where="is_current", order="rows desc, source, rule",
        )[:MOST_REASONS],
    }  # fmt: skip


def completeness(marts: Marts, titles: dict[str, str]) -> list[dict[str, Any]]:
    """Units that reported, of those that owed a report on the newest day; empty without the mart.

    A source with one reporter stands here only when that one is missing.
    """
    day = marts.values(f"select max(as_of_day) from {{{COMPLETENESS}}}")
    if not day or day[0][0] is None:
        return []
    rows = marts.rows(
        COMPLETENESS,
        f"as_of_day = date '{day[0][0]}' and unit_code = 'all' and (expected > 1 or missing > 0)",
        order="missing desc, source, expected desc",
    )  # fmt: skip
    return [{**row, "title": titles.get(name := row["source"].value, name)} for row in rows]
