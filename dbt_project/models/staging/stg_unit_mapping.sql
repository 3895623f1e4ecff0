-- The merger of 1 July 2025: each old commune has exactly one successor.
select
    old_unit_code,
    old_unit_name,
    old_district_name,
    new_unit_code,
    new_unit_name
from {{ source('raw', 'unit_mapping') }}
