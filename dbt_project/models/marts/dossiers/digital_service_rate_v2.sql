-- Three rates of one shape. A flag the source does not have is NULL, not false: such dossiers stand apart.
with by_metric as (
    select
        received_day,
        unit_code,
        'digitisation_rate' as metric,
        received as counted,
        digitisation_flagged as flagged,
        digitised as numerator
    from {{ ref('int_digital_service_days') }}
    union all
    select
        received_day,
        unit_code,
        'online_payment_rate' as metric,
        fee_bearing as counted,
        payment_flagged as flagged,
        paid_online as numerator
    from {{ ref('int_digital_service_days') }}
    union all
    select
        received_day,
        unit_code,
        'full_process_online_rate' as metric,
        eligible_for_full as counted,
        eligible_for_full as flagged,
        full_online as numerator
    from {{ ref('int_digital_service_days') }}
),

summed as (
    select
        periods.period,
        periods.period_start,
        periods.as_of_day,
        periods.period_end,
        by_metric.metric,
        coalesce(by_metric.unit_code, {{ whole() }}) as unit_code,
        cast(sum(by_metric.counted) as bigint) as counted,
        cast(sum(by_metric.flagged) as bigint) as flagged,
        cast(sum(by_metric.numerator) as bigint) as numerator
    from {{ dated('by_metric', 'received_day') }} as by_metric
    inner join {{ ref('int_periods') }} as periods
        on by_metric.dated_period = periods.period and by_metric.dated_start = periods.period_start
    group by
        grouping sets (
            (
                periods.period, periods.period_start, periods.as_of_day, periods.period_end,
                by_metric.metric, by_metric.unit_code
            ),
            (
                periods.period, periods.period_start, periods.as_of_day, periods.period_end,
                by_metric.metric
            )
        )
),

final as (
    select
        summed.as_of_day,
        summed.period,
        summed.unit_code,
        summed.metric,
        'receiving' as unit_role,
        coalesce(units.unit_name, summed.unit_code) as unit_name,
        coalesce(units.unit_level, 'unknown') as unit_level,
        summed.period_start,
        summed.period_end,
        case when summed.flagged > 0 then summed.numerator end as numerator,
        case when summed.flagged > 0 then summed.flagged end as denominator,
        {{ rate('summed.numerator', 'summed.flagged') }} as rate,
        summed.counted - summed.flagged as without_flag,
        case
            when summed.counted = 0 then 'nothing_to_count'
            when summed.flagged = 0 then 'source_has_no_flag'
        end as missing_reason,
        targets.target,
        {{ rate('summed.numerator', 'summed.flagged') }} - targets.target as gap_to_target
    from summed
    left join {{ ref('int_today_units') }} as units on summed.unit_code = units.unit_code
    left join {{ ref('int_targets') }} as targets
        on
            summed.metric = targets.metric
            and coalesce(units.unit_level, 'unknown') = targets.unit_level
            and summed.as_of_day >= targets.valid_from
            and summed.as_of_day < targets.valid_until
)

select * from final
