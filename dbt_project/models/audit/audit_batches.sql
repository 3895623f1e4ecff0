select
    source,
    partition_key,
    batch_id,
    is_current,
    is_accepted,
    rows_read,
    rows_accepted,
    rows_rejected,
    sha256,
    schema_fingerprint,
    origin,
    pulled_at,
    run_id,
    standing
from {{ ref('stg_batches') }}
