with source as (
    select * from {{ source('raw', 'batches') }}
),

renamed as (
    select
        batch_id,
        source,
        partition_key,
        is_current,
        is_accepted,
        rows_read,
        rows_accepted,
        rows_rejected,
        sha256,
        schema_fingerprint,
        origin,
        pulled_at,
        run_id,
        standing
    from source
)

select * from renamed
