-- A delivery is in force until the next one comes; blocked batches are none.
select
    batches.source,
    batches.partition_key as delivery_day,
    lead(batches.partition_key) over (partition by batches.source order by batches.partition_key nulls last)
        as next_delivery_day,
    min(batches.partition_key) over (partition by batches.source) as begins_on
from {{ ref('stg_batches') }} as batches
inner join {{ ref('int_as_of') }} as run on batches.partition_key <= run.as_of_day
where
    batches.is_current and batches.is_accepted
    and batches.source in (select rules.source from {{ ref('int_reporting_rules') }} as rules)
