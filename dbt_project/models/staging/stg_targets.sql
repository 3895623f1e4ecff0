with source as (
    select * from {{ source('raw', 'targets') }}
),

renamed as (
    select
        metric,
        coalesce(unit_level, '*') as unit_level,
        -- Whole percents in the file, a share here.
        target / 100.0 as target,
        max_points,
        cast(valid_from as date) as valid_from,
        source_document,
        note
    from source
)

select * from renamed
