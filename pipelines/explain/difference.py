"""The difference between any two releases, read from the ledger: steps between neighbours add up.

Nothing is computed anew from the warehouse, so that it can be asked at any moment, of pruned releases
too, and answers what was written in the publish transactions.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import duckdb

from pipelines import duck
from pipelines.lake import inputs, ledger
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release


@dataclass(frozen=True)
class Part:
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
    parts: list[Part]

    @property
    def rates(self) -> tuple[float | None, float | None]:
        first, second = ((n / d if d else None) for n, d in (self.before, self.after))
        return first, second


@dataclass(frozen=True)
class Difference:
    """`tables`: name → (rows before, rows after, same content); `batches`: what joined or left."""

    a: Release
    b: Release
    tables: dict[str, tuple[int | None, int | None, bool]]
    batches: list[dict[str, Any]]
    rates: list[Rate]

    @property
    def same_content(self) -> bool:
        return all(same for _, _, same in self.tables.values())


def difference(
    con: duckdb.DuckDBPyConnection, a: int, b: int, *, unit: str = "province", dossiers: bool = False
) -> Difference:
    """From release `a` to release `b` (either may be the older one); LookupError where one is unknown."""
    chain = ledger.list_releases(con)
    first, second = ledger.find_release(chain, a), ledger.find_release(chain, b)
    tables = {
        name: (
            first.marts[name].rows if name in first.marts else None,
            second.marts[name].rows if name in second.marts else None,
            first.marts.get(name) == second.marts.get(name),
        )
        for name in sorted(first.marts | second.marts)
    }
    return Difference(
        first, second, tables, _batches(con, first, second), _rates(con, first, second, unit, dossiers)
    )


def _batches(con: duckdb.DuckDBPyConnection, a: Release, b: Release) -> list[dict[str, Any]]:
    was = {(x.source, x.batch_id): x for x in inputs.list_inputs(con, a.release_id)}
    now = {(x.source, x.batch_id): x for x in inputs.list_inputs(con, b.release_id)}
    changed = []
    for key in sorted(was | now):
        before = was[key].standing if key in was else "absent"
        after = now[key].standing if key in now else "absent"
        if before != after:
            known = now.get(key) or was[key]
            changed.append(
                {"source": known.source, "partition": known.partition, "batch_id": known.batch_id,
                 "before": before, "after": after}
            )  # fmt: skip
    return changed


def _rates(con: duckdb.DuckDBPyConnection, a: Release, b: Release, unit: str, dossiers: bool) -> list[Rate]:
    counts = con.execute(
        f"""
        select metric, period, coalesce(x.numerator, 0), coalesce(x.denominator, 0),
            coalesce(y.numerator, 0), coalesce(y.denominator, 0)
        from (from {ALIAS}.audit.release_rates where release_id = $a and unit_code = $unit) as x
        full join (from {ALIAS}.audit.release_rates where release_id = $b and unit_code = $unit) as y
            using (metric, period)
        where (metric, period) in (
            select distinct metric, period from {ALIAS}.audit.release_rates where release_id = $a
            intersect select distinct metric, period from {ALIAS}.audit.release_rates where release_id = $b
        )
        -- The headline first, then the strict rate, then tasks and issues.
        order by not starts_with(metric, 'online'), metric, period desc
        """,
        {"a": a.release_id, "b": b.release_id, "unit": unit},
    ).fetchall()
    sign = 1 if a.release_id <= b.release_id else -1
    between = sorted((a.release_id, b.release_id))
    parts = con.execute(
        f"""
        select metric, period, cause, field,
            {sign} * sum(numerator_change)::bigint as n, {sign} * sum(denominator_change)::bigint as d,
            count(distinct item_code),
            coalesce(list(distinct batch_id order by batch_id) filter (batch_id is not null), []),
            {"list(distinct item_code order by item_code)" if dossiers else "[]::varchar[]"}
        from {ALIAS}.audit.release_movements
        where release_id > $low and release_id <= $high and ($unit = 'province' or unit_code = $unit)
        group by metric, period, cause, field
        having n <> 0 or d <> 0
        order by abs(d) desc, abs(n) desc, cause, field
        """,
        {"low": between[0], "high": between[1], "unit": unit},
    ).fetchall()
    found = []
    for metric, period, n0, d0, n1, d1 in counts:
        mine = [
            Part(cause, what, n, d, (n - n0 / d0 * d) / d1 if d0 and d1 else None, items, batches, codes)
            for m, p, cause, what, n, d, items, batches, codes in parts
            if (m, p) == (metric, period)
        ]
        # A cut-off that a release between the two had not reached leaves a gap in the steps.
        gap = (
            n1 - n0 - sum(x.numerator_change for x in mine),
            d1 - d0 - sum(x.denominator_change for x in mine),
        )
        if gap != (0, 0):
            mine.append(Part("unexplained", None, *gap, None, 0, []))
        found.append(Rate(metric, period, unit, (n0, d0), (n1, d1), mine))
    return found


@dataclass(frozen=True)
class RowChanges:
    """How one mart's rows differ, by its key; `columns`: column → rows in which it changed."""

    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    sample: list[dict[str, Any]]


def row_changes(
    con: duckdb.DuckDBPyConnection, a: Release, b: Release, mart: str, key: tuple[str, ...], limit: int = 20
) -> RowChanges:
    """LookupError where a release is pruned or lacks the mart."""
    kept = ledger.list_kept(con, [a, b])
    for release in (a, b):
        if release not in kept:
            raise LookupError(f"The contents of release {release.release_id} were pruned.")
        if mart not in release.marts:
            raise LookupError(
                f"Release {release.release_id} has no table {mart}: {', '.join(release.marts)}."
            )
    table = duck.identifier(ALIAS, *mart.split("."))
    was, now = (f"{table} at (version => {release.snapshot_id})" for release in (a, b))
    described = [row[0] for row in con.execute(f"describe from {now}").fetchall()]
    shared = [row[0] for row in con.execute(f"describe from {was}").fetchall() if row[0] in described]
    keys = [duck.identifier(c) for c in key]
    same = " and ".join(f"x.{k} is not distinct from y.{k}" for k in keys)
    rest = [duck.identifier(c) for c in shared if c not in key]
    differs = " or ".join(f"x.{c} is distinct from y.{c}" for c in rest) or "false"
    named = ", ".join(f"coalesce(y.{k}, x.{k}) as {k}" for k in keys)
    flags = ", ".join(f"x.{c} is distinct from y.{c} as {duck.identifier('is_' + c)}" for c in rest)
    con.execute(
        f"""
        create or replace temp table row_changes as
        select
            case when x.there is null then 'added' when y.there is null then 'removed' else 'changed' end
            as change, {named}{", " + flags if flags else ""}
        from (select *, true as there from {was}) as x
        full join (select *, true as there from {now}) as y on {same}
        where x.there is null or y.there is null or {differs}
        """
    )
    counts = dict(con.execute("select change, count(*) from row_changes group by 1").fetchall())
    columns = {}
    for c in rest:
        flag = duck.identifier("is_" + c)
        row = con.execute(f"select count(*) from row_changes where change = 'changed' and {flag}").fetchone()
        if row and row[0]:
            columns[c.strip('"')] = int(row[0])
    cursor = con.execute(f"select change, {', '.join(keys)} from row_changes order by all limit {limit:d}")
    names = [d[0] for d in cursor.description or []]
    sample = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    added, removed, changed = (int(counts.get(kind, 0)) for kind in ("added", "removed", "changed"))
    return RowChanges(added, removed, changed, columns, sample)


def difference_markdown(found: Difference) -> str:
    """The province's parts as a table, for the UI."""
    lines = [
        f"release {found.a.release_id} → {found.b.release_id}",
        "",
        "| rate | cause | field | Δ numerator | Δ denominator | Δ points |",
        "|---|---|---|---|---|---|",
    ]
    for rate in found.rates:
        for part in rate.parts:
            moved = "" if part.rate_change is None else f"{100 * part.rate_change:+.4f}"
            lines.append(
                f"| {rate.metric}, {rate.period} | {part.cause} | {part.field or ''} | {part.numerator_change:+d} "
                f"| {part.denominator_change:+d} | {moved} |"
            )
    return "\n".join(lines)
