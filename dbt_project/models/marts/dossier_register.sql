with dossiers as (

    select dossiers.*, run.as_of
    from {{ ref('int_dossiers') }} as dossiers
    cross join {{ ref('stg_run_parameters') }} as run

),

units as (

    select * from {{ ref('stg_units') }}

),

judged as (

    select
        *,
        received_at is not null and not is_ended as is_open,
        case when received_at is not null then {{ timeliness('ended_at', 'due_at') }} end as timeliness
    from dossiers

)

select
    judged.dossier_code,
    judged.procedure_code,
    judged.procedure_name,
    judged.sector_code,
    judged.sector_name,
    judged.channel,
    judged.applicant_type,
    judged.service_level,
    judged.receiving_unit_code,
    receiving.unit_name as receiving_unit_name,
    judged.processing_unit_code,
    processing.unit_name as processing_unit_name,
    judged.status_code,
    judged.status_name,
    judged.received_at is not null as is_received,
    judged.submitted_at,
    judged.received_at,
    judged.due_at,
    judged.ended_at,
    judged.returned_at,
    judged.timeliness,
    judged.due_at is null as has_no_due_date,
    judged.is_open,
    -- more than one request for supplements counts as overdue (DOMAIN §2, status 5)
    judged.is_open and (coalesce(judged.as_of > judged.due_at, false) or judged.supplement_requests > 1)
        as is_overdue,
    case
        when judged.due_at is null then null
        when judged.is_open then greatest(0, date_diff('day', judged.due_at, judged.as_of))
        when judged.ended_at is not null then greatest(0, date_diff('day', judged.due_at, judged.ended_at))
    end as days_late,
    judged.paid_online,
    judged.is_digitised,
    judged.has_e_result,
    judged.supplement_requests,
    judged.state_changes,
    judged.state_recorded_at,
    judged.batch_id,
    judged._row as batch_row
from judged
left join units as receiving
    on
        judged.receiving_unit_code = receiving.unit_code
        and coalesce(judged.received_at, judged.state_recorded_at) >= receiving.valid_from
        and coalesce(coalesce(judged.received_at, judged.state_recorded_at) < receiving.valid_to, true)
left join units as processing
    on
        judged.processing_unit_code = processing.unit_code
        and coalesce(judged.received_at, judged.state_recorded_at) >= processing.valid_from
        and coalesce(coalesce(judged.received_at, judged.state_recorded_at) < processing.valid_to, true)
