-- Accepted rows of the current batches, counted where they lie: the left side of reconciliation.
with counted as (

    select 'dossier_log' as source, batch_id, count(*) as rows_found
    from {{ source('raw', 'dossier_log') }}
    group by batch_id

    union all

    select 'task_tracker', batch_id, count(*) from {{ source('raw', 'task_tracker') }} group by batch_id

    union all

    select 'issue_register', batch_id, count(*) from {{ source('raw', 'issue_register') }} group by batch_id

    union all

    select 'national_ranking', batch_id, count(*)
    from {{ source('raw', 'national_ranking') }}
    group by batch_id

)

select
    source,
    batch_id,
    rows_found
from counted
