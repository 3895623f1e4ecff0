with dossiers as (
    select
        dossiers.*,
        statuses.name_vi as status_name_vi,
        statuses.stage
    from {{ ref('int_dossier_current') }} as dossiers
    left join {{ ref('int_dossier_statuses') }} as statuses on dossiers.status_code = statuses.status_code
),

final as (
    select
        dossiers.dossier_code,
        dossiers.procedure_code,
        dossiers.procedure_name,
        dossiers.sector_code,
        dossiers.sector_name,
        dossiers.service_level,
        dossiers.applicant_type,
        dossiers.channel,
        dossiers.is_online,
        dossiers.is_strictly_online,
        dossiers.original_unit_code,
        receiving.unit_name as original_unit_name,
        dossiers.receiving_unit_code,
        receiving.today_unit_name as receiving_unit_name,
        dossiers.original_processing_unit_code,
        dossiers.original_processing_unit_name,
        dossiers.processing_unit_code,
        dossiers.processing_unit_name,
        dossiers.status_code,
        dossiers.status_name_vi,
        dossiers.stage,
        dossiers.recorded_at,
        dossiers.submitted_at,
        dossiers.received_at,
        dossiers.due_at,
        -- When it ended by its states (9 over 10 over 7/8); the source's finished_at is one of what that is read from.
        dossiers.ended_at as finished_at,
        dossiers.returned_at,
        dossiers.received_at is not null as is_received,
        dossiers.is_late_arrival,
        dossiers.is_open,
        dossiers.is_returned,
        dossiers.is_clock_paused,
        dossiers.is_overdue,
        dossiers.is_due_soon,
        dossiers.due_at is null as has_no_due_date,
        dossiers.timeliness,
        cast(dossiers.days_late as integer) as days_late,
        dossiers.working_days_taken,
        dossiers.working_days_left,
        dossiers.supplement_requests,
        dossiers.paid_online,
        dossiers.is_digitised,
        dossiers.has_e_result
    from dossiers
    left join {{ ref('int_units') }} as receiving
        on
            dossiers.original_unit_code = receiving.unit_code
            and coalesce(dossiers.received_day, cast(dossiers.recorded_at as date)) >= receiving.applies_from
            and coalesce(dossiers.received_day, cast(dossiers.recorded_at as date)) < receiving.applies_to
)

select * from final
