-- Accepted log rows that are not staged: the same state synchronised again, by what it repeats.
with raw as (

    select
        batch_id,
        _row,
        dossier_code,
        recorded_at,
        status_code,
        channel,
        receiving_unit_code,
        processing_unit_code,
        procedure_code
    from {{ source('raw', 'dossier_log') }}

),

staged as (

    select * from {{ ref('stg_dossier_states') }}

),

dropped as (

    select raw.*
    from raw
    left join staged on raw.batch_id = staged.batch_id and raw._row = staged._row
    where staged.batch_id is null

)

select
    dropped.batch_id,
    dropped._row,
    dropped.dossier_code,
    case
        when
            dropped.channel is not distinct from staged.channel
            and dropped.receiving_unit_code is not distinct from staged.receiving_unit_code
            and dropped.processing_unit_code is not distinct from staged.processing_unit_code
            and regexp_extract(dropped.procedure_code, '^\d+\.\d+')
            is not distinct from staged.procedure_code
            then 'repeat'
        else 'correction'
    end as kind
from dropped
inner join staged
    on
        dropped.dossier_code = staged.dossier_code
        and dropped.recorded_at = staged.recorded_at
        and dropped.status_code = staged.status_code
