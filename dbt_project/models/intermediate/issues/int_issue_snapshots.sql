-- An issue that the register no longer lists stands here once more, on the first day it was missing: if it was open,
-- it ended as withdrawn. A row that validation rejected is no silence: the issue stays as it was.
with entries as (
    select
        issues.*,
        coalesce(statuses.is_open, true) as is_open_status,
        -- An end without a date of its own ended when it was last touched, at the latest on the snapshot day.
        case
            when not statuses.is_open
                then coalesce(issues.resolved_at, issues.last_update_at, {{ end_of_day('issues.snapshot_day') }})
        end as closed_at,
        case when not statuses.is_open then issues.status end as closed_as,
        run.as_of,
        row_number() over (
            partition by issues.snapshot_day, issues.issue_code
            order by issues.last_update_at desc nulls last, issues.batch_id desc, issues.batch_row desc
        ) as delivery
    from {{ ref('stg_issue_register') }} as issues
    inner join {{ ref('int_as_of') }} as run
        on issues.snapshot_day <= run.as_of_day and issues.reported_at <= run.as_of
    left join {{ ref('issue_statuses') }} as statuses on issues.status = statuses.status
),

kept as (
    select *
    from entries
    where delivery = 1
),

{{ states_and_withdrawals('issue_register', 'issue_code') }}

select *
from states
