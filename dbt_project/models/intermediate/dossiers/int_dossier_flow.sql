-- What happened on each day, by event time as known at as_of: the two flows of form II.06a. Sums over any days
-- are the counts of their period; a record that came late lies in the day it tells of.
-- Only the columns that count: what is named twice is laid down whole.
with counted as (
    select
        dossiers.responsible_unit_code,
        coalesce(dossiers.sector_code, 'unknown') as sector,
        dossiers.received_day,
        dossiers.is_online,
        dossiers.ended_day,
        -- What is recorded as ended by as_of ended by then, and not before it was received.
        least(greatest(dossiers.ended_day, dossiers.received_day), run.as_of_day) as closed_day,
        dossiers.timeliness,
        dossiers.due_at,
        dossiers.working_days_taken,
        coalesce(statuses.stage = 'withdrawn', false) as is_withdrawn,
        coalesce(statuses.is_resolved, false) as is_resolved
    from {{ ref('int_dossier_latest') }} as dossiers
    inner join {{ ref('int_as_of') }} as run on dossiers.received_at <= run.as_of
    left join {{ ref('int_dossier_statuses') }} as statuses on dossiers.status_code = statuses.status_code
),

events as (
    select
        received_day as event_day,
        responsible_unit_code as unit_code,
        sector as sector_code,
        1 as received,
        case when is_online then 1 else 0 end as received_online,
        0 as finished,
        0 as early,
        0 as on_time,
        0 as late,
        0 as finished_without_due,
        0 as withdrawn,
        0 as resolved,
        0 as resolved_online,
        cast(null as integer) as working_days_taken
    from counted
    union all
    select
        closed_day as event_day,
        responsible_unit_code as unit_code,
        sector as sector_code,
        0 as received,
        0 as received_online,
        1 as finished,
        case when timeliness = 'early' then 1 else 0 end as early,
        case when timeliness = 'on_time' then 1 else 0 end as on_time,
        case when timeliness = 'late' then 1 else 0 end as late,
        case when due_at is null then 1 else 0 end as finished_without_due,
        case when is_withdrawn then 1 else 0 end as withdrawn,
        case when is_resolved then 1 else 0 end as resolved,
        case when is_resolved and is_online then 1 else 0 end as resolved_online,
        case when working_days_taken < 0 then 0 else working_days_taken end as working_days_taken
    from counted
    where ended_day is not null
),

-- One row per day, slice and duration: the durations stay countable, so that quantiles of any period follow.
final as (
    select
        event_day,
        unit_code,
        sector_code,
        working_days_taken,
        cast(sum(received) as bigint) as received,
        cast(sum(received_online) as bigint) as received_online,
        cast(sum(finished) as bigint) as finished,
        cast(sum(early) as bigint) as early,
        cast(sum(on_time) as bigint) as on_time,
        cast(sum(late) as bigint) as late,
        cast(sum(finished_without_due) as bigint) as finished_without_due,
        cast(sum(withdrawn) as bigint) as withdrawn,
        cast(sum(resolved) as bigint) as resolved,
        cast(sum(resolved_online) as bigint) as resolved_online
    from events
    group by event_day, unit_code, sector_code, working_days_taken
)

select * from final
