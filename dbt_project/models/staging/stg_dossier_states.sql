-- One row per dossier, time and status: a state synchronised again counts once, the later sync wins.
-- A table, since every dossier model reads it and the log is read once.
{{ config(materialized='table') }}

with source as (

    select * from {{ source('raw', 'dossier_log') }}

),

latest as (

    select *
    from source
    qualify row_number() over (
        partition by dossier_code, recorded_at, status_code
        order by synced_at desc, batch_id desc, _row desc
    ) = 1

)

select
    dossier_code,
    -- the suffixed form 1.012790.000.00.00.H41 joins by its first two parts (DOMAIN §2)
    regexp_extract(procedure_code, '^\d+\.\d+') as procedure_code,
    procedure_name,
    sector_code,
    sector_name,
    channel,
    applicant_type,
    service_level,
    receiving_unit_code,
    processing_unit_code,
    status_code,
    recorded_at,
    synced_at,
    submitted_at,
    received_at,
    due_at,
    finished_at,
    returned_at,
    refused_at,
    paid_online,
    is_digitised,
    has_e_result,
    supplement_requests,
    batch_id,
    partition_key,
    _row
from latest
