"""Communes, departments and sectors in the brief: who lifts or lowers the rate, who resolves on time."""

from __future__ import annotations

from typing import Any

from pipelines.exports.brief.drawing import Diverging
from pipelines.exports.brief.figures import Marts, Row
from pipelines.exports.brief.sections import (
    BREAKDOWN,
    RATE,
    SINCE,
    TIMELINESS,
    Section,
    cut_between_ties,
    find_level,
    of_level,
    of_whole,
)

# More communes than this in one peer group do not fit the page: its two ends are shown.
MOST_PEERS = 46
ENDS = 5


def ranking(marts: Marts) -> Section:
    """Every unit of the level that has most by rate, newest day: both ends, all within their size peers, bars."""
    newest = marts.newest(RATE)
    if newest is None:
        return None
    whole, level = marts.row(RATE, f"{newest} and {SINCE} and {of_whole()}"), find_level(marts)
    rows = marts.rows(
        RATE,
        f"{newest} and {SINCE} and {of_level(level)} and rate is not null",
        order="rank_in_level, unit_name, unit_code",
    )
    if not rows or whole is None or whole["rate"].value is None:
        return None
    bars = Diverging.around(whole["rate"].value, [row["rate"].value for row in rows])
    top, _ = cut_between_ties(rows, ("rank_in_level",), ENDS)
    bottom, _ = cut_between_ties(rows[::-1], ("rank_in_level",), ENDS)
    return {
        "groups": [
            group
            for peers in ("large", "medium", "small")
            for group in _list_peers([row for row in rows if row["size_peers"].value == peers], peers, bars)
        ],
        "whole": whole,
        "level": level,
        "widest": bars.widest,
        "count": len(rows),
        "top": top,
        # A place with few communes does not name one of them at both ends.
        "bottom": bottom if len(top) + len(bottom) <= len(rows) else [],
    }


def _list_peers(rows: list[Row], peers: str, bars: Diverging) -> list[dict[str, Any]]:
    """The group with its bars, and without its middle where it is too long; none where it is empty."""
    if not rows:
        return []
    units = [
        {**row, "bar": bars.bar(row["rate"].value)}
        for row in sorted(rows, key=lambda row: row["rank_in_size_peers"].value)
    ]
    half, fits = MOST_PEERS // 2, len(units) <= MOST_PEERS
    return [
        {
            "peers": peers,
            "first": units if fits else units[:half],
            "last": [] if fits else units[-half:],
            "left_out": 0 if fits else len(units) - 2 * half,
        }
    ]


def timeliness(marts: Marts) -> Section:
    """What ended on time since counting began and what is open past due; the units that have such, the worst first."""
    newest = marts.newest(TIMELINESS)
    if newest is None:
        return None
    since = f"{newest} and {SINCE} and sector_code = 'all'"
    whole = marts.row(TIMELINESS, f"{since} and {of_whole()}")
    if whole is None:
        return None
    order = "open_overdue desc, late desc, unit_name"
    units = marts.rows(TIMELINESS, f"{since} and not ({of_whole()}) and open_overdue > 0", order=order)
    return {"whole": whole, "units": units}


def departments(marts: Marts) -> list[dict[str, Any]]:
    """Departments, the lowest rate first, with what they resolved on time; empty without any."""
    rows = _lowest_first(marts, RATE, "unit_level = 'department'", "unit_name")
    return _with_timeliness(marts, rows, "unit_code", "unit_level = 'department' and sector_code = 'all'")


def sectors(marts: Marts) -> list[dict[str, Any]]:
    """Sectors, the lowest rate first, with what was resolved on time; empty without any."""
    rows = _lowest_first(marts, BREAKDOWN, "dimension = 'sector'", "member_name")
    return _with_timeliness(marts, rows, "member", f"{of_whole()} and sector_code <> 'all'")


def _lowest_first(marts: Marts, mart: str, where: str, name: str) -> list[Row]:
    """Since the start of counting, as of the newest day; rows without a rate come last."""
    newest = marts.newest(mart)
    if newest is None:
        return []
    return marts.rows(mart, f"{newest} and {SINCE} and {where}", order=f"rate nulls last, {name}")


def _with_timeliness(marts: Marts, rows: list[Row], member: str, where: str) -> list[dict[str, Any]]:
    newest = marts.newest(TIMELINESS)
    key = "unit_code" if member == "unit_code" else "sector_code"
    ended = (
        {row[key].value: row for row in marts.rows(TIMELINESS, f"{newest} and {SINCE} and {where}")}
        if newest
        else {}
    )
    return [{**row, "ended": ended.get(row[member].value)} for row in rows]
