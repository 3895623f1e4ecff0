insert into changed_items by name
with batches as (
    select
        partition_key,
        earlier.batch_id as batch_before,
        later.batch_id as batch_after
    from (select * from {{ batches_before }} where source = $source and is_current) as earlier
    full join (select * from {{ batches_after }} where source = $source and is_current) as later
        using (partition_key)
),

rejected_before as (
    select distinct
        batch_id,
        _row
    from {{ rejections_before }}
    where source = $source
),

rejected_after as (
    select distinct
        batch_id,
        _row
    from {{ rejections_after }}
    where source = $source
),

other_verdicts as (
    select differing.batch_id
    from (
        (select * from rejected_before except select * from rejected_after)
        union all
        (select * from rejected_after except select * from rejected_before)
    ) as differing
    inner join batches on differing.batch_id = batches.batch_before and differing.batch_id = batches.batch_after
),

orders as (
    select
        max(partition_key) filter (cause = 'batch_restored') as restored_day,
        max(partition_key) filter (cause = 'batch_withdrawn') as withdrawn_day,
        max_by(batch_id, partition_key) filter (cause = 'batch_restored') as restored_batch,
        max_by(batch_id, partition_key) filter (cause = 'batch_withdrawn') as withdrawn_batch
    from withdrawals
    where source = $source
),

arrived as (
    select
        max(partition_key) filter (batch_before is not null) as newest_before,
        max(partition_key) filter (batch_after is not null) as newest_after,
        max_by(batch_after, partition_key) as batch_id,
        bool_or(batch_before <> batch_after or batch_after is null) as has_other,
        bool_or(batch_before is null) as has_more
    from batches
),

moved as (
    select
        metric,
        period,
        item_code,
        earlier.unit_code as unit_before,
        earlier.counts as counts_before,
        later.unit_code as unit_after,
        later.counts as counts_after,
        case
            when earlier.watched is distinct from later.watched
                then coalesce(later.watched_column, earlier.watched_column)
            else coalesce(later.flip, earlier.flip)
        end as flip
    from (select * from counted_before where source = $source) as earlier
    full join (select * from counted_after where source = $source) as later using (metric, period, item_code)
    where earlier.unit_code is distinct from later.unit_code or earlier.counts is distinct from later.counts
)

select
    moved.*,
    case
        when $is_restored then 'restored'
        when orders.restored_day = arrived.newest_after then 'batch_restored'
        when arrived.newest_after > arrived.newest_before and arrived.newest_after > $previous_day
            then 'new_in_period'
        when arrived.newest_after > arrived.newest_before then 'late_arrival'
        when orders.withdrawn_day is not null then 'batch_withdrawn'
        when orders.restored_day is not null then 'batch_restored'
        when arrived.has_other then 'pulled_again'
        when arrived.has_more then 'late_arrival'
        when exists (select 1 from other_verdicts)
            then case when moved.unit_after is null then 'rejection_in' else 'rejection_out' end
        when $has_time_passed then $of_time
        else $other
    end as cause,
    case
        when arrived.newest_after > arrived.newest_before and orders.restored_day is distinct from arrived.newest_after
            then arrived.batch_id
        when orders.withdrawn_batch is not null or orders.restored_batch is not null
            then coalesce(orders.withdrawn_batch, orders.restored_batch)
        when arrived.has_other or arrived.has_more then arrived.batch_id
    end as batch_id
from moved
cross join arrived
cross join orders
