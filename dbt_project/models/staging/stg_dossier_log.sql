with source as (
    select * from {{ source('raw', 'dossier_log') }}
),

renamed as (
    select
        batch_id,
        partition_key,
        _row as batch_row,
        dossier_code,
        {{ procedure_code_without_suffix('procedure_code') }} as procedure_code,
        procedure_name,
        sector_code,
        sector_name,
        -- A missing channel counts as in person, as the national sync has it.
        coalesce(channel, 'in_person') as channel,
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
        coalesce(supplement_requests, 0) as supplement_requests
    from source
)

select * from renamed
