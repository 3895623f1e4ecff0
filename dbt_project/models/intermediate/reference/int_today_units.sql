{{ config(materialized='view') }}

select
    unit_code,
    unit_name,
    unit_level
from {{ ref('int_units') }}
where is_current
union all
select
    {{ whole() }} as unit_code,
    whole_name_vi as unit_name,
    {{ whole() }} as unit_level
from {{ ref('int_as_of') }}
union all
-- Dossiers whose unit is not given.
select
    'unknown' as unit_code,
    'Không rõ đơn vị' as unit_name,
    'unknown' as unit_level
