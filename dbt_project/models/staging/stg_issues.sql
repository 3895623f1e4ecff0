-- One row per snapshot day and issue; an issue listed twice counts once, the last line wins.
with source as (

    select * from {{ source('raw', 'issue_register') }}

),

latest as (

    select *
    from source
    qualify row_number() over (partition by partition_key, issue_code order by _row desc) = 1

)

select
    partition_key as snapshot_day,
    issue_code,
    reported_at,
    reported_by_role,
    unit_code,
    sector_code,
    coalesce(category, 'other') as category,
    coalesce(severity, 'medium') as severity,
    coalesce(addressed_to_level, 'commune') as addressed_to_level,
    addressed_to_code,
    status,
    due_at,
    resolved_at,
    coalesce(last_update_at, reported_at) as last_update_at,
    batch_id,
    _row
from latest
