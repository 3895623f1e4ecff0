select
    batch_id,
    row_number,
    rule,
    source,
    partition_key,
    row_key,
    column_name,
    bad_value,
    reason_en,
    reason_vi,
    is_current
from {{ ref('stg_rejections') }}
