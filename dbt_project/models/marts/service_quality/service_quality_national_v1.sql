-- The portal's points of every province, and beside those of this place our own working points of the same period.
with own as (
    select
        own.component,
        own.period_start,
        own.as_of_day,
        own.working_points,
        own.working_coverage,
        row_number() over (
            partition by own.component, own.period_start
            order by own.as_of_day desc, own.period asc nulls last
        ) as recency
    from {{ ref('service_quality_index', v=1) }} as own
    where own.unit_level = {{ whole() }}
),

components as (
    select distinct
        component,
        component_order,
        component_name_vi,
        component_name_en,
        maximum
    from {{ ref('service_quality_index', v=1) }}
),

beside as (
    select
        portal.captured_at,
        portal.province_code,
        portal.component,
        components.component_order,
        components.component_name_vi,
        components.component_name_en,
        portal.province_name,
        coalesce(portal.period_start, run.counts_since) as period_start,
        components.maximum,
        portal.points,
        portal.national_rank,
        portal.province_count,
        portal.is_newest,
        portal.province_code = run.place_code as is_own,
        own.as_of_day as own_as_of_day,
        own.working_points as own_points,
        own.working_coverage as own_coverage
    from {{ ref('int_national_index') }} as portal
    cross join {{ ref('int_as_of') }} as run
    inner join components on portal.component = components.component
    left join own
        on
            portal.province_code = run.place_code
            and portal.is_newest
            and portal.component = own.component
            and coalesce(portal.period_start, run.counts_since) = own.period_start
            and own.recency = 1
)

select
    beside.*,
    case when beside.own_coverage >= 1 then beside.points - beside.own_points end as difference
from beside
