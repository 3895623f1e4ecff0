{{ config(materialized='view') }}

-- The last state of every dossier with all it carries; read once, by the register.
with last_states as (
    select * from {{ ref('int_dossier_states') }}
    where next_recorded_at is null
)

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
    staged.receiving_unit_code,
    last_states.unit_code as today_unit_code,
    staged.processing_unit_code,
    staged.status_code,
    last_states.recorded_at,
    staged.submitted_at,
    last_states.received_at,
    last_states.due_at,
    last_states.ended_at,
    last_states.returned_at,
    last_states.is_open,
    last_states.is_returned,
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
