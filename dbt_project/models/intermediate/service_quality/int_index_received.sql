-- Items of what was received in a period (3.3, 3.6, 4.1, 4.2): its days added up.
select
    periods.period,
    periods.period_start,
    daily.item,
    coalesce(daily.unit_code, {{ whole() }}) as unit_code,
    sum(daily.numerator) as numerator,
    sum(daily.denominator) as denominator,
    sum(daily.lost) as lost,
    sum(daily.without_data) as without_data
from {{ dated(ref('int_index_received_days'), 'received_day') }} as daily
inner join {{ ref('int_index_periods') }} as periods
    on daily.dated_period = periods.period and daily.dated_start = periods.period_start
group by
    grouping sets (
        (periods.period, periods.period_start, daily.item, daily.unit_code),
        (periods.period, periods.period_start, daily.item)
    )
