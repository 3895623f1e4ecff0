"""The difference between any two releases, read from the ledger: steps between neighbours add up.

Nothing is computed anew from the warehouse, so that it can be asked at any moment, of pruned releases
too, and answers what was written in the publish transactions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines.lake import inputs, ledger
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release
from pipelines.sources.contracts.canon import read_canon
from pipelines.sql import read_sql


@dataclass(frozen=True)
class CauseShare:
    """One cause's share. `rate_change` is a fraction of 1 (0.01 = one percentage point)."""

    cause: str
    field: str | None
    numerator_change: int
    denominator_change: int
    rate_change: float | None
    dossiers: int
    batches: list[str]
    dossier_codes: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True)
class Rate:
    """One unit's rate of one period (or tally of tasks, issues) in both releases, and its movement's parts."""

    metric: str
    period: str
    unit_code: str
    before: tuple[int, int]
    after: tuple[int, int]
    parts: list[CauseShare]

    @property
    def rates(self) -> tuple[float | None, float | None]:
        first, second = ((n / d if d else None) for n, d in (self.before, self.after))
        return first, second


@dataclass(frozen=True)
class Difference:
    """`tables`: name → (rows before, rows after, same content); `batches`: what joined or left."""

    first: Release
    second: Release
    tables: dict[str, tuple[int | None, int | None, bool]]
    batches: list[dict[str, Any]]
    rates: list[Rate]

    @property
    def same_content(self) -> bool:
        return all(same for _, _, same in self.tables.values())


def find_difference(
    con: duckdb.DuckDBPyConnection,
    first_id: int,
    second_id: int,
    *,
    unit: str | None = None,
    dossiers: bool = False,
    metrics: Sequence[str] = (),
) -> Difference:
    """From one release to another (either may be the older one); LookupError where one is unknown.

    `unit`: whose rates are compared; without one, the whole place's.
    `metrics`: in the order in which they are to stand (`list_metrics`); others come after, by their names.
    """
    unit = unit or read_canon().whole.code
    chain = ledger.list_releases(con)
    first, second = ledger.find_release(chain, first_id), ledger.find_release(chain, second_id)
    tables = {
        name: (
            first.marts[name].rows if name in first.marts else None,
            second.marts[name].rows if name in second.marts else None,
            first.marts.get(name) == second.marts.get(name),
        )
        for name in sorted(first.marts | second.marts)
    }
    return Difference(
        first,
        second,
        tables,
        _compare_batches(con, first, second),
        _compare_rates(con, first, second, unit, metrics, with_items=dossiers),
    )


def _compare_batches(con: duckdb.DuckDBPyConnection, first: Release, second: Release) -> list[dict[str, Any]]:
    was = {(x.source, x.batch_id): x for x in inputs.list_inputs(con, first.release_id)}
    now = {(x.source, x.batch_id): x for x in inputs.list_inputs(con, second.release_id)}
    changed = []
    for key in sorted(was | now):
        before = was[key].standing if key in was else "absent"
        after = now[key].standing if key in now else "absent"
        if before != after:
            batch = now.get(key) or was[key]
            changed.append(
                {"source": batch.source, "partition": batch.partition, "batch_id": batch.batch_id,
                 "before": before, "after": after}
            )  # fmt: skip
    return changed


def _compare_rates(
    con: duckdb.DuckDBPyConnection,
    first: Release,
    second: Release,
    unit: str,
    metrics: Sequence[str],
    *,
    with_items: bool,
) -> list[Rate]:
    """Every rate that both releases have."""
    parameters = {
        "a": first.release_id, "b": second.release_id, "unit": unit, "metrics": list(metrics),
    }  # fmt: skip
    counts = con.execute(read_sql("pipelines.explain", "compared_rates", lake=ALIAS), parameters)
    rows = counts.fetchall()
    shares = _list_shares(con, first.release_id, second.release_id, unit, with_items=with_items)
    rates = []
    for metric, period, *numbers in rows:
        before, after = (numbers[0], numbers[1]), (numbers[2], numbers[3])
        parts = [_weigh(share, before, after) for share in shares.get((metric, period), [])]
        # A moment that a release between the two had not reached leaves a gap in the steps.
        gap = (
            after[0] - before[0] - sum(part.numerator_change for part in parts),
            after[1] - before[1] - sum(part.denominator_change for part in parts),
        )
        if gap != (0, 0):
            parts.append(CauseShare("unexplained", None, *gap, None, 0, []))
        rates.append(Rate(metric, period, unit, before, after, parts))
    return rates


def _list_shares(
    con: duckdb.DuckDBPyConnection, first_id: int, second_id: int, unit: str, *, with_items: bool
) -> dict[tuple[str, str], list[CauseShare]]:
    """(metric, period) → what each cause moved between the two releases, largest first."""
    query = read_sql("pipelines.explain", "cause_shares", lake=ALIAS, with_items=with_items)
    low, high = sorted((first_id, second_id))
    shares: dict[tuple[str, str], list[CauseShare]] = {}
    parameters = {
        "low": low,
        "high": high,
        "unit": unit,
        "whole": read_canon().whole.code,
        "sign": 1 if first_id <= second_id else -1,
    }
    for metric, period, cause, moved, *values in con.execute(query, parameters).fetchall():
        numerator, denominator, items, batches, codes = values
        share = CauseShare(cause, moved, numerator, denominator, None, items, batches, codes)
        shares.setdefault((metric, period), []).append(share)
    return shares


def _weigh(share: CauseShare, before: tuple[int, int], after: tuple[int, int]) -> CauseShare:
    """With its share of the rate's own movement (rates.py says why these add up)."""
    if not (before[1] and after[1]):
        return share
    moved = share.numerator_change - before[0] / before[1] * share.denominator_change
    return dataclasses.replace(share, rate_change=moved / after[1])


def write_difference(difference: Difference) -> str:
    """The causes of every rate's movement as a Markdown table, for the UI."""
    lines = [
        f"release {difference.first.release_id} → {difference.second.release_id}",
        "",
        "| rate | cause | field | Δ numerator | Δ denominator | Δ points |",
        "|---|---|---|---|---|---|",
    ]
    for rate in difference.rates:
        for part in rate.parts:
            moved = "" if part.rate_change is None else f"{100 * part.rate_change:+.4f}"
            lines.append(
                f"| {rate.metric}, {rate.period} | {part.cause} | {part.field or ''} | {part.numerator_change:+d} "
                f"| {part.denominator_change:+d} | {moved} |"
            )
    return "\n".join(lines)
