{{ config(materialized='view') }}

-- Which procedures a unit has in the catalogue, and which of them are offered online: a commune those of its level, a
-- department its own.
with units as (
    select
        unit_code,
        unit_level
    from {{ ref('int_today_units') }}
    where unit_level <> 'unknown'
),

offered as (
    select
        units.unit_code,
        procedures.procedure_code,
        case
            when procedures.service_level in ('full', 'partial') then true
            when procedures.service_level is not null and procedures.service_level <> 'unknown' then false
        end as is_online
    from units
    inner join {{ ref('int_procedures') }} as procedures
        on
            units.unit_level = {{ whole() }}
            or (
                units.unit_level = procedures.executing_level
                and (units.unit_level = 'commune' or units.unit_code = procedures.agency_code)
            )
)

select * from offered
