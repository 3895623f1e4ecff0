-- One row per dossier: its state at as_of and its milestones.
with timeline as (

    select * from {{ ref('int_dossier_timeline') }}

),

last_states as (

    select
        dossier_code,
        max(seq) as seq,
        arg_max(received_at, seq) as received_at,
        max(case when status_code = 9 then recorded_at end) as finished_state_at,
        max(case when status_code = 10 then recorded_at end) as returned_state_at,
        max(case when status_code in (7, 8) then recorded_at end) as stopped_state_at
    from timeline
    group by dossier_code

),

states as (

    select * from {{ ref('stg_dossier_states') }}

),

current_states as (

    select
        last_states.*,
        timeline.recorded_at,
        timeline.status_code,
        timeline.batch_id,
        timeline._row
    from last_states
    inner join timeline
        on last_states.dossier_code = timeline.dossier_code and last_states.seq = timeline.seq

)

select
    states.dossier_code,
    states.procedure_code,
    states.procedure_name,
    states.sector_code,
    states.sector_name,
    states.channel,
    states.applicant_type,
    states.service_level,
    states.receiving_unit_code,
    states.processing_unit_code,
    states.status_code,
    statuses.name_vi as status_name,
    coalesce(statuses.is_end, false) as is_ended,
    states.recorded_at as state_recorded_at,
    states.submitted_at,
    current_states.received_at,
    states.due_at,
    -- the end time: 9 is preferred to 10, both to 7 and 8 (DOMAIN §3)
    case
        when statuses.is_end
            then coalesce(
                states.finished_at,
                current_states.finished_state_at,
                states.returned_at,
                current_states.returned_state_at,
                current_states.stopped_state_at
            )
    end as ended_at,
    coalesce(states.returned_at, current_states.returned_state_at) as returned_at,
    coalesce(states.paid_online, false) as paid_online,
    states.is_digitised,
    states.has_e_result,
    coalesce(states.supplement_requests, 0) as supplement_requests,
    current_states.seq as state_changes,
    states.batch_id,
    states._row
from current_states
inner join states on current_states.batch_id = states.batch_id and current_states._row = states._row
left join {{ ref('dossier_statuses') }} as statuses on states.status_code = statuses.status_code
