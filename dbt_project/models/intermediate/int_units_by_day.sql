-- Which unit a code means on a day of the rate's history: the SCD-2 dimension read day by day.
with days as (

    select calendar.date_day
    from {{ ref('stg_calendar') }} as calendar
    cross join {{ ref('stg_run_parameters') }} as run
    where calendar.date_day between date '{{ var("period_start") }}' and cast(run.as_of as date)

)

select
    days.date_day,
    units.unit_code,
    units.unit_name,
    units.unit_level
from days
inner join {{ ref('stg_units') }} as units
    on days.date_day >= units.valid_from and (units.valid_to is null or days.date_day < units.valid_to)
