-- counts and their rates → what of them can be scored, with the reason where nothing can → points → places.
with grid as (
    select
        periods.as_of_day,
        periods.period,
        periods.period_start,
        periods.period_end,
        periods.as_of,
        units.unit_code,
        units.unit_name,
        units.unit_level,
        items.item,
        items.item_order,
        items.component,
        items.name_vi as item_name_vi,
        items.name_en as item_name_en,
        items.counted_kind,
        items.unit_role,
        items.maximum,
        items.is_confirmed,
        items.full_from,
        items.scoring,
        items.missing_reason as item_reason
    from {{ ref('int_index_periods') }} as periods
    cross join {{ ref('int_today_units') }} as units
    cross join {{ ref('index_items') }} as items
    where units.unit_level <> 'unknown'
),

{{ feedback_item_counts() }},

counts as (
    select * from {{ ref('int_index_counts') }}
    union all
    select
        period,
        period_start,
        item,
        unit_code,
        numerator,
        denominator,
        lost,
        without_data
    from feedback_counts
),

deliveries as (
    select count(*) as feedback_deliveries
    from {{ ref('int_deliveries') }}
    where source = 'citizen_feedback'
),

counted as (
    select
        grid.*,
        counts.numerator,
        counts.denominator,
        counts.lost,
        coalesce(counts.without_data, 0) as without_data,
        -- Item 3.3 is multiplied by the share that is synchronised; the portal counts it for the whole place alone.
        case when grid.item = '3.3' then sync.share else 1.0 end as factor,
        case
            when grid.item_reason is not null then grid.item_reason
            when grid.item = '1.4' and (grid.unit_level <> {{ whole() }} or grid.period <> 'since_start')
                then 'only_for_the_whole'
            when grid.item in ('1.4', '3.3') and sync.share is null then 'portal_count_missing'
            when grid.component = 'satisfaction' and deliveries.feedback_deliveries = 0 then 'source_not_delivered'
            when coalesce(counts.denominator, 0) = 0 and counts.without_data > 0 then 'source_has_no_flag'
            when coalesce(counts.denominator, 0) = 0 then 'nothing_to_count'
        end as rate_reason
    from grid
    left join counts
        on
            grid.period = counts.period
            and grid.period_start = counts.period_start
            and grid.item = counts.item
            and grid.unit_code = counts.unit_code
    left join {{ ref('int_index_sync') }} as sync on true
    cross join deliveries
),

rated as (
    select
        *,
        case
            when rate_reason is null then {{ rate('numerator', 'denominator') }} * factor
        end as rate
    from counted
),

shared as (
    select
        *,
        {{ share_of_points('rate') }} as share_of_points
    from rated
),

scored as (
    select
        *,
        case when is_confirmed then share_of_points * maximum end as points,
        share_of_points * maximum as working_points
    from shared
),

ranked as (
    select
        as_of_day,
        period,
        unit_code,
        item,
        item_order,
        component,
        item_name_vi,
        item_name_en,
        counted_kind,
        unit_role,
        unit_name,
        unit_level,
        period_start,
        period_end,
        as_of,
        cast(numerator as bigint) as numerator,
        cast(denominator as bigint) as denominator,
        cast(lost as bigint) as lost,
        cast(case when counted_kind = 'dossier' then lost end as bigint) as lost_dossiers,
        cast(without_data as bigint) as without_data,
        factor,
        rate,
        full_from,
        share_of_points,
        case when is_confirmed then maximum end as maximum,
        points,
        maximum as working_maximum,
        working_points,
        case
            when points is not null then null
            when rate_reason is not null then rate_reason
            when scoring = 'unconfirmed' then 'full_points_unconfirmed'
            else 'points_unconfirmed'
        end as missing_reason,
        case
            when rate is not null and unit_level <> {{ whole() }}
                then cast(rank() over among_level as integer)
        end as rank_in_level,
        case when unit_level <> {{ whole() }} then cast(count(rate) over all_in_level as integer) end
            as ranked_in_level
    from scored
    window
        among_level as (partition by period, period_start, item, unit_level order by rate desc nulls last),
        all_in_level as (partition by period, period_start, item, unit_level)
)

select
    ranked.*,
    reasons.name_vi as missing_reason_vi,
    reasons.name_en as missing_reason_en
from ranked
left join {{ ref('index_reasons') }} as reasons on ranked.missing_reason = reasons.reason
