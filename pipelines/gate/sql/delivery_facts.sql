with counting as (
    select *
    from {{ batches }}
    where is_current and list_contains($sources, source)
),

examined as (
    select
        counting.*,
        entry.is_newest
    from (
        select unnest(cast($examined as struct(source varchar, batch_id varchar, is_newest boolean)[])) as entry
    ) as listed
    inner join counting on counting.source = entry.source and counting.batch_id = entry.batch_id
),

newest as (
    select *
    from examined
    where is_newest
),

empty_days as (
    select
        counting.source,
        count(*) as days,
        list(cast(counting.partition_key as varchar) order by counting.partition_key) as details
    from counting
    left join newest on counting.source = newest.source
    where
        counting.rows_accepted = 0
        and (newest.source is null or counting.partition_key > newest.partition_key)
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
),

of_rules as (
    select
        examined.*,
        checks.source || '.' || checks.rule as scope,
        checks.severity,
        checks.unexpected,
        checks.evaluated
    from examined
    inner join {{ checks }} as checks on examined.source = checks.source and examined.batch_id = checks.batch_id
    where checks.scope = 'row' and checks.severity <> 'info' and checks.evaluated > 0
),

of_deliveries as (
    select
        examined.*,
        checks.rule,
        checks.unexpected,
        checks.observed,
        checks.reason_en,
        checks.reason_vi
    from examined
    inner join {{ checks }} as checks on examined.source = checks.source and examined.batch_id = checks.batch_id
    where
        checks.scope = 'batch'
        and checks.severity = 'warning'
        and checks.observed is not null
        -- Volumes, and days without rows, have rules of their own.
        and checks.column_name not in ('volume_ratio', 'rows')
),

facts as (
    select
        'rows' as fact,
        source as scope,
        rows_read as value,
        rows_read as weight,
        partition_key,
        is_newest
    from newest
    union all
    select
        'rejected_share',
        source,
        rows_rejected / rows_read,
        rows_rejected,
        partition_key,
        is_newest
    from examined
    where rows_read > 0
    union all
    select
        'rejected_share',
        scope,
        unexpected / evaluated,
        unexpected,
        partition_key,
        is_newest
    from of_rules
    where severity = 'critical'
    union all
    select
        'flagged_share',
        scope,
        unexpected / evaluated,
        unexpected,
        partition_key,
        is_newest
    from of_rules
)

select
    fact,
    scope,
    value,
    weight,
    cast([] as varchar []) as details,
    [cast(partition_key as varchar)] as days,
    is_newest,
    cast([] as varchar []) as details_vi
from facts
union all
select
    'delivery_flagged',
    source || '.' || rule,
    unexpected,
    unexpected,
    [cast(round(observed) as bigint) || ': ' || reason_en],
    [cast(partition_key as varchar)],
    is_newest,
    [cast(round(observed) as bigint) || ': ' || reason_vi]
from of_deliveries
union all
select
    'days_empty',
    source,
    days,
    days,
    details,
    [],
    true,
    []
from empty_days
union all
select
    'days_late',
    source,
    days,
    days,
    [cast(partition_key as varchar)],
    [],
    true,
    []
from late
union all
select
    'never_delivered',
    expected.source,
    1,
    1,
    [],
    [],
    true,
    []
from (select unnest($sources) as source) as expected
where expected.source not in (select counting.source from counting)
order by all
