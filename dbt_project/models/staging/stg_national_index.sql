{# Written by `thongsuot docs` from expectations/; not by hand. #}
with source as (
    select * from {{ source('raw', 'national_index') }}
),

renamed as (
    select
        batch_id,
        partition_key as snapshot_day,
        _row as batch_row,
        captured_at,
        period_start,
        province_code,
        province_name,
        publicity_points,
        progress_points,
        online_services_points,
        online_payment_points,
        digitisation_points,
        satisfaction_points,
        total_points
    from source
)

select * from renamed
