with source as (
    select * from {{ source('raw', 'rejections') }}
),

renamed as (
    select
        source,
        partition_key,
        batch_id,
        _row as batch_row,
        row_key,
        unit_code,
        rule,
        coalesce(column_name, '*') as column_name,
        bad_value,
        reason_en,
        reason_vi,
        is_current,
        first_seen_batch,
        last_seen_batch,
        resolved_by_batch
    from source
)

select * from renamed
