with source as (
    select * from {{ source('raw', 'working_day_overrides') }}
),

renamed as (
    select
        cast(date as date) as date_day,
        is_working_day,
        document_number,
        note
    from source
)

select * from renamed
