create or replace temp table rejected_since as
select distinct
    later.partition_key,
    later.batch_id,
    later._row
from {{ rejections_after }} as later
anti join {{ rejections_before }} as earlier on later.batch_id = earlier.batch_id and later._row = earlier._row
where
    later.source = $source
    and later.is_current
    and later.batch_id in (select batches_before.batch_id from batches_before)
