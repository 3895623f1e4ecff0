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
union all
-- Dossiers of which no unit is told.
select
    'unknown' as unit_code,
    'Không rõ đơn vị' as unit_name,
    'unknown' as unit_level
