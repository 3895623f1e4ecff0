-- Rates whose parts do not add up to the whole: none, or nothing is published.
with whole as (
    select
        metric,
        period,
        unit_code,
        coalesce(later.numerator, 0) - coalesce(earlier.numerator, 0) as numerator_change,
        coalesce(later.denominator, 0) - coalesce(earlier.denominator, 0) as denominator_change
    from rates as later
    full join {{ rates_before }} as earlier using (metric, period, unit_code)
    semi join compared using (metric, period)
),

parts as (
    select
        metric,
        period,
        unit_code,
        sum(numerator_change) as numerator_change,
        sum(denominator_change) as denominator_change
    from changes
    group by metric, period, unit_code
)

select
    metric,
    period,
    unit_code,
    whole.numerator_change as numerator_of_whole,
    parts.numerator_change as numerator_of_parts,
    whole.denominator_change as denominator_of_whole,
    parts.denominator_change as denominator_of_parts
from whole
full join parts using (metric, period, unit_code)
where
    coalesce(whole.numerator_change, 0) <> coalesce(parts.numerator_change, 0)
    or coalesce(whole.denominator_change, 0) <> coalesce(parts.denominator_change, 0)
