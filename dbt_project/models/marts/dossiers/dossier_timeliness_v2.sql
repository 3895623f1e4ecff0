with periods as (
    select * from {{ ref('int_periods') }}
),

flow as (
    select
        flow.*,
        periods.as_of_day
    from {{ ref('int_dossier_periods') }} as flow
    inner join periods on flow.period = periods.period and flow.period_start = periods.period_start
),

backlog as (
    select
        periods.period,
        periods.period_start,
        periods.as_of_day,
        coalesce(backlog.unit_code, {{ whole() }}) as unit_code,
        coalesce(backlog.sector_code, 'all') as sector_code,
        sum(backlog.open_total) as open_total,
        sum(backlog.open_overdue) as open_overdue,
        sum(backlog.open_paused) as open_paused
    from {{ ref('int_dossier_backlog') }} as backlog
    inner join periods on backlog.as_of_day = periods.as_of_day
    group by
        grouping sets (
            (periods.period, periods.period_start, periods.as_of_day, backlog.unit_code, backlog.sector_code),
            (periods.period, periods.period_start, periods.as_of_day, backlog.unit_code),
            (periods.period, periods.period_start, periods.as_of_day, backlog.sector_code),
            (periods.period, periods.period_start, periods.as_of_day)
        )
),

joined as (
    select
        coalesce(flow.as_of_day, backlog.as_of_day) as as_of_day,
        coalesce(flow.period, backlog.period) as period,
        coalesce(flow.period_start, backlog.period_start) as period_start,
        coalesce(flow.unit_code, backlog.unit_code) as unit_code,
        coalesce(flow.sector_code, backlog.sector_code) as sector_code,
        coalesce(flow.received, 0) as received,
        coalesce(flow.finished, 0) as finished,
        coalesce(flow.early, 0) as early,
        coalesce(flow.on_time, 0) as on_time,
        coalesce(flow.late, 0) as late,
        coalesce(flow.finished_without_due, 0) as finished_without_due,
        flow.median_working_days,
        flow.p90_working_days,
        cast(coalesce(backlog.open_total, 0) as bigint) as open_total,
        cast(coalesce(backlog.open_overdue, 0) as bigint) as open_overdue,
        cast(coalesce(backlog.open_paused, 0) as bigint) as open_paused
    from flow
    full outer join backlog
        on
            flow.period = backlog.period
            and flow.period_start = backlog.period_start
            and flow.unit_code = backlog.unit_code
            and flow.sector_code = backlog.sector_code
),

final as (
    select
        joined.as_of_day,
        joined.period,
        joined.unit_code,
        joined.sector_code,
        'processing' as unit_role,
        coalesce(units.unit_name, joined.unit_code) as unit_name,
        coalesce(units.unit_level, 'unknown') as unit_level,
        coalesce(sectors.sector_name, joined.sector_code) as sector_name,
        joined.period_start,
        periods.period_end,
        joined.received,
        joined.finished,
        joined.early,
        joined.on_time,
        joined.late,
        joined.finished_without_due,
        {{ rate('joined.early + joined.on_time', 'joined.finished') }} as on_time_rate,
        joined.median_working_days,
        joined.p90_working_days,
        joined.open_total,
        joined.open_total - joined.open_overdue as open_in_term,
        joined.open_overdue,
        joined.open_paused
    from joined
    inner join periods on joined.period = periods.period and joined.period_start = periods.period_start
    left join {{ ref('int_today_units') }} as units on joined.unit_code = units.unit_code
    left join {{ ref('int_sectors') }} as sectors on joined.sector_code = sectors.sector_code
)

select * from final
