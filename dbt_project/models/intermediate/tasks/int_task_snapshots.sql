{{ config(materialized='view') }}

with ranked as (
    select
        *,
        row_number() over (
            partition by snapshot_day, {{ canon()['task_tracker'].staged_key | join(', ') }}
            order by updated_at desc nulls last, batch_id desc, batch_row desc
        ) as delivery
    from {{ ref('stg_task_tracker') }}
)

select {{ star_without('ranked', ['delivery']) }}
from ranked
where ranked.delivery = 1
