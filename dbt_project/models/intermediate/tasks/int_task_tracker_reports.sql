{{ config(materialized='view') }}

select
    snapshot_day as delivery_day,
    unit_code,
    count(*) as records
from {{ ref('int_task_states') }}
where is_listed
group by snapshot_day, unit_code
