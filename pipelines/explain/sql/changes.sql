insert into changes by name
with summed as (
    select
        metric,
        period,
        case when grouping(unit_code) = 1 then '{{ whole }}' else unit_code end as unit_code,
        cause,
        field,
        cast(sum(numerator_change) as bigint) as numerator_change,
        cast(sum(denominator_change) as bigint) as denominator_change,
        count(distinct item_code) as dossiers
    from movements
    group by grouping sets ((metric, period, unit_code, cause, field), (metric, period, cause, field))
)

select
    summed.*,
    (summed.numerator_change - earlier.numerator / nullif(earlier.denominator, 0) * summed.denominator_change)
    / nullif(later.denominator, 0) as rate_change
from summed
left join {{ rates_before }} as earlier using (metric, period, unit_code)
left join rates as later using (metric, period, unit_code)
where summed.numerator_change <> 0 or summed.denominator_change <> 0
