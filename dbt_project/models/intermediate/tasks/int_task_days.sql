-- Derived, not trusted: a task is done from its completion date, whatever the reported word. Where a place says so
-- (done_by_word), the word decides for tasks without a date.
-- On a day without a snapshot of its own the newest one before it is in force.
-- The days of a state are counted out, not joined to a calendar: the cost grows with the rows, not with their square.
with states as (
    select
        states.*,
        {{ days_from_to('states.snapshot_day', 'coalesce(states.until_day - 1, run.as_of_day)') }} as as_of_day
    from {{ ref('int_task_states') }} as states
    cross join {{ ref('int_as_of') }} as run
),

-- Tasks that only their word calls done: since when, and when they were seen open last, if ever.
words as (
    select
        snapshots.*,
        max(case when snapshots.reported_status is distinct from 'done' then snapshots.snapshot_day end) over (
            partition by snapshots.owner_level, snapshots.task_code, snapshots.unit_code
            order by snapshots.snapshot_day nulls last
        ) as last_open_on
    from {{ ref('int_task_snapshots') }} as snapshots
    cross join {{ ref('int_as_of') }} as run
    where run.done_by_word
),

done_by_word as (
    select
        snapshot_day,
        owner_level,
        task_code,
        unit_code,
        reported_status_raw,
        last_open_on,
        min(snapshot_day) over (
            partition by owner_level, task_code, unit_code, last_open_on
        ) as first_done_on
    from words
    where reported_status = 'done' and completed_date is null
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
        task.reported_status,
        word.first_done_on,
        word.last_open_on,
        claims.claims_late
    from states
    inner join {{ ref('int_task_snapshots') }} as task
        on
            states.state_snapshot_day = task.snapshot_day
            and states.owner_level = task.owner_level
            and states.task_code = task.task_code
            and states.unit_code = task.unit_code
    left join done_by_word as word
        on
            states.state_snapshot_day = word.snapshot_day
            and states.owner_level = word.owner_level
            and states.task_code = word.task_code
            and states.unit_code = word.unit_code
    left join {{ ref('int_task_claims') }} as claims on word.reported_status_raw = claims.reported_status_raw
),

verdicts as (
    select
        *,
        -- Sent back to be redone: the earlier completion no longer counts.
        coalesce(completed_date <= state_day, false) and coalesce(reported_status, '') <> 'redo' as is_done_by_date,
        first_done_on is not null as is_done_by_word
    from tasks
),

dated as (
    select
        *,
        is_done_by_date or is_done_by_word as is_done,
        -- The word's own claim fixes the side of the due date; without one, the day on which it was first seen.
        -- A task that was done when it was first seen, after its due date, has no day that could be told.
        case
            when is_done_by_date then completed_date
            when claims_late then greatest(first_done_on, due_date + 1)
            when not claims_late then least(first_done_on, due_date)
            when last_open_on is not null or first_done_on <= due_date then first_done_on
        end as done_on
    from verdicts
),

bucketed as (
    select
        *,
        case
            when is_done and (due_date is null or done_on is null) then 'done_no_due'
            when is_done and done_on <= due_date then 'done_on_time'
            when is_done then 'done_late'
            when due_date is null then 'open_no_due'
            when state_day <= due_date then 'open_in_term'
            else 'open_overdue'
        end as last_bucket
    from dated
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
    is_done_by_word,
    done_on,
    last_bucket,
    case when is_withdrawn then 'withdrawn' else last_bucket end as bucket
from bucketed
