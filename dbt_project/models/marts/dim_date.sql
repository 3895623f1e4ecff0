select
    date_day,
    cast(isodow(date_day) as integer) as iso_weekday,
    is_working_day,
    holiday_name,
    override_document,
    cast(sum(cast(is_working_day as integer)) over (order by date_day) as integer) as working_day_number
from {{ ref('stg_calendar') }}
