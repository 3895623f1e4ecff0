-- Derived, not trusted (DOMAIN §4): a task is done from its completion date, whatever the reported word.
with days as (
    select calendar.date_day as as_of_day
    from {{ ref('int_calendar') }} as calendar
    inner join {{ ref('int_as_of') }} as run on calendar.date_day <= run.as_of_day
),

-- On a day without a snapshot of its own the newest one before it is in force.
snapshots as (
    select
        snapshot_day,
        lead(snapshot_day) over (order by snapshot_day) as next_snapshot_day
    from (select distinct snapshot_day from {{ ref('int_task_snapshots') }}) as seen
),

tasks as (
    select
        days.as_of_day,
        task.snapshot_day,
        task.owner_level,
        task.task_code,
        task.unit_code,
        task.lead_agency_code,
        task.due_date,
        task.completed_date,
        -- Sent back to be redone: the earlier completion no longer counts.
        coalesce(task.completed_date <= days.as_of_day, false) and coalesce(task.reported_status, '') <> 'redo'
            as is_done
    from days
    inner join snapshots
        on
            days.as_of_day >= snapshots.snapshot_day
            and (snapshots.next_snapshot_day is null or days.as_of_day < snapshots.next_snapshot_day)
    inner join {{ ref('int_task_snapshots') }} as task on snapshots.snapshot_day = task.snapshot_day
)

select
    *,
    case
        when is_done and due_date is null then 'done_no_due'
        when is_done and completed_date <= due_date then 'done_on_time'
        when is_done then 'done_late'
        when due_date is null then 'open_no_due'
        when as_of_day <= due_date then 'open_in_term'
        else 'open_overdue'
    end as bucket
from tasks
