-- Derived, not trusted: a task is done from its completion date, whatever the reported word.
-- On a day without a snapshot of its own the newest one before it is in force.
-- The days of a state are counted out, not joined to a calendar: the cost grows with the rows, not with their square.
with states as (
    select
        states.*,
        cast(
            unnest(generate_series(
                states.snapshot_day, coalesce(states.until_day - 1, run.as_of_day), interval '1' day
            )) as date
        ) as as_of_day
    from {{ ref('int_task_states') }} as states
    cross join {{ ref('int_as_of') }} as run
),

tasks as (
    select
        states.as_of_day,
        states.snapshot_day,
        states.state_snapshot_day,
        states.is_withdrawn,
        -- A withdrawn task keeps the judgement of its last day in the tracker.
        case when states.is_withdrawn then states.snapshot_day - 1 else states.as_of_day end as state_day,
        task.owner_level,
        task.task_code,
        task.unit_code,
        task.lead_agency_code,
        task.due_date,
        task.completed_date,
        task.reported_status
    from states
    inner join {{ ref('int_task_snapshots') }} as task
        on
            states.state_snapshot_day = task.snapshot_day
            and states.owner_level = task.owner_level
            and states.task_code = task.task_code
            and states.unit_code = task.unit_code
),

verdicts as (
    select
        *,
        -- Sent back to be redone: the earlier completion no longer counts.
        coalesce(completed_date <= state_day, false) and coalesce(reported_status, '') <> 'redo' as is_done
    from tasks
),

bucketed as (
    select
        *,
        case
            when is_done and due_date is null then 'done_no_due'
            when is_done and completed_date <= due_date then 'done_on_time'
            when is_done then 'done_late'
            when due_date is null then 'open_no_due'
            when state_day <= due_date then 'open_in_term'
            else 'open_overdue'
        end as last_bucket
    from verdicts
)

select
    as_of_day,
    snapshot_day,
    state_snapshot_day,
    owner_level,
    task_code,
    unit_code,
    lead_agency_code,
    due_date,
    completed_date,
    is_withdrawn,
    is_done,
    last_bucket,
    case when is_withdrawn then 'withdrawn' else last_bucket end as bucket
from bucketed
