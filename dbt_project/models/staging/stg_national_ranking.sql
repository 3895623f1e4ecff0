-- One row per capture and province.
select
    captured_at,
    province_code,
    province_name,
    received_total,
    online_total,
    batch_id,
    _row
from {{ source('raw', 'national_ranking') }}
qualify row_number() over (
    partition by captured_at, province_code order by partition_key desc, batch_id desc, _row desc
) = 1
