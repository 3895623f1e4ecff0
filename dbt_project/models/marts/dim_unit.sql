with units as (

    select * from {{ ref('stg_units') }}

),

mapping as (

    select * from {{ ref('stg_unit_mapping') }}

)

select
    units.unit_code,
    units.valid_from,
    units.valid_to,
    units.unit_name,
    units.unit_type,
    units.unit_level,
    units.district_name,
    units.is_current,
    mapping.new_unit_code as successor_code,
    mapping.new_unit_name as successor_name
from units
left join mapping on units.unit_code = mapping.old_unit_code and not units.is_current
