-- By how much the open dossiers of a day differ from those of the day before. A dossier is open from its receipt to
-- its end, as known at as_of; whether its clock runs at a moment is what its state then said, before its first record
-- what that one said.
with run as (
    select * from {{ ref('int_as_of') }}
),

dossiers as (
    select
        current_states.dossier_code,
        current_states.responsible_unit_code as unit_code,
        coalesce(current_states.sector_code, 'unknown') as sector_code,
        current_states.received_day,
        case
            when current_states.ended_day is not null
                then least(greatest(current_states.ended_day, current_states.received_day), run.as_of_day)
        end as closed_day
    from {{ ref('int_dossier_latest') }} as current_states
    inner join run on current_states.received_at <= run.as_of
),

intervals as (
    select
        dossiers.unit_code,
        dossiers.sector_code,
        states.is_clock_paused,
        states.supplement_requests > 1 as is_asked_again,
        greatest(
            case when states.is_first_state then dossiers.received_day else cast(states.recorded_at as date) end,
            dossiers.received_day
        ) as from_day,
        least(cast(states.next_recorded_at as date), dossiers.closed_day) as until_day,
        {{ first_day_past('states.due_at', 'run.as_of') }} as overdue_day
    from {{ ref('int_dossier_states') }} as states
    inner join dossiers on states.dossier_code = dossiers.dossier_code
    cross join run
),

-- States replaced within their own day are seen at the end of none.
stretches as (
    select
        *,
        case
            when is_asked_again then from_day
            when not is_clock_paused and overdue_day is not null then greatest(from_day, overdue_day)
        end as overdue_from
    from intervals
    where until_day is null or from_day < until_day
),

-- on the day             open  paused (clock stands)  overdue | only where
-- from_day               +1    +1                             |
-- until_day              -1    -1                             | the stretch ends
-- overdue_from                                        +1      | before it ends
-- until_day                                           -1      | it ends, and was overdue before
changes as (
    select
        from_day as change_day,
        unit_code,
        sector_code,
        1 as is_open,
        case when is_clock_paused then 1 else 0 end as paused,
        0 as overdue
    from stretches
    union all
    select
        until_day as change_day,
        unit_code,
        sector_code,
        -1 as is_open,
        case when is_clock_paused then -1 else 0 end as paused,
        0 as overdue
    from stretches
    where until_day is not null
    union all
    select
        overdue_from as change_day,
        unit_code,
        sector_code,
        0 as is_open,
        0 as paused,
        1 as overdue
    from stretches
    where overdue_from is not null and (until_day is null or overdue_from < until_day)
    union all
    select
        until_day as change_day,
        unit_code,
        sector_code,
        0 as is_open,
        0 as paused,
        -1 as overdue
    from stretches
    where until_day is not null and overdue_from < until_day
),

-- What changed before the first as-of day was already so on that day.
daily as (
    select
        greatest(changes.change_day, run.counts_since) as change_day,
        changes.unit_code,
        changes.sector_code,
        cast(sum(changes.is_open) as bigint) as open_total,
        cast(sum(changes.paused) as bigint) as open_paused,
        cast(sum(changes.overdue) as bigint) as open_overdue
    from changes
    cross join run
    group by 1, 2, 3
)

-- Where as many came as went nothing changed.
select * from daily
where open_total <> 0 or open_paused <> 0 or open_overdue <> 0
