"""Why a rate moved between two releases: every dossier whose count changed, with one cause each.

Δ numerator and Δ denominator split exactly, because each part is a set of dossiers. A part's share of
the rate's own movement is (Δn − r·Δd) ÷ d′, r the old rate and d′ the new denominator: linear in the
parts, so these add up to the whole too, in whatever order they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.releases.evidence import gather
from pipelines.releases.lake import ALIAS
from pipelines.releases.ledger import Release
from pipelines.settings import Settings

METRIC = "online_submission_rate"
SINCE = "since_2025_07_01"
NEEDED = ("marts.dossier_register", "marts.online_submission_rate", "audit.headline_dossiers",
          "audit.batches", "audit.rejections")  # fmt: skip


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
    """Fill temp tables `rates`, `movements` and `changes` for the ledger; empty where a mart is missing.

    `before`, `after`: `schema.table` → relation of the release before and of the one being made.
    Unexplained where the parts do not add up.
    """
    _create(con)
    if not all(name in after for name in NEEDED):
        return
    _counted(con, "counted_after", after, release)
    con.execute(
        f"""
        insert into rates by name
        select '{METRIC}' as metric, period,
            case when grouping(unit_code) = 1 then 'province' else unit_code end as unit_code,
            count(*) filter (is_online) as numerator, count(*) as denominator
        from counted_after group by grouping sets ((period, unit_code), (period))
        """
    )
    if previous is None or not all(name in before for name in NEEDED):
        return
    _counted(con, "counted_before", before, previous)
    con.execute(
        """
        create or replace temp table changed as
        with shared as (
            select distinct period from counted_before
            intersect select distinct period from counted_after
        )
        select period, item_code, a.moment as moment_before, b.moment as moment_after,
            a.unit_code as unit_before, a.is_online as online_before, a.received_at as received_before,
            b.unit_code as unit_after, b.is_online as online_after, b.received_at as received_after
        from counted_before as a full join counted_after as b using (period, item_code)
        where (a.unit_code is distinct from b.unit_code or a.is_online is distinct from b.is_online)
            and period in (from shared)
        """
    )
    if release.restores:
        con.execute("create or replace temp table judged as select *, 'restored' as cause, "
                    "null::varchar as batch_id from changed")  # fmt: skip
    else:
        gather(con, settings, dict(before), dict(after))
        judge(con, previous, release)
    rates = f"{ALIAS}.audit.release_rates"
    attribute(con, f"(from {rates} where release_id = {previous.release_id:d})")


def _create(con: duckdb.DuckDBPyConnection) -> None:
    for name in ("rates", "movements", "changes"):
        later = "release_id, compared_with" if name == "changes" else "release_id"
        con.execute(
            f"create or replace temp table {name} as "
            f"select * exclude ({later}) from {ALIAS}.audit.release_{name} where false"
        )


def _counted(
    con: duckdb.DuckDBPyConnection, name: str, relations: Mapping[str, str], release: Release
) -> None:
    """Who counts in each headline rate: since two-tier government began, and at each cut-off."""
    as_of = f"timestamp '{release.as_of}'"
    con.execute(
        f"""
        create or replace temp table {name} as
        select '{SINCE}' as period, dossier_code as item_code, receiving_unit_code as unit_code, is_online,
            received_at, {as_of} as moment
        from {relations["marts.dossier_register"]}
        where is_received and received_at <= {as_of} and received_at >= (
            select min(period_start) from {relations["marts.online_submission_rate"]} where period = '{SINCE}'
        )
        union all
        select strftime(cutoff_at, '%Y-%m-%d %H:%M:%S'), dossier_code, unit_code, is_online, received_at,
            cutoff_at
        from {relations["audit.headline_dossiers"]}
        """
    )


def judge(con: duckdb.DuckDBPyConnection, previous: Release, release: Release) -> None:
    """Temp table `judged`: `changed` with its cause and the batch that decided.

    What A could not have known is new in the period; what it could have known but had not landed is a
    late arrival. A cut-off that both releases have passed has nothing new, only later knowledge.
    """
    other = "'unexplained'" if previous.same_code(release) else "'code_or_reference'"
    con.execute(
        f"""
        create or replace temp table judged as
        with moments as (
            select *,
                coalesce(moment_before, least(moment_after, timestamp '{previous.as_of}')) as known_until,
                coalesce(moment_after, least(moment_before, timestamp '{release.as_of}')) as until
            from changed
        ),
        told as (
            select m.*,
                min(d.recorded_at) filter (d.is_received) as first_received,
                coalesce(bool_or(d.arrival = 'new'), false) as has_new,
                coalesce(bool_or(d.arrival = 'released'), false) as has_released,
                coalesce(
                    bool_or(d.arrival = 'old' and d.is_received and d.recorded_at <= m.known_until), false
                ) as was_received,
                arg_max(d.batch_id, (d.synced_at, d.batch_id)) filter (d.arrival <> 'old') as batch_id,
                m.item_code in (select item_code from sent_away) as was_sent_away,
                m.item_code in (select item_code from pulled_again) as was_pulled_again
            from moments as m
            left join deliveries as d on m.item_code = d.dossier_code and d.recorded_at <= m.until
            group by all
        )
        select period, item_code, unit_before, online_before, unit_after, online_after, batch_id,
            case
                when unit_before is null and (received_after > known_until or first_received > known_until)
                    then 'new_in_period'
                when unit_after is null and received_before > until then 'new_in_period'
                when has_released then 'rejection_out'
                when was_sent_away then 'rejection_in'
                when was_pulled_again then 'pulled_again'
                when unit_before is null and has_new and not was_received then 'late_arrival'
                when has_new then 'correction'
                when known_until <> until and (unit_before is null or unit_after is null) then 'new_in_period'
                when known_until <> until then 'correction'
                else {other}
            end as cause
        from told
        """
    )


def attribute(con: duckdb.DuckDBPyConnection, rates_before: str) -> None:
    """`judged` → `movements` (item × unit × field) → `changes` (unit × cause), with the sum asserted."""
    con.execute(
        f"""
        insert into movements by name
        with judged as (select *, '{METRIC}' as metric from judged),
        -- A dossier that changed its unit leaves one and joins the other as it was; then its channel moves.
        parts as (
            select metric, period, item_code, unit_after as unit_code, cause, batch_id,
                case when cause = 'correction' then 'received_at' end as field,
                online_after::bigint as numerator_change, 1::bigint as denominator_change
            from judged where unit_before is null
            union all
            select metric, period, item_code, unit_before, cause, batch_id,
                case when cause = 'correction' then 'received_at' end,
                -online_before::bigint, -1
            from judged where unit_after is null
            union all
            select metric, period, item_code, unit_before, cause, batch_id, 'unit',
                -online_before::bigint, -1
            from judged where unit_before <> unit_after
            union all
            select metric, period, item_code, unit_after, cause, batch_id, 'unit', online_before::bigint, 1
            from judged where unit_before <> unit_after
            union all
            select metric, period, item_code, unit_after, cause, batch_id, 'channel',
                online_after::bigint - online_before::bigint, 0
            from judged where online_before <> online_after
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
            where period in (select period from rates) and period in (select period from {rates_before})
        ),
        parts as (
            select metric, period, unit_code, sum(numerator_change) as n, sum(denominator_change) as d
            from changes group by all
        )
        select period, unit_code, whole.n, parts.n, whole.d, parts.d
        from whole full join parts using (metric, period, unit_code)
        where coalesce(whole.n, 0) <> coalesce(parts.n, 0) or coalesce(whole.d, 0) <> coalesce(parts.d, 0)
        """
    ).fetchall()
    if apart:
        raise Unexplained(f"the parts do not add up to the whole for {apart[:5]}")
