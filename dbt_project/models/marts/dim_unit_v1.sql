select
    unit_code,
    valid_from,
    valid_to,
    unit_name,
    unit_type,
    unit_level,
    district_name,
    is_current,
    successor_unit_code,
    today_unit_code,
    today_unit_name
from {{ ref('int_units') }}
