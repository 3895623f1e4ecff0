with source as (
    select * from {{ source('raw', 'checks') }}
),

renamed as (
    select
        source,
        partition_key,
        batch_id,
        rule,
        coalesce(column_name, '*') as column_name,
        scope,
        severity,
        evaluated,
        unexpected,
        observed,
        reason_en,
        reason_vi,
        rules as rules_sha256
    from source
)

select * from renamed
