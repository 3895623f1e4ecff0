with source as (
    select * from {{ source('raw', 'calendar') }}
),

renamed as (
    select
        cast(date as date) as date_day,
        is_working_day,
        holiday_name
    from source
)

select * from renamed
