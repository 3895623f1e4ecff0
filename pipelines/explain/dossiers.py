"""Who counts in the submission rates of two releases, and why that changed: the simple rate and the
strict one (index 766, item 3.3), since two-tier government began and at each reporting cut-off.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from pipelines.explain.evidence import gather
from pipelines.lake.content_hash import describe_columns
from pipelines.lake.ledger import Release
from pipelines.settings import Settings

SINCE = "since_start"
NEEDED = ("marts.dossier_register", "marts.online_submission_rate", "audit.headline_dossiers",
          "audit.batches", "audit.rejections")  # fmt: skip
# metric of the catalogue → its numerator.
METRICS = {"online_submission_rate": "is_online", "online_submission_rate_strict": "is_strict"}
RATES = " union all ".join(
    f"""
    select '{metric}' as metric, period,
        case when grouping(unit_code) = 1 then 'province' else unit_code end as unit_code,
        count(*) filter ({numerator}) as numerator, count(*) as denominator
    from dossiers_after where {numerator} is not null
    group by grouping sets ((period, unit_code), (period))
    """
    for metric, numerator in METRICS.items()
)


def count(con: duckdb.DuckDBPyConnection, side: str, release: Release, relations: Mapping[str, str]) -> None:
    """Temp table `dossiers_<side>`: period × dossier, as of `moment`."""
    as_of = f"timestamp '{release.as_of}'"
    listed = relations["audit.headline_dossiers"]
    # Releases made before the strict rate was explained do not list it.
    strict = (
        "is_strictly_online" if "is_strictly_online" in describe_columns(con, listed) else "null::boolean"
    )
    con.execute(
        f"""
        create or replace temp table dossiers_{side} as
        select '{SINCE}' as period, dossier_code as item_code, receiving_unit_code as unit_code, is_online,
            is_strictly_online as is_strict, received_at, {as_of} as moment
        from {relations["marts.dossier_register"]}
        where is_received and received_at <= {as_of} and received_at >= (
            select min(period_start) from {relations["marts.online_submission_rate"]} where period = '{SINCE}'
        )
        union all
        select strftime(cutoff_at, '%Y-%m-%d %H:%M:%S'), dossier_code, unit_code, is_online, {strict},
            received_at, cutoff_at
        from {listed}
        """
    )


def judge(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    previous: Release,
    release: Release,
    before: Mapping[str, str],
    after: Mapping[str, str],
) -> None:
    """Into `judged`: every dossier whose unit or numerator differs, with its cause."""
    con.execute(
        """
        create or replace temp table changed as
        select period, item_code, a.moment as moment_before, b.moment as moment_after,
            a.unit_code as unit_before, a.is_online as online_before, a.is_strict as strict_before,
            a.received_at as received_before,
            b.unit_code as unit_after, b.is_online as online_after, b.is_strict as strict_after,
            b.received_at as received_after
        from dossiers_before as a full join dossiers_after as b using (period, item_code)
        where a.unit_code is distinct from b.unit_code or a.is_online is distinct from b.is_online
            or a.is_strict is distinct from b.is_strict
        """
    )
    if release.restores:
        con.execute(
            "create or replace temp table caused as select *, 'restored' as cause, "
            "'restored' as result_cause, null::varchar as batch_id from changed"
        )
    else:
        gather(con, settings, dict(before), dict(after))
        _causes(con, previous, release)
    for metric, counts, field, flip_cause in (
        ("online_submission_rate", "online", "'channel'", "cause"),
        # An electronic result makes an online dossier strictly online; so does a channel put right.
        ("online_submission_rate_strict", "strict",
         "case when online_before <> online_after then 'channel' else 'result' end",
         "case when online_before <> online_after then cause else result_cause end"),
    ):  # fmt: skip
        con.execute(
            f"""
            insert into judged by name
            select '{metric}' as metric, period, item_code, unit_before, {counts}_before as counts_before,
                unit_after, {counts}_after as counts_after, cause, batch_id,
                {field} as flip, {flip_cause} as flip_cause
            from caused
            where unit_before is distinct from unit_after or {counts}_before is distinct from {counts}_after
            """
        )


def _causes(con: duckdb.DuckDBPyConnection, previous: Release, release: Release) -> None:
    """Temp table `caused`: `changed` with its causes and the batch that decided.

    What A could not have known is new in the period; what it could have known but had not landed is a
    late arrival. A cut-off that both releases have passed has nothing new, only later knowledge.
    `result_cause` is of the electronic result alone: one recorded in the period is new, no correction.
    """
    other = "'unexplained'" if previous.same_code(release) else "'code_or_reference'"
    con.execute(
        f"""
        create or replace temp table caused as
        with moments as (
            select *,
                coalesce(moment_before, least(moment_after, timestamp '{previous.as_of}')) as known_until,
                coalesce(moment_after, least(moment_before, timestamp '{release.as_of}')) as until
            from changed
        ),
        retold as (
            select *,
                bool_or(arrival = 'old') over (partition by dossier_code, recorded_at, status_code) as is_retold
            from deliveries
        ),
        told as (
            select m.*,
                min(d.recorded_at) filter (d.is_received) as first_received,
                coalesce(bool_or(d.arrival = 'new'), false) as has_new,
                coalesce(bool_or(d.arrival = 'new' and d.recorded_at > m.known_until), false) as has_since,
                coalesce(bool_or(d.arrival = 'new' and not d.is_retold), false) as has_event,
                coalesce(bool_or(d.arrival = 'released'), false) as has_released,
                coalesce(
                    bool_or(d.arrival = 'old' and d.is_received and d.recorded_at <= m.known_until), false
                ) as was_received,
                arg_max(d.batch_id, (d.synced_at, d.batch_id)) filter (d.arrival <> 'old') as batch_id,
                m.item_code in (select item_code from sent_away) as was_sent_away,
                m.item_code in (select item_code from pulled_again) as was_pulled_again
            from moments as m
            left join retold as d on m.item_code = d.dossier_code and d.recorded_at <= m.until
            group by all
        )
        select period, item_code, unit_before, online_before, strict_before, unit_after, online_after,
            strict_after, batch_id,
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
            end as cause,
            case
                when has_released then 'rejection_out'
                when was_sent_away then 'rejection_in'
                when was_pulled_again then 'pulled_again'
                when has_since then 'new_in_period'
                when has_event then 'late_arrival'
                when has_new then 'correction'
                when known_until <> until then 'new_in_period'
                else {other}
            end as result_cause
        from told
        """
    )
