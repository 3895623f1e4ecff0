-- The portal's points, one row per capture, province and component, and for the total. A capture that lacks a
-- component says nothing of it: what an earlier one said stays with that one.
with captures as (
    select
        scores.*,
        -- The same capture may be delivered again with a later snapshot; the latest counts.
        row_number() over (
            partition by scores.captured_at, scores.province_code
            order by scores.snapshot_day desc, scores.batch_id desc, scores.batch_row desc
        ) as delivery
    from {{ ref('stg_national_index') }} as scores
    inner join {{ ref('int_as_of') }} as run on scores.captured_at <= run.as_of
),

{%- set components = [
    'publicity', 'progress', 'online_services', 'online_payment', 'digitisation', 'satisfaction', 'total'
] %}

unpivoted as (
    {%- for component in components %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        captured_at,
        period_start,
        province_code,
        province_name,
        '{{ component }}' as component,
        {{ component }}_points as points
    from captures
    where delivery = 1
    {%- endfor %}
),

final as (
    select
        *,
        case
            when points is not null
                then cast(
                    rank() over (partition by captured_at, component order by points desc nulls last) as integer
                )
        end as national_rank,
        cast(count(points) over (partition by captured_at, component) as integer) as province_count,
        max(captured_at) over () = captured_at as is_newest
    from unpivoted
)

select * from final
