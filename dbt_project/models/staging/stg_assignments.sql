with source as (
    select * from {{ source('raw', 'assignments') }}
),

renamed as (
    select distinct
        member_role,
        coalesce(sector_code, '*') as sector_code,
        coalesce(unit_code, '*') as unit_code,
        coalesce(category, '*') as category
    from source
)

select * from renamed
