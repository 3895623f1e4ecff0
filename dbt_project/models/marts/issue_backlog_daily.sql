-- Flows and stock by day and slice; days on which a slice has neither are left out.
with today as (

    select cast(as_of as date) as as_of_day from {{ ref('stg_run_parameters') }}

),

-- a slice is where the issue stood when it was last seen
slices as (

    select
        issue_code,
        coalesce(unit_code, '') as unit_code,
        category,
        addressed_to_level,
        cast(reported_at as date) as reported_day,
        cast(due_at as date) as due_day
    from {{ ref('stg_issues') }}
    cross join today
    where snapshot_day <= today.as_of_day
    qualify row_number() over (partition by issue_code order by snapshot_day desc) = 1

),

spells as (

    select episodes.*, slices.* exclude (issue_code)
    from {{ ref('int_issue_episodes') }} as episodes
    inner join slices on episodes.issue_code = slices.issue_code

),

days as (

    select calendar.date_day
    from {{ ref('stg_calendar') }} as calendar
    cross join today
    where calendar.date_day <= today.as_of_day

),

-- one row per spell and day from opening to closing, both included: small, an issue lives for weeks
lived as (

    select
        days.date_day,
        spells.unit_code,
        spells.category,
        spells.addressed_to_level,
        spells.opened_on < days.date_day as was_open,
        spells.opened_on = days.date_day and spells.opened_by = 'new' as is_new,
        spells.opened_on = days.date_day and spells.opened_by = 'reopened' as is_reopened,
        coalesce(spells.closed_on = days.date_day, false) as is_closed,
        date_diff('day', spells.reported_day, days.date_day) as age,
        spells.due_day
    from spells
    inner join days
        on days.date_day >= spells.opened_on and (spells.closed_on is null or days.date_day <= spells.closed_on)

)

select
    date_day,
    unit_code,
    category,
    addressed_to_level,
    count(*) filter (where was_open) as opening,
    count(*) filter (where is_new) as new,
    count(*) filter (where is_reopened) as reopened,
    count(*) filter (where is_closed) as closed,
    count(*) filter (where not is_closed) as closing,
    count(*) filter (where not is_closed and age <= 7) as open_0_7_days,
    count(*) filter (where not is_closed and age between 8 and 15) as open_8_15_days,
    count(*) filter (where not is_closed and age between 16 and 30) as open_16_30_days,
    count(*) filter (where not is_closed and age > 30) as open_over_30_days,
    count(*) filter (where not is_closed and due_day < date_day) as overdue
from lived
group by date_day, unit_code, category, addressed_to_level
