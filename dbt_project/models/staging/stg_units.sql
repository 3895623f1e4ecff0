with source as (
    select * from {{ source('raw', 'units') }}
),

renamed as (
    select
        unit_code,
        unit_name,
        unit_type,
        unit_level,
        district_name,
        cast(valid_from as date) as valid_from,
        cast(valid_to as date) as valid_to,
        {{ degrees('latitude', 90) }} as latitude,
        {{ degrees('longitude', 180) }} as longitude
    from source
)

select * from renamed
