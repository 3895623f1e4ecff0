"""Why a headline rate moved between two releases: every item whose count changed, with its cause.

Δ numerator and Δ denominator split exactly, because each part is a set of items (dossiers, tasks or
issues). A part's share of the rate's own movement is (Δn − r·Δd) ÷ d′, r the old rate and d′ the new
denominator: linear in the parts, so these add up to the whole too, in whatever order they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.explain import dossiers, trackers
from pipelines.lake.catalogue import ALIAS
from pipelines.lake.ledger import Release
from pipelines.settings import Settings


class Unexplained(RuntimeError):
    """The parts of a difference do not add up to the whole: an error of ours, never published."""


def explain(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    previous: Release | None,
    release: Release,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Fill temp tables `rates`, `movements` and `changes` for the ledger; a mart that is missing leaves
    its rates out.

    `before`, `after`: `schema.table` → relation of the release before and of the one being made.
    Unexplained where the parts do not add up.
    """
    _create(con)
    for subject in (dossiers, trackers):
        if all(name in after for name in subject.NEEDED):
            subject.count(con, "after", release, after)
            con.execute(f"insert into rates by name {subject.RATES}")
            if previous and all(name in before for name in subject.NEEDED):
                subject.count(con, "before", previous, before)
                subject.judge(con, settings, previous, release, before, after)
    if previous:
        rates = f"{ALIAS}.audit.release_rates"
        attribute(con, f"(from {rates} where release_id = {previous.release_id:d})")


def _create(con: duckdb.DuckDBPyConnection) -> None:
    for name in ("rates", "movements", "changes"):
        later = "release_id, compared_with" if name == "changes" else "release_id"
        con.execute(
            f"create or replace temp table {name} as "
            f"select * exclude ({later}) from {ALIAS}.audit.release_{name} where false"
        )
    con.execute(f"create or replace temp table judged ({JUDGED})")


# An item in one rate: where it counted and whether in the numerator, before and after (NULL: it did not),
# why it came, went or moved, and, where only the numerator differs, which `flip` field that was and why
# (NULL: for the same cause).
JUDGED = """
    metric varchar, period varchar, item_code varchar, unit_before varchar, counts_before boolean,
    unit_after varchar, counts_after boolean, cause varchar, batch_id varchar,
    flip varchar, flip_cause varchar"""


def attribute(con: duckdb.DuckDBPyConnection, rates_before: str) -> None:
    """`judged` → `movements` (item × unit × field) → `changes` (unit × cause), with the sum asserted.

    A rate that only one of the two releases has is not compared.
    """
    con.execute(
        f"""
        create or replace temp table compared as
        select distinct metric, period from rates
        intersect select distinct metric, period from {rates_before};
        insert into movements by name
        with moved as (from judged semi join compared using (metric, period)),
        -- What changed its unit leaves one and joins the other as it was; then its numerator moves.
        parts as (
            select metric, period, item_code, unit_after as unit_code, cause, batch_id,
                case when cause = 'correction' then 'received_at' end as field,
                counts_after::bigint as numerator_change, 1::bigint as denominator_change
            from moved where unit_before is null
            union all
            select metric, period, item_code, unit_before, cause, batch_id,
                case when cause = 'correction' then 'received_at' end,
                -counts_before::bigint, -1
            from moved where unit_after is null
            union all
            select metric, period, item_code, unit_before, cause, batch_id, 'unit',
                -counts_before::bigint, -1
            from moved where unit_before <> unit_after
            union all
            select metric, period, item_code, unit_after, cause, batch_id, 'unit', counts_before::bigint, 1
            from moved where unit_before <> unit_after
            union all
            select metric, period, item_code, unit_after, coalesce(flip_cause, cause), batch_id, flip,
                counts_after::bigint - counts_before::bigint, 0
            from moved where counts_before <> counts_after
        )
        from parts
        """
    )
    con.execute(
        f"""
        insert into changes by name
        with summed as (
            select
                metric,
                period,
                case when grouping(unit_code) = 1 then 'province' else unit_code end as unit_code,
                cause,
                field,
                sum(numerator_change)::bigint as numerator_change,
                sum(denominator_change)::bigint as denominator_change,
                count(distinct item_code) as dossiers
            from movements
            group by grouping sets ((metric, period, unit_code, cause, field), (metric, period, cause, field))
        )
        select summed.*,
            (numerator_change - b.numerator / nullif(b.denominator, 0) * denominator_change)
            / nullif(a.denominator, 0) as rate_change
        from summed
        left join {rates_before} as b using (metric, period, unit_code)
        left join rates as a using (metric, period, unit_code)
        where numerator_change <> 0 or denominator_change <> 0
        """
    )
    _assert_whole(con, rates_before)


def _assert_whole(con: duckdb.DuckDBPyConnection, rates_before: str) -> None:
    apart = con.execute(
        f"""
        with whole as (
            select metric, period, unit_code, coalesce(a.numerator, 0) - coalesce(b.numerator, 0) as n,
                coalesce(a.denominator, 0) - coalesce(b.denominator, 0) as d
            from rates as a full join {rates_before} as b using (metric, period, unit_code)
            semi join compared using (metric, period)
        ),
        parts as (
            select metric, period, unit_code, sum(numerator_change) as n, sum(denominator_change) as d
            from changes group by all
        )
        select metric, period, unit_code, whole.n, parts.n, whole.d, parts.d
        from whole full join parts using (metric, period, unit_code)
        where coalesce(whole.n, 0) <> coalesce(parts.n, 0) or coalesce(whole.d, 0) <> coalesce(parts.d, 0)
        """
    ).fetchall()
    if apart:
        raise Unexplained(f"the parts do not add up to the whole for {apart[:5]}")
