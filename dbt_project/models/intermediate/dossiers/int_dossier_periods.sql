-- The flows of each period with their sums over units, over sectors and over both, and how long it took:
-- the least number of working days within which half, or nine tenths, of the finished were finished.
{%- set counts = [
    'received', 'received_online', 'finished', 'early', 'on_time', 'late', 'finished_without_due', 'withdrawn',
    'resolved', 'resolved_online'
] %}
with durations as (
    select
        periods.period,
        periods.period_start,
        coalesce(flow.unit_code, {{ whole() }}) as unit_code,
        coalesce(flow.sector_code, 'all') as sector_code,
        {% for count in counts %}
        sum(flow.{{ count }}) as {{ count }},
        {% endfor %}
        flow.working_days_taken
    from {{ ref('int_dossier_durations') }} as flow
    inner join {{ ref('int_periods') }} as periods
        on flow.period = periods.period and flow.period_start = periods.period_start
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
        {% for count in counts %}
        cast(sum({{ count }}) as bigint) as {{ count }},
        {% endfor %}
        min(case when finished > 0 and 2 * finished_within >= finished_timed then working_days_taken end)
            as median_working_days,
        min(case when finished > 0 and 10 * finished_within >= 9 * finished_timed then working_days_taken end)
            as p90_working_days
    from ordered
    group by period, period_start, unit_code, sector_code
)

select * from final
