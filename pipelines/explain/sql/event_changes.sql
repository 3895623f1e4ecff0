-- A rate that only one of the two releases counts is not compared.
create or replace temp table changed as
with compared as (
    select
        metric,
        period
    from sums_before
    intersect
    select
        metric,
        period
    from sums_after
),

earlier as (
    select *
    from counted_before
    semi join compared using (metric, period)
    where source = $source
),

later as (
    select *
    from counted_after
    semi join compared using (metric, period)
    where source = $source
)

select
    metric,
    period,
    item_code,
    earlier.moment as moment_before,
    later.moment as moment_after,
    earlier.unit_code as unit_before,
    later.unit_code as unit_after,
    earlier.counts as counts_before,
    later.counts as counts_after,
    earlier.begins as begins_before,
    later.begins as begins_after,
    coalesce(later.entry_field, earlier.entry_field) as entry_field,
    coalesce(later.flip, earlier.flip) as flip,
    coalesce(later.is_recorded, earlier.is_recorded) as is_recorded,
    coalesce(later.within, earlier.within) as within
from earlier
full join later using (metric, period, item_code)
where earlier.unit_code is distinct from later.unit_code or earlier.counts is distinct from later.counts
