-- The state at the end of every day, as changes: a state counts from its day until the next state's day.
-- Cumulating them over change_day gives any as-of day without reading the log again.
with states as (
    select
        states.unit_code,
        states.is_online,
        states.is_postal,
        states.is_strictly_online,
        states.is_late_arrival,
        cast(states.received_at as date) as received_day,
        greatest(cast(states.recorded_at as date), cast(states.received_at as date)) as from_day,
        cast(states.next_recorded_at as date) as until_day
    from {{ ref('int_dossier_states') }} as states
    inner join {{ ref('int_as_of') }} as run on states.received_at <= run.as_of
),

-- States replaced within their own day are seen at the end of none.
day_ends as (
    select * from states
    where until_day is null or from_day < until_day
),

changes as (
    select
        from_day as change_day,
        received_day,
        unit_code,
        is_online,
        is_postal,
        is_strictly_online,
        is_late_arrival,
        1 as weight
    from day_ends
    union all
    select
        until_day as change_day,
        received_day,
        unit_code,
        is_online,
        is_postal,
        is_strictly_online,
        is_late_arrival,
        -1 as weight
    from day_ends
    where until_day is not null
),

final as (
    select
        change_day,
        received_day,
        unit_code,
        cast(sum(weight) as bigint) as received,
        cast(sum(case when is_online then weight else 0 end) as bigint) as online,
        cast(sum(case when is_postal then weight else 0 end) as bigint) as postal,
        cast(sum(case when is_strictly_online then weight else 0 end) as bigint) as strictly_online,
        cast(sum(case when is_late_arrival then weight else 0 end) as bigint) as late_arrivals
    from changes
    group by change_day, received_day, unit_code
)

select * from final
where received <> 0 or online <> 0 or postal <> 0 or strictly_online <> 0 or late_arrivals <> 0
