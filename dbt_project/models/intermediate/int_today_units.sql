{{ config(materialized='view') }}

select
    unit_code,
    unit_name,
    unit_level
from {{ ref('int_units') }}
where is_current
union all
select
    'province' as unit_code,
    'Toàn tỉnh' as unit_name,
    'province' as unit_level
