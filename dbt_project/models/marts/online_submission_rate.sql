-- Counts of a period as known at the end of each day: changes are cumulated by the day they were
-- recorded, within the period they belong to. `unit_code` is the receiving unit.
with changes as (

    select
        greatest(recorded_day, received_day) as effective_day,
        received_day,
        unit_code,
        received,
        online,
        online_strict
    from {{ ref('int_received_changes') }}

    union all

    select
        greatest(recorded_day, received_day),
        received_day,
        '{{ var("province_unit_code") }}',
        received,
        online,
        online_strict
    from {{ ref('int_received_changes') }}

),

periods as (

    select period from {{ ref('periods') }}

),

units as (

    select date_day, unit_code, unit_name, unit_level from {{ ref('int_units_by_day') }}

    union all

    select distinct
        date_day,
        '{{ var("province_unit_code") }}',
        '{{ var("province_name") }}',
        'province'
    from {{ ref('int_units_by_day') }}

),

grid as (

    select
        units.date_day as as_of_day,
        units.unit_code,
        units.unit_name,
        units.unit_level,
        periods.period,
        {{ period_start('periods.period', 'units.date_day') }} as period_start
    from units
    cross join periods

),

daily as (

    select
        changes.unit_code,
        periods.period,
        {{ period_start('periods.period', 'changes.received_day') }} as period_start,
        changes.effective_day,
        sum(changes.received) as received,
        sum(changes.online) as online,
        sum(changes.online_strict) as online_strict
    from changes
    cross join periods
    where changes.received_day >= date '{{ var("period_start") }}' or periods.period <> 'since_2025_07_01'
    group by all

),

-- changes recorded before the first as-of day of a period (June, for the year) still count in it
placed as (

    select
        daily.unit_code,
        daily.period,
        daily.period_start,
        greatest(daily.effective_day, date '{{ var("period_start") }}') as as_of_day,
        sum(daily.received) as received,
        sum(daily.online) as online,
        sum(daily.online_strict) as online_strict
    from daily
    group by all

),

cumulated as (

    select
        grid.*,
        cast(coalesce(sum(placed.received) over running, 0) as bigint) as denominator,
        cast(coalesce(sum(placed.online) over running, 0) as bigint) as numerator,
        cast(coalesce(sum(placed.online_strict) over running, 0) as bigint) as strict_numerator
    from grid
    left join placed
        on
            grid.unit_code = placed.unit_code
            and grid.period = placed.period
            and grid.period_start = placed.period_start
            and grid.as_of_day = placed.as_of_day
    window running as (
        partition by grid.unit_code, grid.period, grid.period_start order by grid.as_of_day
    )

),

rated as (

    select
        *,
        {{ rate('numerator', 'denominator') }} as rate,
        {{ rate('strict_numerator', 'denominator') }} as strict_rate,
        max(case when period = 'since_2025_07_01' then denominator end) over (
            partition by as_of_day, unit_code
        ) as volume
    from cumulated

),

peers as (

    select
        as_of_day,
        unit_code,
        ntile(3) over (partition by as_of_day, unit_level order by volume, unit_code) as peer_group
    from rated
    where period = 'since_2025_07_01'

),

ranked as (

    select
        rated.*,
        cast(peers.peer_group as integer) as peer_group,
        case
            when rated.rate is not null and rated.unit_level <> 'province'
                then rank() over (
                    partition by rated.as_of_day, rated.period, rated.unit_level
                    order by rated.rate desc nulls last
                )
        end as rank_in_level,
        case
            when rated.rate is not null and rated.unit_level <> 'province'
                then rank() over (
                    partition by rated.as_of_day, rated.period, rated.unit_level, peers.peer_group
                    order by rated.rate desc nulls last
                )
        end as rank_among_peers
    from rated
    inner join peers on rated.as_of_day = peers.as_of_day and rated.unit_code = peers.unit_code

)

select
    as_of_day,
    unit_code,
    unit_name,
    unit_level,
    period,
    period_start,
    as_of_day as period_end,
    numerator,
    denominator,
    rate,
    strict_numerator,
    strict_rate,
    cast(rank_in_level as integer) as rank_in_level,
    peer_group,
    cast(rank_among_peers as integer) as rank_among_peers,
    rate - lag(rate, 1) over history as change_from_day_before,
    rate - lag(rate, 7) over history as change_from_week_before
from ranked
window history as (partition by unit_code, period order by as_of_day)
