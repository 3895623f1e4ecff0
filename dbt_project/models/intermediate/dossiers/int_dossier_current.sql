{{ config(materialized='view') }}

-- Every dossier's last state, judged at as_of: what no row changes, but the hour. A view, since only those who ask pay.
-- "Due within 24 working hours" is three working days of eight hours, to the minute of as_of.
with run as (
    select
        run.as_of,
        run.as_of_day,
        calendar.is_working_day,
        calendar.working_day_number
    from {{ ref('int_as_of') }} as run
    inner join {{ ref('int_calendar') }} as calendar on run.as_of_day = calendar.date_day
),

-- On a day off the first working hour has not begun: the third working day counts whole.
alert as (
    select
        run.as_of,
        run.as_of_day,
        run.working_day_number as as_of_working_day_number,
        case
            when run.is_working_day
                then cast(min(calendar.date_day) as timestamp) + (run.as_of - cast(run.as_of_day as timestamp))
            else {{ end_of_day('min(calendar.date_day)') }}
        end as due_soon_until
    from run
    left join {{ ref('int_calendar') }} as calendar
        on
            calendar.working_day_number = run.working_day_number + {{ var('alert_working_days') }}
            and calendar.is_working_day
    group by run.as_of, run.as_of_day, run.is_working_day, run.working_day_number
),

final as (
    select
        latest.*,
        -- Waiting for the citizen stops the clock once; asking more than once counts as overdue.
        latest.is_open and (
            latest.supplement_requests > 1
            or (not latest.is_clock_paused and coalesce(alert.as_of > latest.due_at, false))
        ) as is_overdue,
        latest.is_open
        and not latest.is_clock_paused
        and latest.supplement_requests <= 1
        and coalesce(latest.due_at >= alert.as_of and latest.due_at <= alert.due_soon_until, false) as is_due_soon,
        case
            when latest.due_day is null then null
            when latest.ended_day is not null then greatest({{ days_between('latest.due_day', 'latest.ended_day') }}, 0)
            when latest.is_open and not latest.is_clock_paused
                then greatest({{ days_between('latest.due_day', 'alert.as_of_day') }}, 0)
        end as days_late,
        -- Positive: working days left; negative: working days past due.
        case
            when latest.is_open
                then cast(due.working_day_number - alert.as_of_working_day_number as integer)
        end as working_days_left
    from {{ ref('int_dossier_latest') }} as latest
    cross join alert
    left join {{ ref('int_calendar') }} as due on latest.due_day = due.date_day
)

select * from final
