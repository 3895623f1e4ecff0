{{ config(materialized='view') }}

select
    scores.snapshot_day as delivery_day,
    {{ whole() }} as unit_code,
    count(*) as records
from {{ ref('stg_national_index') }} as scores
inner join {{ ref('int_as_of') }} as run on scores.snapshot_day <= run.as_of_day
group by scores.snapshot_day
