-- Every day the total since counting began, by the rules of service_quality_items: what is counted to the end of that
-- day, as known at as_of. On the newest day it is the total of service_quality_index.
-- changes, cumulated   counts of an item to the end of each day
-- rated, scored        rate and points of an item
with {{ feedback_verdicts() }},

feedback_changes as (
    {% for item, verdict in [('5.2', 'is_in_time'), ('5.3', 'is_undisputed')] %}
    select
        '{{ item }}' as item,
        coalesce(unit_code, {{ whole() }}) as unit_code,
        received_day as change_day,
        {{ count_if(verdict) }} as numerator,
        count({{ verdict }}) as denominator
    from feedback
    {% if item == '5.2' %}
    where kind <> 'rating'
    {% endif %}
    group by grouping sets ((received_day, unit_code), (received_day))
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}
),

changes as (
    select * from {{ ref('int_index_changes') }}
    union all
    select
        item,
        unit_code,
        change_day,
        numerator,
        denominator
    from feedback_changes
),

days as (
    select
        as_of_day,
        period_end as as_of
    from {{ ref('int_periods') }}
    where period = 'day'
),

-- Of many years millions of rows, which a window holds in memory: the words about unit, item and day are joined above.
grid as (
    select
        days.as_of_day,
        units.unit_code,
        items.item
    from days
    cross join {{ ref('int_today_units') }} as units
    cross join {{ ref('index_items') }} as items
    where units.unit_level <> 'unknown' and items.maximum is not null
),

deliveries as (
    select count(*) as feedback_deliveries
    from {{ ref('int_deliveries') }}
    where source = 'citizen_feedback'
),

cumulated as (
    select
        grid.as_of_day,
        grid.unit_code,
        grid.item,
        -- A dossier that is late and complained of is taken off 5.4 twice.
        greatest(sum(changes.numerator) over so_far, 0) as numerator,
        sum(changes.denominator) over so_far as denominator
    from grid
    left join changes
        on grid.as_of_day = changes.change_day and grid.item = changes.item and grid.unit_code = changes.unit_code
    window so_far as (
        partition by grid.item, grid.unit_code
        order by grid.as_of_day nulls last
        rows between unbounded preceding and current row
    )
),

rated as (
    select
        cumulated.as_of_day,
        cumulated.unit_code,
        items.maximum,
        items.is_confirmed,
        items.full_from,
        items.scoring,
        case
            when items.missing_reason is not null then null
            when items.component = 'satisfaction' and deliveries.feedback_deliveries = 0 then null
            else
                {{ rate('cumulated.numerator', 'cumulated.denominator') }}
                * case when cumulated.item = '3.3' then sync.share else 1.0 end
        end as rate
    from cumulated
    inner join {{ ref('index_items') }} as items on cumulated.item = items.item
    left join {{ ref('int_index_sync') }} as sync on true
    cross join deliveries
),

scored as (
    select
        *,
        {{ share_of_points('rate') }} * maximum as item_points
    from rated
),

summed as (
    select
        as_of_day,
        unit_code,
        {{ sum_in_any_order('case when is_confirmed then item_points end') }} as points,
        coalesce(sum(case when is_confirmed and item_points is not null then maximum end), 0) as covered,
        {{ sum_in_any_order('item_points') }} as working_points,
        coalesce(sum(case when item_points is not null then maximum end), 0) as working_covered
    from scored
    group by as_of_day, unit_code
)

select
    summed.as_of_day,
    summed.unit_code,
    units.unit_name,
    units.unit_level,
    days.as_of,
    summed.points,
    cast(summed.covered as integer) as covered,
    {{ rate('summed.points', 'summed.covered') }} as points_share,
    summed.working_points,
    cast(summed.working_covered as integer) as working_covered
from summed
inner join days on summed.as_of_day = days.as_of_day
inner join {{ ref('int_today_units') }} as units on summed.unit_code = units.unit_code
