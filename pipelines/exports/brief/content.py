"""The head of the brief, its trend and its data quality as figures; a section without its mart is None."""

from __future__ import annotations

from typing import Any

from pipelines.exports.brief.drawing import Trend, trend
from pipelines.exports.brief.figures import Figure, Marts, Row
from pipelines.exports.brief.sections import COMPLETENESS, HEADLINE, RATE, SINCE, Section, of_whole

MOST_REASONS = 3


def headline(marts: Marts) -> Section:
    """K1 and K2 of the newest cut-off and of the one before; the newest day's rate against its target."""
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
    last_day = rows[-1]["as_of_day"].value
    passed = [cutoff for cutoff in cutoffs if cutoff["cutoff_at"].value.date() < last_day]
    return {
        "drawn": drawn,
        "first": rows[0],
        "last": rows[-1],
        "cutoffs": cutoffs,
        "received_since": _received_since(marts, passed[-1]) if passed else None,
    }


def _received_since(marts: Marts, cutoff: Row) -> Section:
    """What came on the days after a cut-off, alone: it says how the cumulative rate got from there to here."""
    days = marts.grouped(
        RATE, (), sums=("numerator", "denominator"),
        where=f"{of_whole()} and period = 'day' and as_of_day > date '{cutoff['cutoff_at'].value:%Y-%m-%d}'",
    )[0]  # fmt: skip
    if not days["denominator"]:
        return None
    numerator, denominator = days["numerator"], days["denominator"]
    rate = Figure(
        numerator.value / denominator.value, RATE, "sum(numerator) / sum(denominator)", numerator.where
    )
    return {"cutoff": cutoff, "rate": rate, **days}


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
    """Units that reported, of those that owed a report on the newest day, and who is missing; empty without the mart.

    A source with one reporter stands here only when that one is missing.
    """
    newest = marts.newest(COMPLETENESS)
    if newest is None:
        return []
    rows = marts.rows(
        COMPLETENESS,
        f"{newest} and unit_code = 'all' and (expected > 1 or missing > 0)",
        order="missing desc, source, expected desc",
    )
    missing = marts.rows(COMPLETENESS, f"{newest} and unit_code <> 'all' and missing > 0", order="unit_name")
    return [
        {
            **row,
            "title": titles.get(name := row["source"].value, name),
            "silent": [
                unit
                for unit in missing
                if (unit["source"].value, unit["unit_level"].value) == (name, row["unit_level"].value)
            ],
        }
        for row in rows
    ]
