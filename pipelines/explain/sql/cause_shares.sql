select
    metric,
    period,
    cause,
    field,
    $sign * cast(sum(numerator_change) as bigint) as numerator_change,
    $sign * cast(sum(denominator_change) as bigint) as denominator_change,
    count(distinct item_code) as items,
    coalesce(list(distinct batch_id order by batch_id) filter (batch_id is not null), []) as batches,
    {{ "list(distinct item_code order by item_code)" if with_items else "cast([] as varchar[])" }} as item_codes
from {{ lake }}.audit.release_movements
where release_id > $low and release_id <= $high and ($unit = $whole or unit_code = $unit)
group by metric, period, cause, field
having sum(numerator_change) <> 0 or sum(denominator_change) <> 0
order by abs(sum(denominator_change)) desc, abs(sum(numerator_change)) desc, cause, field
