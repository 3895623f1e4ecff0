{{ config(materialized='view') }}

select
    ranking.snapshot_day as delivery_day,
    {{ whole() }} as unit_code,
    count(*) as records
from {{ ref('stg_national_ranking') }} as ranking
inner join {{ ref('int_as_of') }} as run on ranking.snapshot_day <= run.as_of_day
group by ranking.snapshot_day
