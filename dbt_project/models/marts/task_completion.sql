-- One row per snapshot day (its end, or as_of on the last), level and lead agency; 'all' sums a level.
with tasks as (

    select
        tasks.snapshot_day as as_of_day,
        tasks.owner_level,
        coalesce(tasks.lead_agency_code, '') as lead_agency_code,
        tasks.completed_date,
        tasks.due_date,
        {{ task_bucket('tasks.completed_date', 'tasks.due_date', 'tasks.snapshot_day') }} as bucket
    from {{ ref('stg_tasks') }} as tasks
    cross join {{ ref('stg_run_parameters') }} as run
    where tasks.snapshot_day <= cast(run.as_of as date)

),

counted as (

    select
        as_of_day,
        owner_level,
        case when grouping(lead_agency_code) = 1 then 'all' else lead_agency_code end as lead_agency_code,
        count(*) as total,
        count(*) filter (where bucket = 'done_on_time') as done_on_time,
        count(*) filter (where bucket = 'done_late') as done_late,
        count(*) filter (where bucket = 'done_no_due') as done_no_due,
        count(*) filter (where bucket = 'open_in_term') as open_in_term,
        count(*) filter (where bucket = 'open_overdue') as open_overdue,
        count(*) filter (where bucket = 'open_no_due') as open_no_due,
        count(*) filter (where bucket like 'done%' or due_date <= as_of_day) as due_or_done
    from tasks
    group by grouping sets ((as_of_day, owner_level, lead_agency_code), (as_of_day, owner_level))

)

select
    as_of_day,
    owner_level,
    lead_agency_code,
    total,
    done_on_time,
    done_late,
    done_no_due,
    open_in_term,
    open_overdue,
    open_no_due,
    done_on_time + done_late + done_no_due as completed,
    due_or_done,
    {{ rate('done_on_time + done_late + done_no_due', 'total') }} as completion_rate,
    {{ rate('done_on_time', 'due_or_done') }} as on_time_rate,
    case when open_overdue = 0 then 'green' when open_overdue * 10 <= total then 'yellow' else 'red' end
        as colour
from counted
