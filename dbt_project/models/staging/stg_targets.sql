with source as (
    select * from {{ source('raw', 'targets') }}
),

renamed as (
    select
        metric,
        coalesce(unit_level, '*') as unit_level,
        -- Whole percents in the file, a share here.
        cast(target as double) / 100 as target,
        max_points,
        cast(valid_from as date) as valid_from,
        source_document,
        note
    from source
)

select * from renamed
