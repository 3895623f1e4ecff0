-- History with milestones carried forward, so that the state at any moment T is one row per dossier:
-- recorded_at <= T and (next_recorded_at is null or next_recorded_at > T).
with first_deliveries as (
    select
        dossier_code,
        recorded_at,
        status_code,
        min(synced_at) as first_synced_at
    from {{ ref('int_dossier_log_duplicates') }}
    group by dossier_code, recorded_at, status_code
),

log as (
    select
        staged.dossier_code,
        staged.recorded_at,
        staged.synced_at,
        staged.status_code,
        staged.channel,
        staged.receiving_unit_code,
        staged.procedure_code,
        staged.has_e_result,
        staged.received_at,
        staged.due_at,
        staged.finished_at,
        staged.returned_at,
        staged.supplement_requests,
        least(staged.synced_at, first_deliveries.first_synced_at) as arrived_at,
        statuses.stage,
        coalesce(statuses.is_received, false) as is_received_status,
        coalesce(statuses.is_end, false) as is_end_status,
        coalesce(statuses.pauses_clock, false) as is_pausing_status,
        statuses.state_order
    from {{ ref('int_dossier_log') }} as staged
    inner join {{ ref('int_as_of') }} as run on staged.recorded_at <= run.as_of
    left join {{ ref('int_dossier_statuses') }} as statuses on staged.status_code = statuses.status_code
    left join first_deliveries
        on
            staged.dossier_code = first_deliveries.dossier_code
            and staged.recorded_at = first_deliveries.recorded_at
            and staged.status_code = first_deliveries.status_code
),

milestones as (
    select
        dossier_code,
        recorded_at,
        status_code,
        channel,
        receiving_unit_code,
        procedure_code,
        has_e_result,
        supplement_requests,
        is_end_status,
        is_pausing_status,
        row_number() over so_far as state_number,
        lead(recorded_at) over by_record as next_recorded_at,
        coalesce(
            {{ last_value_there('received_at') }} over so_far,
            min(case when is_received_status then recorded_at end) over so_far
        ) as received_at,
        min(case when is_received_status or received_at is not null then arrived_at end) over so_far as arrived_at,
        {{ last_value_there('due_at') }} over so_far as due_at,
        {{ last_value_there('finished_at') }} over so_far as finished_at,
        {{ last_value_there('returned_at') }} over so_far as returned_at,
        max(case when stage = 'finished' then recorded_at end) over so_far as finished_recorded_at,
        max(case when stage = 'returned' then recorded_at end) over so_far as returned_recorded_at
    from log
    window
        by_record as (
            partition by dossier_code
            order by
                recorded_at nulls last, synced_at nulls last, state_order nulls last, status_code nulls last
        ),
        so_far as (
            partition by dossier_code
            order by
                recorded_at nulls last, synced_at nulls last, state_order nulls last, status_code nulls last
            rows between unbounded preceding and current row
        )
),

states as (
    select
        *,
        received_at is not null and is_end_status as is_ended,
        -- The unit that received it is the one that bore the code on the day of receipt.
        cast(coalesce(received_at, recorded_at) as date) as unit_day
    from milestones
),

final as (
    select
        states.dossier_code,
        states.recorded_at,
        states.next_recorded_at,
        states.status_code,
        states.received_at,
        states.due_at,
        -- End time: finished over returned over withdrawn or stopped, as public systems take it for form II.06a.
        case
            when states.is_ended
                then coalesce(
                    states.finished_at,
                    states.finished_recorded_at,
                    case when states.returned_recorded_at is not null then states.returned_at end,
                    states.returned_recorded_at,
                    states.recorded_at
                )
        end as ended_at,
        case
            when states.returned_recorded_at is not null then coalesce(states.returned_at, states.returned_recorded_at)
        end as returned_at,
        states.received_at is not null and not states.is_end_status as is_open,
        states.received_at is not null and states.is_pausing_status as is_clock_paused,
        states.supplement_requests,
        states.state_number = 1 as is_first_state,
        states.returned_recorded_at is not null as is_returned,
        -- Late: the row that gave the receipt was synchronised after the day of receipt.
        coalesce(cast(states.arrived_at as date) > cast(states.received_at as date), false) as is_late_arrival,
        states.channel = 'postal' as is_postal,
        states.channel = 'online' as is_online,
        -- Strict rate (index 766, item 3.3): no paper result needed, or an electronic one exists.
        states.channel = 'online' and (
            not coalesce(procedures.needs_paper_result, true) or coalesce(states.has_e_result, false)
        ) as is_strictly_online,
        coalesce(units.today_unit_code, states.receiving_unit_code, 'unknown') as unit_code
    from states
    left join {{ ref('int_units') }} as units
        on
            states.receiving_unit_code = units.unit_code
            and states.unit_day >= units.applies_from
            and states.unit_day < units.applies_to
    left join {{ ref('int_procedures') }} as procedures on states.procedure_code = procedures.procedure_code
)

select * from final
