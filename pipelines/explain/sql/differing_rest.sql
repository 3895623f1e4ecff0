-- Units whose items beside those that were counted are not the same in both releases.
with rest as (
    select *
    from sums_after
    union all
    select
        metric,
        period,
        unit_code,
        -numerator,
        -denominator,
        -item_hashes
    from sums_before
    union all
    select
        metric,
        period,
        unit_code,
        -count(*) filter (counts),
        -count(*),
        -sum(hash(item_code, counts))
    from counted_after
    group by metric, period, unit_code
    union all
    select
        metric,
        period,
        unit_code,
        count(*) filter (counts),
        count(*),
        sum(hash(item_code, counts))
    from counted_before
    group by metric, period, unit_code
)

select
    metric,
    period,
    unit_code
from rest
group by metric, period, unit_code
having sum(numerator) <> 0 or sum(denominator) <> 0 or sum(item_hashes) <> 0
