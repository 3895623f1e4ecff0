with dossiers as (
    select * from {{ ref('dossier_register', v=1) }}
    where is_overdue or is_due_soon
),

final as (
    select
        dossiers.dossier_code,
        case when dossiers.is_overdue then 'overdue' else 'due_soon' end as alert,
        coalesce(dossiers.processing_unit_code, dossiers.receiving_unit_code) as unit_code,
        coalesce(dossiers.processing_unit_name, dossiers.receiving_unit_name) as unit_name,
        dossiers.sector_code,
        dossiers.sector_name,
        dossiers.procedure_code,
        dossiers.procedure_name,
        dossiers.channel,
        dossiers.status_name_vi,
        dossiers.received_at,
        dossiers.due_at,
        run.as_of,
        dossiers.working_days_left,
        -- Why it is overdue: its due time is past, or papers were asked for more than once.
        case
            when dossiers.is_overdue and dossiers.supplement_requests > 1 then 'asked_more_than_once'
            when dossiers.is_overdue then 'past_due'
        end as overdue_reason
    from dossiers
    cross join {{ ref('int_as_of') }} as run
)

select * from final
