{{ config(materialized='view') }}

with procedures as (
    select * from {{ ref('stg_procedures') }}
),

agencies as (
    select
        unit_code,
        unit_name
    from {{ ref('int_units') }}
    where is_current
)

select
    procedures.procedure_code,
    procedures.procedure_name,
    procedures.sector_code,
    procedures.sector_name,
    procedures.agency_code,
    agencies.unit_name as agency_name,
    procedures.service_level,
    procedures.has_fee,
    procedures.needs_paper_result,
    procedures.executing_level,
    procedures.processing_working_days
from procedures
left join agencies on procedures.agency_code = agencies.unit_code
