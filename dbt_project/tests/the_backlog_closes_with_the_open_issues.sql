with list_of_issues as (
    select {{ count_if('is_open') }} as open_issues
    from {{ ref('issue_backlog', v=1) }}
),

flow as (
    select coalesce(sum(daily.closing), 0) as closing
    from {{ ref('issue_backlog_daily', v=1) }} as daily
    inner join {{ ref('int_as_of') }} as run on daily.as_of_day = run.as_of_day
)

select *
from list_of_issues
cross join flow
where list_of_issues.open_issues <> flow.closing
