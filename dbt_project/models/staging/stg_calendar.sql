-- Working days: the library's calendar, over which the override list of the reference data wins.
with calendar as (

    select * from {{ source('raw', 'calendar') }}

),

overrides as (

    select * from {{ source('raw', 'working_day_overrides') }}

)

select
    calendar.date as date_day,
    coalesce(overrides.is_working_day, calendar.is_working_day) as is_working_day,
    calendar.holiday_name,
    overrides.document_number as override_document
from calendar
left join overrides on calendar.date = overrides.date
