with source as (
    select * from {{ source('raw', 'reporting_cutoffs') }}
),

renamed as (
    select
        cast(cutoff_at as timestamp) as cutoff_at,
        cast(period_start as timestamp) as period_start,
        label_vi,
        label_en
    from source
)

select * from renamed
