-- A spell is one stretch of being open. The first begins when the issue was reported; another one begins where
-- a later snapshot shows an issue open that an earlier one showed closed.
with observed as (
    select
        snapshots.issue_code,
        snapshots.snapshot_day,
        snapshots.is_open_status or snapshots.closed_at > issues.as_of as is_open,
        cast(snapshots.closed_at as date) as closed_day,
        snapshots.closed_as,
        cast(snapshots.last_update_at as date) as updated_day,
        issues.reported_day,
        cast(issues.as_of as date) as as_of_day
    from {{ ref('int_issue_snapshots') }} as snapshots
    inner join {{ ref('int_issues') }} as issues on snapshots.issue_code = issues.issue_code
),

turns as (
    select
        *,
        case
            when (is_open is distinct from lag(is_open) over (partition by issue_code order by snapshot_day nulls last))
                then 1
            else 0
        end as is_turn
    from observed
),

numbered as (
    select
        *,
        sum(is_turn) over (partition by issue_code order by snapshot_day nulls last rows unbounded preceding) as phase
    from turns
),

phases as (
    select
        issue_code,
        phase,
        reported_day,
        as_of_day,
        is_open,
        min(snapshot_day) as first_seen_day,
        max(snapshot_day) as last_seen_day,
        -- The newest snapshot of a closed phase knows best when it ended; the first of an open one, when it began.
        max_by(closed_day, case when closed_day is not null then snapshot_day end) as closed_day,
        max_by(closed_as, case when closed_as is not null then snapshot_day end) as closed_as,
        min_by(updated_day, case when updated_day is not null then snapshot_day end) as updated_day
    from numbered
    group by issue_code, phase, reported_day, as_of_day, is_open
),

-- An issue first seen closed was open before: its first phase is opening and end in one.
sequenced as (
    select
        *,
        lag(last_seen_day) over by_phase as previous_seen_day,
        lead(phase) over by_phase is null as is_last,
        lead(closed_day) over by_phase as next_closed_day,
        lead(closed_as) over by_phase as next_closed_as,
        lead(first_seen_day) over by_phase as next_first_seen_day,
        lead(last_seen_day) over by_phase as next_last_seen_day
    from phases
    window by_phase as (partition by issue_code order by phase nulls last)
),

spells as (
    select
        issue_code,
        phase,
        as_of_day,
        is_open and is_last as is_still_open,
        case
            when phase = 1 then least(reported_day, first_seen_day)
            else least(greatest(coalesce(updated_day, first_seen_day), previous_seen_day), first_seen_day)
        end as opened_day,
        case
            when is_open then coalesce(next_closed_day, next_first_seen_day)
            else coalesce(closed_day, first_seen_day)
        end as stated_closed_day,
        case when is_open then next_closed_as else closed_as end as closed_as,
        case when is_open then next_last_seen_day else last_seen_day end as closed_by_day
    from sequenced
    where is_open or phase = 1
)

select
    issue_code,
    row_number() over (partition by issue_code order by phase nulls last) as spell,
    opened_day,
    case when phase > 1 then 'reopened' else 'new' end as opened_as,
    -- Never before it opened, never after the day it was last seen closed.
    case
        when not is_still_open
            then greatest(least(stated_closed_day, closed_by_day, as_of_day), opened_day)
    end as closed_day,
    case when not is_still_open then closed_as end as closed_as
from spells
