with current_states as (
    select
        dossiers.*,
        cast(dossiers.received_at as date) as received_day,
        cast(dossiers.due_at as date) as due_day,
        cast(dossiers.ended_at as date) as ended_day,
        run.as_of,
        run.as_of_day,
        statuses.name_vi as status_name_vi,
        statuses.stage,
        dossiers.is_open and coalesce(statuses.pauses_clock, false) as is_clock_paused
    from {{ ref('int_dossier_current') }} as dossiers
    cross join {{ ref('int_as_of') }} as run
    left join {{ ref('dossier_statuses') }} as statuses on dossiers.status_code = statuses.status_code
),

judged as (
    select
        *,
        -- Dates are compared, not times; without a due date it counts as on time and is flagged (DOMAIN §3).
        case
            when ended_day is null then null
            when due_day is null or ended_day = due_day then 'on_time'
            when ended_day < due_day then 'early'
            else 'late'
        end as timeliness,
        -- Waiting for the citizen stops the clock once; asking more than once counts as overdue (DOMAIN §2).
        is_open and (
            supplement_requests > 1 or (not is_clock_paused and coalesce(as_of > due_at, false))
        ) as is_overdue,
        case
            when due_day is null then null
            when ended_day is not null then greatest(ended_day - due_day, 0)
            when is_open and not is_clock_paused then greatest(as_of_day - due_day, 0)
        end as days_late
    from current_states
),

final as (
    select
        judged.dossier_code,
        judged.procedure_code,
        judged.procedure_name,
        judged.sector_code,
        judged.sector_name,
        judged.service_level,
        judged.applicant_type,
        judged.channel,
        judged.is_online,
        judged.is_strictly_online,
        judged.receiving_unit_code as original_unit_code,
        receiving.unit_name as original_unit_name,
        judged.today_unit_code as receiving_unit_code,
        receiving.today_unit_name as receiving_unit_name,
        judged.processing_unit_code as original_processing_unit_code,
        coalesce(processing.today_unit_code, judged.processing_unit_code) as processing_unit_code,
        processing.today_unit_name as processing_unit_name,
        judged.status_code,
        judged.status_name_vi,
        judged.stage,
        judged.recorded_at,
        judged.submitted_at,
        judged.received_at,
        judged.due_at,
        judged.ended_at as finished_at,
        judged.returned_at,
        judged.received_at is not null as is_received,
        judged.is_open,
        judged.is_returned,
        judged.is_clock_paused,
        judged.is_overdue,
        judged.due_at is null as has_no_due_date,
        judged.timeliness,
        cast(judged.days_late as integer) as days_late,
        judged.supplement_requests,
        judged.paid_online,
        judged.is_digitised,
        judged.has_e_result
    from judged
    left join {{ ref('int_units') }} as receiving
        on
            judged.receiving_unit_code = receiving.unit_code
            and coalesce(judged.received_day, cast(judged.recorded_at as date)) >= receiving.applies_from
            and coalesce(judged.received_day, cast(judged.recorded_at as date)) < receiving.applies_to
    -- Whoever processes it bears the code on the day the state was recorded.
    left join {{ ref('int_units') }} as processing
        on
            judged.processing_unit_code = processing.unit_code
            and cast(judged.recorded_at as date) >= processing.applies_from
            and cast(judged.recorded_at as date) < processing.applies_to
)

select * from final
