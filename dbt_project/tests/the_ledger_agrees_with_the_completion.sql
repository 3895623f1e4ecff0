with ledger as (
    select
        owner_level,
        {{ count_if("bucket = 'done_on_time'") }} as done_on_time,
        {{ count_if("bucket = 'open_overdue'") }} as open_overdue,
        {{ count_if("bucket = 'withdrawn'") }} as withdrawn,
        {{ count_if("bucket <> 'withdrawn'") }} as total
    from {{ ref('task_ledger', v=1) }}
    group by owner_level
),

completion as (
    select completion.*
    from {{ ref('task_completion', v=1) }} as completion
    inner join {{ ref('int_as_of') }} as run on completion.as_of_day = run.as_of_day
    where completion.lead_agency_code = 'all'
)

select
    completion.owner_level as level_completed,
    ledger.owner_level as level_listed
from completion
full outer join ledger on completion.owner_level = ledger.owner_level
where
    completion.total is distinct from ledger.total
    or completion.withdrawn is distinct from ledger.withdrawn
    or completion.done_on_time is distinct from ledger.done_on_time
    or completion.open_overdue is distinct from ledger.open_overdue
