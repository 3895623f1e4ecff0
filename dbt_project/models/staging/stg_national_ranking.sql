with source as (
    select * from {{ source('raw', 'national_ranking') }}
),

renamed as (
    select
        batch_id,
        partition_key as snapshot_day,
        _row as batch_row,
        captured_at,
        province_code,
        province_name,
        received_total,
        online_total
    from source
)

select * from renamed
