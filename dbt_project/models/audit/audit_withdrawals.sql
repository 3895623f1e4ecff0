select
    event_id,
    event,
    source,
    partition_key,
    batch_id,
    author,
    reason,
    happened_at
from {{ ref('stg_withdrawals') }}
