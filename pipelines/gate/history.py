"""How far a fact moved from night to night before: what its own history explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import duckdb

from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release, table_exists

# A month of nights: what is older says nothing of how the place works now.
MOST_RELEASES = 31
Comparison = Callable[[float, float], float | None]


class HistoryMeasure(NamedTuple):
    """How a rule reads it: from `enough` nights on, `times` the largest move of them, and never less than `least`."""

    enough: int
    times: float
    least: float


class FactHistory(NamedTuple):
    """The moments and values of one fact in the releases before, oldest first."""

    values: list[tuple[datetime, float]]

    def find_limit(self, measure: HistoryMeasure, compare: Comparison, as_of: datetime) -> float | None:
        """What the fact may move by until `as_of`; None where too few nights are known.

        Releases of one day (a day pulled again, a corrected map) are no nights. A move over several days may be
        as many times larger.
        """
        moves = []
        for (then, before), (now, value) in zip(self.values, self.values[1:], strict=False):
            days, move = (now.date() - then.date()).days, compare(value, before)
            if days > 0 and move is not None:
                moves.append(abs(move) / days)
        if len(moves) < measure.enough:
            return None
        days = max((as_of.date() - self.values[-1][0].date()).days, 1)
        return max(measure.times * max(moves) * days, measure.least)


def read_histories(
    con: duckdb.DuckDBPyConnection, chain: Sequence[Release]
) -> dict[tuple[str, str], FactHistory]:
    """(fact, scope) → its history over the newest releases, restored ones aside."""
    releases = {r.release_id: r.as_of for r in chain[-MOST_RELEASES:] if r.restores is None}
    if not releases or not table_exists(con, "audit", "release_facts"):
        return {}
    rows = con.execute(
        f"select fact, scope, release_id, value from {ALIAS}.audit.release_facts "
        "where release_id in (select unnest(?)) order by release_id",
        [list(releases)],
    ).fetchall()
    histories: dict[tuple[str, str], FactHistory] = {}
    for fact, scope, release_id, value in rows:
        histories.setdefault((fact, scope), FactHistory([])).values.append((releases[release_id], value))
    return histories


NO_HISTORY: Mapping[tuple[str, str], FactHistory] = {}
