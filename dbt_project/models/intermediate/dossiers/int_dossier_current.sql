-- The last state of every dossier with all it carries, and the judgements every mart shares: computed once.
-- "Due within 24 working hours" is three working days of eight hours, to the minute of as_of.
with last_states as (
    select * from {{ ref('int_dossier_states') }}
    where next_recorded_at is null
),

run as (
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

current_states as (
    select
        staged.dossier_code,
        staged.procedure_code,
        staged.procedure_name,
        staged.sector_code,
        staged.sector_name,
        staged.applicant_type,
        staged.service_level,
        staged.channel,
        last_states.is_online,
        last_states.is_strictly_online,
        staged.receiving_unit_code as original_unit_code,
        last_states.unit_code as receiving_unit_code,
        staged.processing_unit_code as original_processing_unit_code,
        staged.status_code,
        last_states.recorded_at,
        staged.submitted_at,
        last_states.received_at,
        last_states.due_at,
        last_states.ended_at,
        last_states.returned_at,
        coalesce(staged.refused_at, case when statuses.stage = 'refused' then last_states.recorded_at end)
            as refused_at,
        cast(last_states.received_at as date) as received_day,
        cast(last_states.due_at as date) as due_day,
        cast(last_states.ended_at as date) as ended_day,
        last_states.is_open,
        last_states.is_returned,
        last_states.is_open and last_states.is_clock_paused as is_clock_paused,
        last_states.is_late_arrival,
        staged.paid_online,
        staged.is_digitised,
        staged.has_e_result,
        staged.supplement_requests
    from {{ ref('int_dossier_log') }} as staged
    inner join last_states
        on
            staged.dossier_code = last_states.dossier_code
            and staged.recorded_at = last_states.recorded_at
            and staged.status_code = last_states.status_code
    left join {{ ref('int_dossier_statuses') }} as statuses on staged.status_code = statuses.status_code
),

verdicts as (
    select
        current_states.*,
        -- Dates are compared, not times; without a due date it counts as on time and is flagged (form II.06a).
        case
            when ended_day is null then null
            when due_day is null or ended_day = due_day then 'on_time'
            when ended_day < due_day then 'early'
            else 'late'
        end as timeliness,
        -- Waiting for the citizen stops the clock once; asking more than once counts as overdue.
        is_open and (
            supplement_requests > 1 or (not is_clock_paused and coalesce(alert.as_of > due_at, false))
        ) as is_overdue,
        is_open
        and not is_clock_paused
        and supplement_requests <= 1
        and coalesce(due_at >= alert.as_of and due_at <= alert.due_soon_until, false) as is_due_soon,
        case
            when due_day is null then null
            when ended_day is not null then greatest({{ days_between('due_day', 'ended_day') }}, 0)
            when is_open and not is_clock_paused then greatest({{ days_between('due_day', 'alert.as_of_day') }}, 0)
        end as days_late
    from current_states
    cross join alert
),

final as (
    select
        verdicts.*,
        coalesce(processing.today_unit_code, verdicts.original_processing_unit_code) as processing_unit_code,
        -- The unit that answers for it: who processes it, where that is not stated who received it.
        coalesce(processing.today_unit_code, verdicts.original_processing_unit_code, verdicts.receiving_unit_code)
            as responsible_unit_code,
        processing.unit_name as original_processing_unit_name,
        processing.today_unit_name as processing_unit_name,
        cast({{ working_days('received', 'ended') }} as integer) as working_days_taken,
        -- Positive: working days left; negative: working days past due.
        case
            when verdicts.is_open
                then cast(due.working_day_number - alert.as_of_working_day_number as integer)
        end as working_days_left
    from verdicts
    cross join alert
    -- Whoever processes it bears the code on the day the state was recorded.
    left join {{ ref('int_units') }} as processing
        on
            verdicts.original_processing_unit_code = processing.unit_code
            and cast(verdicts.recorded_at as date) >= processing.applies_from
            and cast(verdicts.recorded_at as date) < processing.applies_to
    left join {{ ref('int_calendar') }} as received on verdicts.received_day = received.date_day
    left join {{ ref('int_calendar') }} as ended on verdicts.ended_day = ended.date_day
    left join {{ ref('int_calendar') }} as due on verdicts.due_day = due.date_day
)

select * from final
