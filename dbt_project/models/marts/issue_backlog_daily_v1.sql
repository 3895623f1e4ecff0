-- Sparse: a slice has a row on the days on which something was open or moved.
with spells as (
    select
        spells.opened_day,
        spells.opened_as,
        spells.closed_day,
        issues.reported_day,
        issues.due_at,
        issues.unit_code,
        issues.unit_name,
        issues.category,
        issues.addressed_to_level
    from {{ ref('int_issue_spells') }} as spells
    inner join {{ ref('int_issues') }} as issues on spells.issue_code = issues.issue_code
),

-- A spell is seen from the day it opened to the day it closed, both included.
seen as (
    select
        calendar.date_day as as_of_day,
        spells.*,
        spells.opened_day = calendar.date_day as opens,
        coalesce(spells.closed_day = calendar.date_day, false) as closes,
        calendar.date_day - spells.reported_day as age_days,
        coalesce(least({{ end_of_day('calendar.date_day') }}, run.as_of) > spells.due_at, false) as is_past_due
    from {{ ref('int_calendar') }} as calendar
    inner join {{ ref('int_as_of') }} as run on calendar.date_day <= run.as_of_day
    inner join spells
        on
            calendar.date_day >= spells.opened_day
            and (spells.closed_day is null or calendar.date_day <= spells.closed_day)
)

select
    as_of_day,
    unit_code,
    category,
    addressed_to_level,
    max(unit_name) as unit_name,
    {{ count_if('not opens') }} as opening,
    {{ count_if("opens and opened_as = 'new'") }} as new_issues,
    {{ count_if("opens and opened_as = 'reopened'") }} as reopened,
    {{ count_if('closes') }} as closed,
    {{ count_if('not closes') }} as closing,
    {{ count_if('not closes and age_days <= 5') }} as open_0_5_days,
    {{ count_if('not closes and age_days between 6 and 15') }} as open_6_15_days,
    {{ count_if('not closes and age_days between 16 and 30') }} as open_16_30_days,
    {{ count_if('not closes and age_days > 30') }} as open_over_30_days,
    {{ count_if('not closes and is_past_due') }} as overdue
from seen
group by as_of_day, unit_code, category, addressed_to_level
