with periods as (
    select * from {{ ref('int_periods') }}
),

compared as (
    select
        flow.*,
        {{ rate('flow.resolved_online', 'flow.resolved') }} as rate,
        lag(periods.as_of_day) over so_far as previous_as_of_day,
        lag({{ rate('flow.resolved_online', 'flow.resolved') }}) over so_far as previous_rate,
        periods.as_of_day,
        periods.period_end
    from {{ ref('int_dossier_periods') }} as flow
    inner join periods on flow.period = periods.period and flow.period_start = periods.period_start
    where flow.resolved > 0
    window so_far as (partition by flow.period, flow.unit_code, flow.sector_code order by flow.period_start nulls last)
),

final as (
    select
        compared.as_of_day,
        compared.period,
        compared.unit_code,
        compared.sector_code,
        'processing' as unit_role,
        coalesce(units.unit_name, compared.unit_code) as unit_name,
        coalesce(units.unit_level, 'unknown') as unit_level,
        coalesce(sectors.sector_name, compared.sector_code) as sector_name,
        compared.period_start,
        compared.period_end,
        compared.resolved_online as numerator,
        compared.resolved as denominator,
        compared.rate,
        -- Only the period just before is compared: a gap is no neighbour.
        case
            when compared.previous_as_of_day = compared.period_start - 1
                then compared.rate - compared.previous_rate
        end as change_since_period_before
    from compared
    left join {{ ref('int_today_units') }} as units on compared.unit_code = units.unit_code
    left join {{ ref('int_sectors') }} as sectors on compared.sector_code = sectors.sector_code
)

select * from final
