select
    coalesce(today.as_of_day, yesterday.as_of_day + 1) as as_of_day,
    today.opening,
    yesterday.closing
from {{ ref('issue_backlog_daily', v=1) }} as today
full outer join {{ ref('issue_backlog_daily', v=1) }} as yesterday
    on
        today.as_of_day = yesterday.as_of_day + 1
        and today.unit_code = yesterday.unit_code
        and today.category = yesterday.category
        and today.addressed_to_level = yesterday.addressed_to_level
where
    coalesce(today.opening, 0) <> coalesce(yesterday.closing, 0)
    and coalesce(today.as_of_day, yesterday.as_of_day + 1) <= (select as_of_day from {{ ref('int_as_of') }})
