{# Written by `thongsuot docs` from expectations/; not by hand. #}
with source as (
    select * from {{ source('raw', 'issue_register') }}
),

renamed as (
    select
        batch_id,
        partition_key as snapshot_day,
        _row as batch_row,
        issue_code,
        reported_at,
        reported_by_role,
        coalesce(unit_code, 'unknown') as unit_code,
        sector_code,
        coalesce(category, 'other') as category,
        severity,
        coalesce(addressed_to_level, 'unknown') as addressed_to_level,
        addressed_to_code,
        status,
        due_at,
        resolved_at,
        last_update_at
    from source
)

select * from renamed
