-- What each snapshot says of each task, also by its silence: a task no longer listed stands here once more as
-- withdrawn, with the snapshot it was last seen in. A row that validation rejected is no silence: the state
-- before it goes on.
with entries as (
    select
        snapshots.snapshot_day,
        snapshots.owner_level,
        snapshots.task_code,
        snapshots.unit_code,
        snapshots.row_key
    from {{ ref('int_task_snapshots') }} as snapshots
    inner join {{ ref('int_as_of') }} as run on snapshots.snapshot_day <= run.as_of_day
),

snapshot_days as (
    select
        snapshot_day,
        lead(snapshot_day) over (order by snapshot_day nulls last) as next_snapshot_day
    from (select distinct entries.snapshot_day from entries) as days
),

tasks as (
    select distinct
        owner_level,
        task_code,
        unit_code,
        row_key
    from entries
),

rejected as (
    select
        rejections.partition_key as snapshot_day,
        tasks.owner_level,
        tasks.task_code,
        tasks.unit_code,
        tasks.row_key
    from {{ ref('stg_rejections') }} as rejections
    inner join tasks
        on rejections.row_key = tasks.row_key
    where rejections.source = 'task_tracker' and rejections.is_current
),

mentions as (
    select
        snapshot_day,
        owner_level,
        task_code,
        unit_code,
        bool_or(is_listed) as is_listed
    from (
        select
            *,
            true as is_listed
        from entries
        union all
        select
            *,
            false as is_listed
        from rejected
    ) as mentions_of_tasks
    group by snapshot_day, owner_level, task_code, unit_code
),

followed as (
    select
        mentions.*,
        snapshot_days.next_snapshot_day,
        {{ last_value_there('case when mentions.is_listed then mentions.snapshot_day end') }} over so_far
            as state_snapshot_day,
        lead(mentions.snapshot_day) over by_mention as next_mention_day
    from mentions
    inner join snapshot_days on mentions.snapshot_day = snapshot_days.snapshot_day
    window
        by_mention as (
            partition by mentions.owner_level, mentions.task_code, mentions.unit_code
            order by mentions.snapshot_day nulls last
        ),
        so_far as (
            partition by mentions.owner_level, mentions.task_code, mentions.unit_code
            order by mentions.snapshot_day nulls last
            rows between unbounded preceding and current row
        )
),

states as (
    select
        snapshot_day,
        owner_level,
        task_code,
        unit_code,
        state_snapshot_day,
        is_listed,
        false as is_withdrawn
    from followed
    where state_snapshot_day is not null
    union all
    select
        next_snapshot_day as snapshot_day,
        owner_level,
        task_code,
        unit_code,
        state_snapshot_day,
        false as is_listed,
        true as is_withdrawn
    from followed
    where
        state_snapshot_day is not null
        and next_snapshot_day is not null
        and (next_mention_day is distinct from next_snapshot_day)
)

select
    *,
    lag(is_withdrawn) over by_day as was_withdrawn,
    lag(state_snapshot_day) over by_day as state_before_day,
    lead(snapshot_day) over by_day as until_day
from states
window by_day as (partition by owner_level, task_code, unit_code order by snapshot_day nulls last)
