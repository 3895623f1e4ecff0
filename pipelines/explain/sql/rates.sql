-- The whole place and every unit of it.
select
    metric,
    period,
    case when grouping(unit_code) = 1 then '{{ whole }}' else unit_code end as unit_code,
    cast(sum(numerator) as bigint) as numerator,
    cast(sum(denominator) as bigint) as denominator
from sums_after
group by grouping sets ((metric, period, unit_code), (metric, period))
