-- The calendar's own periods that hold an as-of day, each with the last day that counts: an event belongs to one
-- period of a kind, so counts of days add up to counts of periods.
with run as (
    select * from {{ ref('int_as_of') }}
),

days as (
    select calendar.date_day
    from {{ ref('int_calendar') }} as calendar
    inner join run on calendar.date_day between run.counts_since and run.as_of_day
),

periods as (
    select
        periods.period,
        {{ period_start('periods.period', 'days.date_day') }} as period_start,
        max(days.date_day) as as_of_day
    from days
    cross join {{ ref('reporting_periods') }} as periods
    group by 1, 2
)

select
    periods.period,
    periods.period_start,
    periods.as_of_day,
    -- The last second that counts: the end of the period, or as_of where it still runs.
    least({{ end_of_day('periods.as_of_day') }}, run.as_of) as period_end,
    run.as_of
from periods
cross join run
