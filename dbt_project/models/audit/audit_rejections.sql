select distinct
    source,
    partition_key,
    batch_id,
    batch_row as _row,
    rule,
    column_name,
    row_key,
    bad_value,
    reason_en,
    reason_vi,
    is_current
from {{ ref('stg_rejections') }}
