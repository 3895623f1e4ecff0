-- The flows of each period with their sums over units, over sectors and over both, and how long it took:
-- the least number of working days within which half, or nine tenths, of the finished were finished.
with durations as (
    select
        periods.period,
        periods.period_start,
        coalesce(flow.unit_code, 'province') as unit_code,
        coalesce(flow.sector_code, 'all') as sector_code,
        flow.working_days_taken,
        sum(flow.received) as received,
        sum(flow.received_online) as received_online,
        sum(flow.finished) as finished,
        sum(flow.early) as early,
        sum(flow.on_time) as on_time,
        sum(flow.late) as late,
        sum(flow.finished_without_due) as finished_without_due,
        sum(flow.withdrawn) as withdrawn,
        sum(flow.resolved) as resolved,
        sum(flow.resolved_online) as resolved_online
    from {{ ref('int_dossier_flow') }} as flow
    cross join {{ ref('reporting_periods') }} as kinds
    inner join {{ ref('int_periods') }} as periods
        on
            kinds.period = periods.period
            and {{ period_start('kinds.period', 'flow.event_day') }} = periods.period_start
    group by
        grouping sets (
            (periods.period, periods.period_start, flow.working_days_taken, flow.unit_code, flow.sector_code),
            (periods.period, periods.period_start, flow.working_days_taken, flow.unit_code),
            (periods.period, periods.period_start, flow.working_days_taken, flow.sector_code),
            (periods.period, periods.period_start, flow.working_days_taken)
        )
),

ordered as (
    select
        *,
        sum(case when working_days_taken is not null then finished else 0 end) over (
            partition by period, period_start, unit_code, sector_code
            order by working_days_taken nulls last
            rows between unbounded preceding and current row
        ) as finished_within,
        sum(case when working_days_taken is not null then finished else 0 end) over (
            partition by period, period_start, unit_code, sector_code
        ) as finished_timed
    from durations
),

final as (
    select
        period,
        period_start,
        unit_code,
        sector_code,
        cast(sum(received) as bigint) as received,
        cast(sum(received_online) as bigint) as received_online,
        cast(sum(finished) as bigint) as finished,
        cast(sum(early) as bigint) as early,
        cast(sum(on_time) as bigint) as on_time,
        cast(sum(late) as bigint) as late,
        cast(sum(finished_without_due) as bigint) as finished_without_due,
        cast(sum(withdrawn) as bigint) as withdrawn,
        cast(sum(resolved) as bigint) as resolved,
        cast(sum(resolved_online) as bigint) as resolved_online,
        min(case when finished > 0 and 2 * finished_within >= finished_timed then working_days_taken end)
            as median_working_days,
        min(case when finished > 0 and 10 * finished_within >= 9 * finished_timed then working_days_taken end)
            as p90_working_days
    from ordered
    group by period, period_start, unit_code, sector_code
)

select * from final
