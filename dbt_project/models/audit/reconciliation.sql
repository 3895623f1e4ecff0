-- Promise 3, row by row: read = accepted + rejected; accepted = staged + repeats + corrections.
with batches as (

    select * from {{ ref('stg_batches') }}

),

found as (

    select * from {{ ref('stg_accepted_rows') }}

),

staged as (

    select batch_id, count(*) as rows_staged
    from {{ ref('stg_dossier_states') }}
    group by batch_id

    union all

    select batch_id, count(*) from {{ ref('stg_tasks') }} group by batch_id

    union all

    select batch_id, count(*) from {{ ref('stg_issues') }} group by batch_id

    union all

    select batch_id, count(*) from {{ ref('stg_national_ranking') }} group by batch_id

),

duplicates as (

    select
        batch_id,
        count(*) filter (where kind = 'repeat') as rows_repeated,
        count(*) filter (where kind = 'correction') as rows_corrected
    from {{ ref('int_dossier_duplicates') }}
    group by batch_id

),

joined as (

    select
        batches.batch_id,
        batches.source,
        batches.partition_key,
        batches.is_current,
        batches.rows_read,
        batches.rows_accepted,
        batches.rows_rejected,
        case
            when batches.source like 'reference%' then batches.rows_accepted
            when batches.is_current then coalesce(found.rows_found, 0)
        end as rows_found,
        case
            when batches.source like 'reference%' then batches.rows_accepted
            when batches.is_current then coalesce(staged.rows_staged, 0)
        end as rows_staged,
        case when batches.is_current then coalesce(duplicates.rows_repeated, 0) end as rows_repeated,
        case when batches.is_current then coalesce(duplicates.rows_corrected, 0) end as rows_corrected
    from batches
    left join found on batches.batch_id = found.batch_id
    left join staged on batches.batch_id = staged.batch_id
    left join duplicates on batches.batch_id = duplicates.batch_id

)

select
    *,
    rows_read = rows_accepted + rows_rejected
    and (
        not is_current
        or (rows_found = rows_accepted and rows_accepted = rows_staged + rows_repeated + rows_corrected)
    ) as is_balanced
from joined
