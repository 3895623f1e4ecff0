-- What index 766 asks of each dossier received by as_of: one row each, from which the items are counted.
with dossiers as (
    select
        current_states.*,
        run.as_of_day,
        procedures.processing_working_days,
        coalesce(procedures.has_fee, false) as has_fee,
        coalesce(procedures.needs_paper_result, true) as needs_result
    from {{ ref('int_dossier_latest') }} as current_states
    inner join {{ ref('int_as_of') }} as run on current_states.received_at <= run.as_of
    left join {{ ref('int_procedures') }} as procedures
        on current_states.procedure_code = procedures.procedure_code
),

-- Without a due time the handling may take as long as the procedure's longest time, pauses not counted.
pauses as (
    select
        states.dossier_code,
        sum({{ working_days('since', 'until') }}) as paused_working_days
    from {{ ref('int_dossier_states') }} as states
    inner join dossiers on states.dossier_code = dossiers.dossier_code
    inner join {{ ref('int_calendar') }} as since on cast(states.recorded_at as date) = since.date_day
    inner join {{ ref('int_calendar') }} as until on cast(states.next_recorded_at as date) = until.date_day
    where dossiers.due_at is null and states.is_clock_paused
    group by states.dossier_code
),

working_days as (
    select
        working_day_number,
        {{ end_of_day('date_day') }} as ends_at
    from {{ ref('int_calendar') }}
    where is_working_day
),

-- The working day on which the longest time ends. A column of its own: as a condition of the join it would compare
-- every dossier with every day.
timed as (
    select
        dossiers.*,
        case
            when dossiers.due_at is null
                then
                    received.working_day_number + dossiers.processing_working_days
                    + coalesce(pauses.paused_working_days, 0)
        end as last_working_day_number
    from dossiers
    left join pauses on dossiers.dossier_code = pauses.dossier_code
    left join {{ ref('int_calendar') }} as received on dossiers.received_day = received.date_day
),

final as (
    select
        timed.dossier_code,
        timed.procedure_code,
        timed.receiving_unit_code,
        timed.responsible_unit_code,
        timed.received_at,
        timed.received_day,
        -- What is recorded as ended by as_of ended by then, and not before it was received.
        case
            when timed.ended_day is not null
                then least(greatest(timed.ended_day, timed.received_day), timed.as_of_day)
        end as closed_day,
        case when timed.ended_day is not null then greatest(timed.working_days_taken, 0) end
            as working_days_taken,
        -- A pending first request for papers ends the clock at the request.
        coalesce(
            timed.ended_at,
            case when timed.is_clock_paused and timed.supplement_requests <= 1 then timed.recorded_at end
        ) as counted_end_at,
        coalesce(timed.due_at, longest.ends_at) as counted_due_at,
        timed.is_open and timed.supplement_requests > 1 as is_asked_again,
        timed.is_online,
        timed.is_strictly_online,
        case when timed.has_fee then timed.paid_online end as is_paid_online,
        timed.has_fee,
        timed.needs_result,
        case when timed.needs_result then timed.has_e_result end as has_required_result,
        timed.is_digitised and (not timed.needs_result or timed.has_e_result) as is_digitised_in_full,
        complaints.dossier_code is not null as has_complaint
    from timed
    left join {{ ref('int_complaints') }} as complaints on timed.dossier_code = complaints.dossier_code
    left join working_days as longest on timed.last_working_day_number = longest.working_day_number
)

select
    final.*,
    {{ is_in_time('final', 'run.as_of') }} as is_in_time
from final
cross join {{ ref('int_as_of') }} as run
