select
    procedure_code,
    procedure_name,
    sector_code,
    sector_name,
    agency_code,
    agency_name,
    service_level,
    has_fee,
    needs_paper_result,
    executing_level,
    processing_working_days
from {{ ref('int_procedures') }}
