-- One row per issue and spell of being open, from comparing the retained snapshots.
-- A spell opens when reported, or on the first snapshot day it stands open again (reopened).
with snapshots as (

    select
        issues.issue_code,
        issues.snapshot_day,
        cast(issues.reported_at as date) as reported_day,
        statuses.is_open,
        cast(coalesce(issues.resolved_at, issues.last_update_at) as date) as closed_day,
        lag(statuses.is_open) over history as was_open
    from {{ ref('stg_issues') }} as issues
    inner join {{ ref('issue_statuses') }} as statuses on issues.status = statuses.status
    cross join {{ ref('stg_run_parameters') }} as run
    where issues.snapshot_day <= cast(run.as_of as date)
    window history as (partition by issues.issue_code order by issues.snapshot_day)

),

changes as (

    select issue_code, reported_day as changed_on, 'new' as change, 1 as step
    from snapshots
    where was_open is null

    union all

    select issue_code, snapshot_day, 'reopened', 2
    from snapshots
    where is_open and not was_open

    union all

    -- first seen closed, or open before: only then does a date of closing end a spell
    select issue_code, greatest(closed_day, reported_day), 'closed', 3
    from snapshots
    where not is_open and coalesce(was_open, true)

),

ordered as (

    select
        *,
        lead(changed_on) over spell as next_on,
        lead(change) over spell as next_change
    from changes
    window spell as (partition by issue_code order by changed_on, step)

)

select
    issue_code,
    changed_on as opened_on,
    change as opened_by,
    case when next_change = 'closed' then next_on end as closed_on
from ordered
where change in ('new', 'reopened')
