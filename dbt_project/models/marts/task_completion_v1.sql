{% set buckets = ['done_on_time', 'done_late', 'done_no_due', 'open_in_term', 'open_overdue', 'open_no_due'] %}
with tasks as (
    select
        as_of_day,
        snapshot_day,
        owner_level,
        lead_agency_code,
        bucket
    from {{ ref('int_task_days') }}
    union all
    select
        as_of_day,
        snapshot_day,
        owner_level,
        'all' as lead_agency_code,
        bucket
    from {{ ref('int_task_days') }}
),

counted as (
    select
        as_of_day,
        snapshot_day,
        owner_level,
        lead_agency_code,
        {% for bucket in buckets %}
        {{ count_if("bucket = '" ~ bucket ~ "'") }} as {{ bucket }},
        {% endfor %}
        count(*) as total
    from tasks
    group by as_of_day, snapshot_day, owner_level, lead_agency_code
),

summed as (
    select
        *,
        done_on_time + done_late + done_no_due as completed,
        done_on_time + done_late + done_no_due + open_overdue as due_or_done
    from counted
)

select
    summed.as_of_day,
    summed.owner_level,
    summed.lead_agency_code,
    case when summed.lead_agency_code = 'all' then 'Tất cả' else agencies.unit_name end as lead_agency_name,
    least({{ end_of_day('summed.as_of_day') }}, run.as_of) as as_of,
    summed.snapshot_day,
    {% for bucket in buckets %}
    summed.{{ bucket }},
    {% endfor %}
    summed.total,
    summed.completed,
    {{ rate('summed.completed', 'summed.total') }} as rate_completed,
    summed.due_or_done,
    {{ rate('summed.done_on_time', 'summed.due_or_done') }} as rate_on_time,
    case
        when summed.open_overdue = 0 then 'green'
        when summed.open_overdue <= {{ var('yellow_overdue_share') }} * summed.total then 'yellow'
        else 'red'
    end as colour
from summed
cross join {{ ref('int_as_of') }} as run
left join {{ ref('int_units') }} as agencies on summed.lead_agency_code = agencies.unit_code and agencies.is_current
