with source as (
    select * from {{ source('raw', 'procedures') }}
),

renamed as (
    select
        {{ procedure_code_without_suffix('procedure_code') }} as procedure_code,
        procedure_name,
        sector_code,
        sector_name,
        agency_code,
        service_level,
        has_fee,
        needs_paper_result,
        executing_level,
        cast(processing_days as integer) as processing_working_days
    from source
)

select * from renamed
