-- One row of counts (int_submission_counts), and what stands beside it:
-- sizes, rates           size peers, both rates
-- ranked                 places among the level and among size peers
-- compared               change and movement against the day and the week before
-- at_cutoffs, cutoffs_before   the same against the newest reporting cut-off of the same beginning
-- reporter_days          how many reports the period lacks
-- Size peers: terciles of a level by dossiers received since two-tier government began, as known on that day,
-- so that an as-of day keeps its groups when later days shift the volumes.
{%- set channels = ['online', 'in_person', 'postal'] %}
with counts as (
    select
        *,
        received - online - postal as in_person
    from {{ ref('int_submission_counts') }}
),

sizes as (
    select
        as_of_day,
        unit_code,
        ntile(3) over (partition by as_of_day, unit_level order by received desc, unit_code asc nulls last) as tercile
    from counts
    where period = 'since_start' and unit_level not in ({{ whole() }}, 'unknown')
),

rates as (
    select
        counts.*,
        counts.unit_level not in ({{ whole() }}, 'unknown') as is_ranked,
        case sizes.tercile when 1 then 'large' when 2 then 'medium' when 3 then 'small' end as size_peers,
        {{ rate('counts.online', 'counts.received') }} as rate,
        {{ rate('counts.strictly_online', 'counts.received') }} as strict_rate
    from counts
    left join sizes on counts.as_of_day = sizes.as_of_day and counts.unit_code = sizes.unit_code
),

ranked as (
    select
        *,
        -- Equal rates share the better rank; no dossiers, no rank. Only peers of one level are compared.
        case when rate is not null and is_ranked then cast(rank() over among_level as integer) end as rank_in_level,
        case when is_ranked then cast(count(rate) over all_in_level as integer) end as ranked_in_level,
        case when rate is not null and is_ranked then cast(rank() over among_peers as integer) end
            as rank_in_size_peers,
        case when is_ranked then cast(count(rate) over all_in_peers as integer) end
            as ranked_in_size_peers
    from rates
    window
        among_level as (partition by as_of_day, period, unit_level order by rate desc nulls last),
        all_in_level as (partition by as_of_day, period, unit_level),
        among_peers as (partition by as_of_day, period, unit_level, size_peers order by rate desc nulls last),
        all_in_peers as (partition by as_of_day, period, unit_level, size_peers)
),

-- The grid is dense: the row before is the day before, the seventh before is the week before.
compared as (
    select
        *,
        rate - lag(rate, 1) over by_day as change_since_day_before,
        rate - lag(rate, 7) over by_day as change_since_week_before,
        (lag(rank_in_level, 1) over by_day) - rank_in_level as rank_movement_since_day_before,
        (lag(rank_in_level, 7) over by_day) - rank_in_level as rank_movement_since_week_before
    from ranked
    window by_day as (partition by unit_code, period order by as_of_day nulls last)
),

units as (
    select distinct
        unit_code,
        unit_level
    from counts
),

at_cutoffs as (
    select
        cutoffs.cutoff_at,
        cutoffs.period_start,
        cutoffs.unit_code,
        cutoffs.rate,
        case
            when cutoffs.rate is not null and units.unit_level not in ({{ whole() }}, 'unknown')
                then cast(
                    rank() over (partition by cutoffs.cutoff_at, units.unit_level order by cutoffs.rate desc nulls last)
                    as integer
                )
        end as rank_in_level
    from (
        select
            *,
            {{ rate('online', 'received') }} as rate
        from {{ ref('int_submission_at_cutoffs') }}
    ) as cutoffs
    inner join units on cutoffs.unit_code = units.unit_code
),

-- The newest cut-off before the row's as_of whose period starts with the row's: of equal length otherwise.
cutoffs_before as (
    select
        moments.as_of,
        moments.period_start,
        max(at_cutoffs.cutoff_at) as cutoff_before
    from (
        select distinct
            as_of,
            period_start
        from counts
    ) as moments
    inner join at_cutoffs
        on
            moments.as_of > at_cutoffs.cutoff_at
            and at_cutoffs.period_start = cast(moments.period_start as timestamp)
    group by moments.as_of, moments.period_start
),

-- How many days of the period's units should have reported by the as-of day, and did not: summed day by day.
reporter_days as (
    select
        as_of_day,
        unit_code,
        sum(expected) over so_far as expected,
        sum(missing) over so_far as missing
    from (
        select
            as_of_day,
            case when unit_code = 'all' then {{ whole() }} else unit_code end as unit_code,
            sum(expected) as expected,
            sum(missing) as missing
        from {{ ref('reporting_completeness', v=1) }}
        where source = 'dossier_log'
        group by as_of_day, case when unit_code = 'all' then {{ whole() }} else unit_code end
    ) as days
    window so_far as (partition by unit_code order by as_of_day nulls last rows unbounded preceding)
),

final as (
    select
        compared.*,
        coalesce(reports.expected - coalesce(before_period.expected, 0), 0) as reporter_days_expected,
        coalesce(reports.missing - coalesce(before_period.missing, 0), 0) as reporter_days_missing,
        cutoffs_before.cutoff_before,
        compared.rate - at_cutoffs.rate as change_since_cutoff_before,
        at_cutoffs.rank_in_level - compared.rank_in_level as rank_movement_since_cutoff_before,
        targets.target
    from compared
    left join cutoffs_before
        on compared.as_of = cutoffs_before.as_of and compared.period_start = cutoffs_before.period_start
    left join at_cutoffs
        on
            cutoffs_before.cutoff_before = at_cutoffs.cutoff_at
            and compared.unit_code = at_cutoffs.unit_code
    left join reporter_days as reports
        on compared.as_of_day = reports.as_of_day and compared.unit_code = reports.unit_code
    left join reporter_days as before_period
        on compared.period_start - 1 = before_period.as_of_day and compared.unit_code = before_period.unit_code
    left join {{ ref('int_targets') }} as targets
        on
            targets.metric = 'online_submission_rate'
            and compared.unit_level = targets.unit_level
            and compared.as_of_day >= targets.valid_from
            and compared.as_of_day < targets.valid_until
)

select
    as_of_day,
    unit_code,
    period,
    'receiving' as unit_role,
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
    in_person,
    postal,
    {%- for channel in channels %}
    {{ percent_of_whole(channel, channels) }} as {{ channel }}_percent,
    {%- endfor %}
    late_arrivals,
    cast(reporter_days_expected as bigint) as reporter_days_expected,
    cast(reporter_days_missing as bigint) as reporter_days_missing,
    size_peers,
    rank_in_level,
    ranked_in_level,
    rank_in_size_peers,
    ranked_in_size_peers,
    change_since_day_before,
    change_since_week_before,
    cutoff_before,
    change_since_cutoff_before,
    rank_movement_since_day_before,
    rank_movement_since_week_before,
    rank_movement_since_cutoff_before,
    target,
    rate - target as gap_to_target,
    {{ additional_to_target('online', 'received', 'target') }} as additional_online_to_target
from final
