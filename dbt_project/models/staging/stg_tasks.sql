-- One row per snapshot day, task and reporting unit; a task listed twice counts once, the last line wins.
with source as (

    select * from {{ source('raw', 'task_tracker') }}

),

latest as (

    select *
    from source
    qualify row_number() over (
        partition by partition_key, task_code, coalesce(unit_code, '')
        order by _row desc
    ) = 1

)

select
    partition_key as snapshot_day,
    task_code,
    coalesce(unit_code, '') as unit_code,
    owner_level,
    title,
    directive_number,
    directive_date,
    lead_agency_code,
    coordinating_agencies,
    start_date,
    due_date,
    reported_status,
    progress,
    completed_date,
    result_summary,
    evidence_link,
    updated_at,
    batch_id,
    _row
from latest
