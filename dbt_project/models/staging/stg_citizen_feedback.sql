{# Written by `thongsuot docs` from expectations/; not by hand. #}
with source as (
    select * from {{ source('raw', 'citizen_feedback') }}
),

renamed as (
    select
        batch_id,
        partition_key as snapshot_day,
        _row as batch_row,
        feedback_code,
        received_at,
        coalesce(unit_code, 'unknown') as unit_code,
        sector_code,
        dossier_code,
        procedure_code,
        kind,
        status,
        due_at,
        refused_at,
        supplement_requested_at,
        answered_at,
        published_at,
        satisfaction,
        last_update_at
    from source
)

select * from renamed
