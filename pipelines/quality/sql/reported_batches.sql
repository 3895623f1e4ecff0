create or replace temp table reported_batches as
select
    source,
    batch_id,
    withdrawn as is_withdrawn,
    coalesce(
        batch_id = arg_max(batch_id, (partition_key, batch_id)) filter (where not blocked and not withdrawn)
            over (partition by source, delivery),
        false
    ) as is_current,
    arg_max(batch_id, (partition_key, batch_id)) filter (where not blocked and not withdrawn)
        over (partition by source, scope) as scope_batch
from incoming
