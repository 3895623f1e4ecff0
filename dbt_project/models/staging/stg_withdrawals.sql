with source as (
    select * from {{ source('raw', 'withdrawals') }}
),

renamed as (
    select
        event_id,
        event,
        source,
        partition_key,
        batch_id,
        author,
        reason,
        happened_at
    from source
)

select * from renamed
