-- The catalogue of administrative procedures.
select
    procedure_code,
    procedure_name,
    sector_code,
    sector_name,
    agency_code,
    service_level,
    has_fee,
    needs_paper_result,
    executing_level,
    processing_days
from {{ source('raw', 'procedures') }}
