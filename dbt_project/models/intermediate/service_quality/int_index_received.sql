-- Items of what was received in a period (3.3, 3.6, 4.1, 4.2), day by day first: days add up to periods.
with dossiers as (
    select * from {{ ref('int_index_dossiers') }}
),

daily as (
    select
        '3.3' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('is_strictly_online') }}
    from dossiers
    group by received_day, receiving_unit_code
    union all
    select
        '3.6' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('is_paid_online') }}
    from dossiers
    where has_fee
    group by received_day, receiving_unit_code
    union all
    select
        '4.1' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('has_required_result') }}
    from dossiers
    where needs_result
    group by received_day, receiving_unit_code
    union all
    select
        '4.2' as item,
        received_day,
        receiving_unit_code as unit_code,
        {{ item_counts('is_digitised_in_full') }}
    from dossiers
    group by received_day, receiving_unit_code
)

select
    periods.period,
    periods.period_start,
    daily.item,
    coalesce(daily.unit_code, {{ whole() }}) as unit_code,
    sum(daily.numerator) as numerator,
    sum(daily.denominator) as denominator,
    sum(daily.lost) as lost,
    sum(daily.without_data) as without_data
from {{ dated('daily', 'received_day') }} as daily
inner join {{ ref('int_index_periods') }} as periods
    on daily.dated_period = periods.period and daily.dated_start = periods.period_start
group by
    grouping sets (
        (periods.period, periods.period_start, daily.item, daily.unit_code),
        (periods.period, periods.period_start, daily.item)
    )
