-- Units with the days on which a code means this name (DOMAIN §6: a bare code means nothing).
select
    unit_code,
    unit_name,
    unit_type,
    unit_level,
    nullif(district_name, '') as district_name,
    valid_from,
    valid_to,
    valid_to is null as is_current
from {{ source('raw', 'units') }}
