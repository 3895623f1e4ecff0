-- Size peers: terciles of a level by dossiers received since two-tier government began, as known on that day,
-- so that an as-of day keeps its groups when later days shift the volumes.
with counts as (
    select * from {{ ref('int_submission_counts') }}
),

sizes as (
    select
        as_of_day,
        unit_code,
        ntile(3) over (partition by as_of_day, unit_level order by received desc, unit_code asc) as tercile
    from counts
    where period = 'since_2025_07_01' and unit_level in ('commune', 'department')
),

rates as (
    select
        counts.*,
        case sizes.tercile when 1 then 'large' when 2 then 'medium' when 3 then 'small' end as size_peers,
        {{ rate('counts.online', 'counts.received') }} as rate,
        {{ rate('counts.strictly_online', 'counts.received') }} as strict_rate
    from counts
    left join sizes on counts.as_of_day = sizes.as_of_day and counts.unit_code = sizes.unit_code
),

-- The grid is dense: the row before is the day before, the seventh before is the week before.
compared as (
    select
        *,
        rate - lag(rate, 1) over by_day as change_since_day_before,
        rate - lag(rate, 7) over by_day as change_since_week_before,
        -- Equal rates share the better rank; no dossiers, no rank. Only peers of one level are compared.
        case when rate is not null and size_peers is not null then rank() over among_level end as rank_in_level,
        case when size_peers is not null then count(rate) over all_in_level end as ranked_in_level,
        case when rate is not null and size_peers is not null then rank() over among_peers end as rank_in_size_peers,
        case when size_peers is not null then count(rate) over all_in_peers end as ranked_in_size_peers
    from rates
    window
        by_day as (partition by unit_code, period order by as_of_day),
        among_level as (partition by as_of_day, period, unit_level order by rate desc nulls last),
        all_in_level as (partition by as_of_day, period, unit_level),
        among_peers as (partition by as_of_day, period, unit_level, size_peers order by rate desc nulls last),
        all_in_peers as (partition by as_of_day, period, unit_level, size_peers)
)

select
    as_of_day,
    unit_code,
    period,
    unit_name,
    unit_level,
    period_start,
    as_of as period_end,
    as_of,
    online as numerator,
    received as denominator,
    rate,
    strictly_online as strict_numerator,
    strict_rate,
    size_peers,
    cast(rank_in_level as integer) as rank_in_level,
    cast(ranked_in_level as integer) as ranked_in_level,
    cast(rank_in_size_peers as integer) as rank_in_size_peers,
    cast(ranked_in_size_peers as integer) as ranked_in_size_peers,
    change_since_day_before,
    change_since_week_before
from compared
