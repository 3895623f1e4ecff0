-- One row per rejected row and rule it broke.
select
    source,
    partition_key,
    batch_id,
    _row as row_number,
    row_key,
    rule,
    column_name,
    bad_value,
    reason_en,
    reason_vi,
    is_current
from {{ source('raw', 'rejections') }}
