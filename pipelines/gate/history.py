"""What the releases before recorded of each fact: the value to compare with, and how far it moves of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple

import duckdb

from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release, table_exists
from pipelines.sql import read_sql

# A month of nights: what is older says nothing of how the place works now.
MOST_RELEASES = 31
# One fault is two moves, in and out again; what moved so far a third time is how the place works.
ONE_FAULT = 2
Comparison = Callable[[float, float], float | None]


class HistoryMeasure(NamedTuple):
    """How a rule reads it: from `enough` nights on, `times` their usual move, and never less than `least`."""

    enough: int
    times: float
    least: float


class PastValue(NamedTuple):
    """One fact in one release. `is_incident`: that release is no example of an ordinary night."""

    as_of: datetime
    value: float
    is_incident: bool = False


class FactHistory(NamedTuple):
    """One fact in the releases before, oldest first."""

    nights: list[PastValue]

    def find_limit(self, measure: HistoryMeasure, compare: Comparison, as_of: datetime) -> float | None:
        """What the fact may move by until `as_of`; None where too few nights are known.

        The largest move that came three times is the usual one. Releases of one day (a day pulled again, a
        corrected map) are no nights, and a move into or out of an incident is none. A move over several days
        may be as many times larger.
        """
        moves = []
        for before, now in pairwise(self.nights):
            days, move = (now.as_of.date() - before.as_of.date()).days, compare(now.value, before.value)
            if days > 0 and move is not None and not (before.is_incident or now.is_incident):
                moves.append(abs(move) / days)
        if len(moves) < max(measure.enough, ONE_FAULT + 1):
            return None
        usual = sorted(moves, reverse=True)[ONE_FAULT]
        days = max((as_of.date() - self.nights[-1].as_of.date()).days, 1)
        return max(measure.times * usual * days, measure.least)


def read_histories(
    con: duckdb.DuckDBPyConnection, chain: Sequence[Release]
) -> dict[tuple[str, str], FactHistory]:
    """(fact, scope) → its history over the newest releases, restored ones aside."""
    releases = {r.release_id: r.as_of for r in chain[-MOST_RELEASES:] if r.restores is None}
    if not releases or not table_exists(con, "audit", "release_facts"):
        return {}
    incidents = find_incidents(con)
    rows = con.execute(
        f"select fact, scope, release_id, value from {ALIAS}.audit.release_facts "
        "where release_id in (select unnest(?)) order by release_id",
        [list(releases)],
    ).fetchall()
    histories: dict[tuple[str, str], FactHistory] = {}
    for fact, scope, number, value in rows:
        night = PastValue(releases[number], value, number in incidents)
        histories.setdefault((fact, scope), FactHistory([])).nights.append(night)
    return histories


def find_incidents(con: duckdb.DuckDBPyConnection) -> frozenset[int]:
    """Releases that were accepted against the gate, and those with which a batch came or went that counts no more.

    What somebody published in spite of a finding, or took out again, says nothing of an ordinary night.
    """
    if not table_exists(con, "audit", "release_checks"):
        return frozenset()
    rows = con.execute(read_sql("pipelines.gate", "incidents", lake=ALIAS)).fetchall()
    return frozenset(number for (number,) in rows)


def read_values_before(
    con: duckdb.DuckDBPyConnection,
    previous: Release | None,
    histories: Mapping[tuple[str, str], FactHistory],
) -> dict[tuple[str, str], float]:
    """(fact, scope) → the newest value that there is: after a day that was empty, of the day before it.

    After a restored release its own values stand before those of the releases that it set aside.
    """
    newest = {key: history.nights[-1].value for key, history in histories.items()}
    if previous is None or previous.restores is None or not table_exists(con, "audit", "release_facts"):
        return newest
    rows = con.execute(
        f"select fact, scope, value from {ALIAS}.audit.release_facts where release_id = ?",
        [previous.restores],
    ).fetchall()
    return newest | {(fact, scope): value for fact, scope, value in rows}


NO_HISTORY: Mapping[tuple[str, str], FactHistory] = {}
