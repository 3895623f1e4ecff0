-- What index 766 asks of each dossier received by as_of: one row each, from which the items are counted.
with dossiers as (
    select
        current_states.*,
        run.as_of,
        run.as_of_day,
        procedures.processing_working_days,
        coalesce(procedures.has_fee, false) as has_fee,
        coalesce(procedures.needs_paper_result, true) as needs_result
    from {{ ref('int_dossier_current') }} as current_states
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

newest_feedback as (
    select
        dossier_code,
        kind,
        satisfaction,
        row_number() over (partition by feedback_code order by snapshot_day desc) as recency
    from {{ ref('int_feedback_snapshots') }}
),

-- A dossier that feedback is about, or that somebody is dissatisfied with.
complaints as (
    select distinct dossier_code
    from newest_feedback
    where recency = 1 and dossier_code is not null and (kind <> 'rating' or satisfaction <= 2)
),

final as (
    select
        dossiers.dossier_code,
        dossiers.procedure_code,
        dossiers.receiving_unit_code,
        dossiers.responsible_unit_code,
        dossiers.received_at,
        dossiers.received_day,
        -- What is recorded as ended by as_of ended by then, and not before it was received.
        case
            when dossiers.ended_day is not null
                then least(greatest(dossiers.ended_day, dossiers.received_day), dossiers.as_of_day)
        end as closed_day,
        case when dossiers.ended_day is not null then greatest(dossiers.working_days_taken, 0) end
            as working_days_taken,
        -- A pending first request for papers ends the clock at the request.
        coalesce(
            dossiers.ended_at,
            case when dossiers.is_clock_paused and dossiers.supplement_requests <= 1 then dossiers.recorded_at end
        ) as counted_end_at,
        coalesce(dossiers.due_at, longest.ends_at) as counted_due_at,
        dossiers.is_open and dossiers.supplement_requests > 1 as is_asked_again,
        dossiers.is_online,
        dossiers.is_strictly_online,
        case when dossiers.has_fee then dossiers.paid_online end as is_paid_online,
        dossiers.has_fee,
        dossiers.needs_result,
        case when dossiers.needs_result then dossiers.has_e_result end as has_required_result,
        dossiers.is_digitised and (not dossiers.needs_result or dossiers.has_e_result) as is_digitised_in_full,
        complaints.dossier_code is not null as has_complaint,
        dossiers.as_of
    from dossiers
    left join pauses on dossiers.dossier_code = pauses.dossier_code
    left join complaints on dossiers.dossier_code = complaints.dossier_code
    left join {{ ref('int_calendar') }} as received on dossiers.received_day = received.date_day
    left join working_days as longest
        on
            dossiers.due_at is null
            and received.working_day_number + dossiers.processing_working_days
            + coalesce(pauses.paused_working_days, 0) = longest.working_day_number
)

select
    final.*,
    {{ is_in_time('final', 'final.as_of') }} as is_in_time
from final
