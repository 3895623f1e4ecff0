insert into {{ table }} by name
select
    metric,
    period,
    unit_code,
    count(*) filter (counts) as numerator,
    count(*) as denominator,
    sum(hash(item_code, counts)) as item_hashes
from ({{ items }}) as items
group by metric, period, unit_code
