-- The deltas of each period, cumulated over a full grid of as-of day × unit × period: a unit without
-- dossiers has a row with zeros, so that the day and the week before are always the row before.
with run as (
    select * from {{ ref('int_as_of') }}
),

days as (
    select calendar.date_day as as_of_day
    from {{ ref('int_calendar') }} as calendar
    inner join run on calendar.date_day <= run.as_of_day
    where calendar.date_day >= {{ counts_since() }}
),

periods as (
    select period from {{ ref('reporting_periods') }}
),

today_units as (
    select
        unit_code,
        unit_name,
        unit_level
    from {{ ref('int_units') }}
    where is_current
),

units as (
    select * from today_units
    union all
    -- A code the reference does not know keeps its dossiers in the total, under its own name.
    select distinct
        deltas.unit_code,
        case when deltas.unit_code = 'unknown' then 'Không rõ đơn vị' else deltas.unit_code end as unit_name,
        'unknown' as unit_level
    from {{ ref('int_submission_deltas') }} as deltas
    where deltas.unit_code not in (select today_units.unit_code from today_units)
),

-- What changed before the first as-of day was already so on that day.
deltas as (
    select
        periods.period,
        greatest(changes.change_day, {{ counts_since() }}) as change_day,
        changes.received_day,
        changes.unit_code,
        changes.received,
        changes.online,
        changes.postal,
        changes.strictly_online,
        changes.late_arrivals
    from {{ ref('int_submission_deltas') }} as changes
    cross join periods
),

-- A delta matters while its period runs: both days lie in the same one.
in_period as (
    select
        period,
        unit_code,
        change_day,
        sum(received) as received,
        sum(online) as online,
        sum(postal) as postal,
        sum(strictly_online) as strictly_online,
        sum(late_arrivals) as late_arrivals
    from deltas
    where {{ period_start('period', 'received_day') }} = {{ period_start('period', 'change_day') }}
    group by period, unit_code, change_day
),

grid as (
    select
        days.as_of_day,
        periods.period,
        {{ period_start('periods.period', 'days.as_of_day') }} as period_start,
        units.unit_code,
        units.unit_name,
        units.unit_level
    from days
    cross join periods
    cross join units
),

running as (
    select
        grid.*,
        cast(coalesce(sum(in_period.received) over so_far, 0) as bigint) as received,
        cast(coalesce(sum(in_period.online) over so_far, 0) as bigint) as online,
        cast(coalesce(sum(in_period.postal) over so_far, 0) as bigint) as postal,
        cast(coalesce(sum(in_period.strictly_online) over so_far, 0) as bigint) as strictly_online,
        cast(coalesce(sum(in_period.late_arrivals) over so_far, 0) as bigint) as late_arrivals
    from grid
    left join in_period
        on
            grid.period = in_period.period
            and grid.unit_code = in_period.unit_code
            and grid.as_of_day = in_period.change_day
    window so_far as (
        partition by grid.unit_code, grid.period, grid.period_start
        order by grid.as_of_day nulls last
        rows between unbounded preceding and current row
    )
),

province as (
    select
        as_of_day,
        period,
        period_start,
        {{ whole() }} as unit_code,
        (select run.whole_name_vi from run) as unit_name,
        {{ whole() }} as unit_level,
        cast(sum(received) as bigint) as received,
        cast(sum(online) as bigint) as online,
        cast(sum(postal) as bigint) as postal,
        cast(sum(strictly_online) as bigint) as strictly_online,
        cast(sum(late_arrivals) as bigint) as late_arrivals
    from running
    group by as_of_day, period, period_start
),

final as (
    select * from running
    union all
    select * from province
)

select
    final.as_of_day,
    least({{ end_of_day('final.as_of_day') }}, run.as_of) as as_of,
    final.unit_code,
    final.unit_name,
    final.unit_level,
    final.period,
    final.period_start,
    final.received,
    final.online,
    final.postal,
    final.strictly_online,
    final.late_arrivals
from final
cross join run
