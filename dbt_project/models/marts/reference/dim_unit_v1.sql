select
    unit_code,
    valid_from,
    valid_to,
    unit_name,
    unit_type,
    unit_level,
    district_name,
    is_current,
    namesakes,
    namesakes = 0 as is_name_enough,
    successor_unit_code,
    today_unit_code,
    today_unit_name,
    today_unit_level,
    latitude,
    longitude
from {{ ref('int_units') }}
