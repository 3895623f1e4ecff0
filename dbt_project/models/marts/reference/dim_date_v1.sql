select
    date_day,
    cast(extract(year from date_day) as integer) as year_number,
    cast(extract(quarter from date_day) as integer) as quarter_number,
    cast(extract(month from date_day) as integer) as month_number,
    cast({{ iso_year('date_day') }} as integer) as iso_year,
    cast(extract(week from date_day) as integer) as iso_week,
    cast({{ iso_weekday('date_day') }} as integer) as iso_weekday,
    {{ printed_day('date_day') }} as label_vi,
    {{ iso_weekday('date_day') }} in (6, 7) as is_weekend,
    is_working_day,
    working_day_number,
    holiday_name,
    override_document,
    override_note
from {{ ref('int_calendar') }}
