-- The last state of every dossier with all it carries and who answers for it: what new rows alone can change.
with last_states as (
    select * from {{ ref('int_dossier_states') }}
    where next_recorded_at is null
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

final as (
    select
        current_states.*,
        -- Dates are compared, not times; without a due date it counts as on time and is flagged (form II.06a).
        case
            when ended_day is null then null
            when due_day is null or ended_day = due_day then 'on_time'
            when ended_day < due_day then 'early'
            else 'late'
        end as timeliness,
        coalesce(processing.today_unit_code, current_states.original_processing_unit_code) as processing_unit_code,
        -- The unit that answers for it: who processes it, where that is not stated who received it.
        coalesce(
            processing.today_unit_code, current_states.original_processing_unit_code, current_states.receiving_unit_code
        ) as responsible_unit_code,
        processing.unit_name as original_processing_unit_name,
        processing.today_unit_name as processing_unit_name,
        cast({{ working_days('received', 'ended') }} as integer) as working_days_taken
    from current_states
    -- Whoever processes it bears the code on the day the state was recorded.
    left join {{ ref('int_units') }} as processing
        on
            current_states.original_processing_unit_code = processing.unit_code
            and cast(current_states.recorded_at as date) >= processing.applies_from
            and cast(current_states.recorded_at as date) < processing.applies_to
    left join {{ ref('int_calendar') }} as received on current_states.received_day = received.date_day
    left join {{ ref('int_calendar') }} as ended on current_states.ended_day = ended.date_day
)

select * from final
