with today as (

    select cast(as_of as date) as as_of_day from {{ ref('stg_run_parameters') }}

),

tasks as (

    select tasks.*, today.as_of_day
    from {{ ref('stg_tasks') }} as tasks
    cross join today
    where tasks.snapshot_day <= today.as_of_day
    qualify dense_rank() over (order by tasks.snapshot_day desc) = 1

),

derived as (

    select *, {{ task_bucket('completed_date', 'due_date', 'as_of_day') }} as bucket
    from tasks

)

select
    derived.task_code,
    derived.unit_code,
    units.unit_name,
    derived.owner_level,
    derived.title,
    derived.directive_number,
    derived.directive_date,
    derived.lead_agency_code,
    agencies.unit_name as lead_agency_name,
    derived.coordinating_agencies,
    derived.start_date,
    derived.due_date,
    derived.completed_date,
    derived.bucket,
    derived.bucket like 'done%' as is_done,
    derived.reported_status,
    derived.progress,
    -- the tracker says done without a date, or a date without saying done
    (derived.reported_status = 'done') is distinct from (derived.bucket like 'done%') as has_conflict,
    derived.bucket = 'open_in_term'
    and date_diff('day', derived.as_of_day, derived.due_date) <= {{ var('due_soon_days') }} as is_due_soon,
    case when derived.bucket like 'open%' then date_diff('day', derived.as_of_day, derived.due_date) end
        as days_left,
    case
        when derived.bucket = 'done_late' then date_diff('day', derived.due_date, derived.completed_date)
        when derived.bucket = 'open_overdue' then date_diff('day', derived.due_date, derived.as_of_day)
        else 0
    end as days_late,
    derived.updated_at,
    derived.snapshot_day,
    derived.batch_id,
    derived._row as batch_row
from derived
left join {{ ref('stg_units') }} as units on derived.unit_code = units.unit_code and units.is_current
left join {{ ref('stg_units') }} as agencies
    on derived.lead_agency_code = agencies.unit_code and agencies.is_current
