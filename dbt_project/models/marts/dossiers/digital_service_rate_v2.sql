-- Three rates of one shape. A flag the source does not have is NULL, not false: such dossiers stand apart.
with dossiers as (
    select
        register.received_at,
        register.receiving_unit_code as unit_code,
        register.is_online,
        register.paid_online,
        register.is_digitised and register.has_e_result as is_digitised_with_result,
        coalesce(procedures.has_fee, false) as has_fee,
        coalesce(procedures.service_level, register.service_level, 'unknown') = 'full' as is_eligible_for_full
    from {{ ref('dossier_register', v=1) }} as register
    inner join {{ ref('int_as_of') }} as run on register.received_at <= run.as_of
    left join {{ ref('int_procedures') }} as procedures on register.procedure_code = procedures.procedure_code
),

daily as (
    select
        cast(received_at as date) as received_day,
        unit_code,
        count(*) as received,
        {{ count_if('is_digitised_with_result is not null') }} as digitisation_flagged,
        {{ count_if('is_digitised_with_result') }} as digitised,
        {{ count_if('has_fee') }} as fee_bearing,
        {{ count_if('has_fee and paid_online is not null') }} as payment_flagged,
        {{ count_if('has_fee and paid_online') }} as paid_online,
        {{ count_if('is_eligible_for_full') }} as eligible_for_full,
        {{ count_if('is_eligible_for_full and is_online') }} as full_online
    from dossiers
    group by cast(received_at as date), unit_code
),

by_metric as (
    select
        received_day,
        unit_code,
        'digitisation_rate' as metric,
        received as counted,
        digitisation_flagged as flagged,
        digitised as numerator
    from daily
    union all
    select
        received_day,
        unit_code,
        'online_payment_rate' as metric,
        fee_bearing as counted,
        payment_flagged as flagged,
        paid_online as numerator
    from daily
    union all
    select
        received_day,
        unit_code,
        'full_process_online_rate' as metric,
        eligible_for_full as counted,
        eligible_for_full as flagged,
        full_online as numerator
    from daily
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
