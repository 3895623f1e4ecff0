-- The whole place and every unit of it.
select
    metric,
    period,
    case when grouping(unit_code) = 1 then '{{ whole }}' else unit_code end as unit_code,
    count(*) filter (counts) as numerator,
    count(*) as denominator
from counted_after
group by grouping sets ((metric, period, unit_code), (metric, period))
