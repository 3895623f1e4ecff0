with source as (
    select * from {{ source('raw', 'unit_mapping') }}
),

renamed as (
    select distinct
        old_unit_code,
        new_unit_code
    from source
)

select * from renamed
