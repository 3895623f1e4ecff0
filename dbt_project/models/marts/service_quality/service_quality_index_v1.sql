-- The items added up by component, and the components to the total; what has no points lowers the coverage alone.
with items as (
    select * from {{ ref('service_quality_items', v=1) }}
),

summed as (
    select
        as_of_day,
        period,
        unit_code,
        unit_name,
        unit_level,
        period_start,
        period_end,
        as_of,
        coalesce(component, 'total') as component,
        {{ sum_in_any_order('points') }} as points,
        coalesce(sum(case when points is not null then maximum end), 0) as covered,
        {{ sum_in_any_order('working_points') }} as working_points,
        coalesce(sum(case when working_points is not null then working_maximum end), 0) as working_covered,
        count(*) as items,
        count(points) as items_scored
    from items
    group by
        as_of_day, period, unit_code, unit_name, unit_level, period_start, period_end, as_of,
        grouping sets ((component), ())
),

components as (
    select
        component,
        component_order,
        name_vi,
        name_en,
        maximum
    from {{ ref('index_components') }}
    union all
    select
        'total' as component,
        max(component_order) + 1 as component_order,
        'Tổng điểm' as name_vi,
        'Total' as name_en,
        sum(maximum) as maximum
    from {{ ref('index_components') }}
),

shared as (
    select
        summed.*,
        components.component_order,
        components.name_vi as component_name_vi,
        components.name_en as component_name_en,
        components.maximum,
        {{ rate('summed.points', 'summed.covered') }} as points_share
    from summed
    inner join components on summed.component = components.component
),

final as (
    select
        as_of_day,
        period,
        unit_code,
        component,
        cast(component_order as integer) as component_order,
        component_name_vi,
        component_name_en,
        unit_name,
        unit_level,
        period_start,
        period_end,
        as_of,
        cast(maximum as integer) as maximum,
        points,
        cast(covered as integer) as covered,
        {{ rate('covered', 'maximum') }} as coverage,
        points_share,
        working_points,
        cast(working_covered as integer) as working_covered,
        {{ rate('working_covered', 'maximum') }} as working_coverage,
        cast(items as integer) as items,
        cast(items_scored as integer) as items_scored,
        case
            when points_share is not null and unit_level <> {{ whole() }}
                then cast(rank() over among_level as integer)
        end as rank_in_level,
        case when unit_level <> {{ whole() }} then cast(count(points_share) over all_in_level as integer) end
            as ranked_in_level
    from shared
    window
        among_level as (
            -- Rounded, so that equal shares of unequal sums tie.
            partition by period, period_start, component, unit_level
            order by round(1000000000 * points_share) desc nulls last
        ),
        all_in_level as (partition by period, period_start, component, unit_level)
)

select * from final
