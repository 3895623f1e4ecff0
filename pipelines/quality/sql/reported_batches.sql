create or replace temp table reported_batches as
select
    source,
    batch_id,
    is_withdrawn,
    is_current,
    arg_max(batch_id, (partition_key, batch_id)) filter (where is_current)
        over (partition by source, scope) as scope_batch
from incoming
