-- Items of what was received or handled in a period (2.1, 2.2, 5.4), of each unit and of all.
with summed as (
    select
        period,
        period_start,
        coalesce(responsible_unit_code, {{ whole() }}) as unit_code,
        cast(sum(numerator) as bigint) as numerator,
        cast(sum(denominator) as bigint) as denominator,
        cast(sum(lost) as bigint) as lost,
        cast(sum(without_data) as bigint) as without_data,
        cast(sum(complained) as bigint) as complained,
        cast(sum(lost_or_complained) as bigint) as lost_or_complained,
        cast(sum(finished) as bigint) as finished,
        cast(sum(days_taken) as bigint) as days_taken
    from {{ ref('int_index_handled_counts') }}
    group by
        grouping sets ((period, period_start, responsible_unit_code), (period, period_start))
)

select
    period,
    period_start,
    '2.1' as item,
    unit_code,
    numerator,
    denominator,
    lost,
    without_data
from summed
union all
select
    period,
    period_start,
    '2.2' as item,
    unit_code,
    days_taken as numerator,
    finished as denominator,
    0 as lost,
    0 as without_data
from summed
union all
-- 100 % less the late and less those with a complaint: one that is both is taken off twice, as the formula has it.
select
    period,
    period_start,
    '5.4' as item,
    unit_code,
    greatest(numerator - complained, 0) as numerator,
    denominator,
    lost_or_complained as lost,
    without_data
from summed
