select distinct
    source,
    partition_key,
    batch_id,
    batch_row as _row,
    rule,
    column_name,
    row_key,
    unit_code,
    bad_value,
    reason_en,
    reason_vi,
    is_current,
    first_seen_batch,
    last_seen_batch,
    resolved_by_batch
from {{ ref('stg_rejections') }}
