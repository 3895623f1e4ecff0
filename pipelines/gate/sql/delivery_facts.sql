with counting as (
    select
        *,
        rows_accepted > 0 or list_contains($may_be_empty, source) as is_delivery
    from {{ batches }}
    where is_current and list_contains($sources, source)
),

newest as (
    select *
    from counting
    where is_delivery
    qualify row_number() over (partition by source order by partition_key desc) = 1
),

empty_days as (
    select
        counting.source,
        count(*) as days,
        list(cast(counting.partition_key as varchar) order by counting.partition_key) as details
    from counting
    left join newest on counting.source = newest.source
    where not counting.is_delivery and (newest.source is null or counting.partition_key > newest.partition_key)
    group by counting.source
),

late as (
    select
        source,
        greatest(date_diff('day', partition_key, cast($as_of as date)) - map_extract_value(map($names, $ages), source), 0)
            as days,
        partition_key
    from newest
    where map_extract_value(map($names, $ages), source) is not null
)

select
    'rows' as fact,
    source as scope,
    rows_read as value,
    rows_read as weight,
    cast([] as varchar []) as details
from newest
union all
select
    'rejected_share',
    source,
    rows_rejected / rows_read,
    rows_rejected,
    []
from newest
where rows_read > 0
union all
select
    'flagged_share',
    newest.source || '.' || checks.rule,
    checks.unexpected / checks.evaluated,
    checks.unexpected,
    [cast(newest.partition_key as varchar)]
from newest
inner join {{ checks }} as checks on newest.source = checks.source and newest.batch_id = checks.batch_id
where checks.scope = 'row' and checks.severity <> 'info' and checks.evaluated > 0
union all
select
    'days_empty',
    source,
    days,
    days,
    details
from empty_days
union all
select
    'days_late',
    source,
    days,
    days,
    [cast(partition_key as varchar)]
from late
union all
select
    'never_delivered',
    expected.source,
    1,
    1,
    []
from (select unnest($sources) as source) as expected
where expected.source not in (select counting.source from counting)
order by all
