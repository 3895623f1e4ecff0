create or replace temp table caused as
select distinct
    period,
    item_code,
    unit_before is null as has_come,
    unit_after is null as has_gone,
    'restored' as cause,
    'restored' as recorded_cause,
    cast(null as varchar) as batch_id
from changed
