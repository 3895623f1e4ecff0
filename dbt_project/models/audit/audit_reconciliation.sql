with listed as (
    select
        batch_id,
        count(distinct batch_row) as rows_listed
    from {{ ref('stg_rejections') }}
    group by batch_id
),

joined as (
    select
        batches.source,
        batches.partition_key,
        batches.batch_id,
        batches.is_current,
        batches.rows_read,
        batches.rows_accepted,
        batches.rows_rejected,
        coalesce(listed.rows_listed, 0) as rows_rejected_listed,
        -- Only what counts is staged; reference tables are read whole and have no rows of this kind.
        case when is_staged then coalesce(staged.rows_staged, 0) end as rows_staged,
        case when is_staged then coalesce(staged.rows_repeated, 0) end as rows_repeated,
        case when is_staged then coalesce(staged.rows_corrected, 0) end as rows_corrected,
        is_staged,
        needs_staging
    from (
        select
            *,
            is_current and source in (
                {% for source in canon() %}
                '{{ source }}'{{ ',' if not loop.last }}
                {% endfor %}
            ) as is_staged,
            is_current and left(source, 10) <> 'reference_' as needs_staging
        from {{ ref('stg_batches') }}
    ) as batches
    left join listed on batches.batch_id = listed.batch_id
    left join {{ ref('int_staged_rows') }} as staged
        on
            batches.source = staged.source
            and batches.partition_key = staged.partition_key
            and batches.batch_id = staged.batch_id
)

select
    source,
    partition_key,
    batch_id,
    is_current,
    rows_read,
    rows_accepted,
    rows_rejected,
    rows_rejected_listed,
    rows_staged,
    rows_repeated,
    rows_corrected,
    rows_repeated + rows_corrected as rows_duplicate,
    rows_read = rows_accepted + rows_rejected
    and rows_rejected = rows_rejected_listed
    -- A source whose staging nobody counts is never balanced.
    and (
        not needs_staging
        or (is_staged and rows_accepted = rows_staged + rows_repeated + rows_corrected)
    ) as is_balanced
from joined
