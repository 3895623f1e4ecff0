-- Sparse: a slice has a row on the days on which something was open or moved. What an issue adds that day:
-- the issue …                  leaves  opens  moves  closes | opening  in               out        closing
-- stays open                   no      no     no     no     | 1                                    1
-- opens (new or reopened)      no      yes    no     no     |          new or reopened             1
-- closes                       no      no     no     yes    | 1                         closed
-- opens and closes in a day    no      yes    no     yes    |          new or reopened  closed
-- moves: the slice it leaves   yes     no     yes    any    | 1                         moved_out
-- moves: the slice it reaches  no      no     yes    no/yes |          moved_in         (closed)   1 (0)
with spells as (
    select
        spells.issue_code,
        spells.opened_day,
        spells.opened_as,
        spells.closed_day,
        spells.closed_as,
        issues.due_at,
        reported.working_day_number as reported_number
    from {{ ref('int_issue_spells') }} as spells
    inner join {{ ref('int_issues') }} as issues on spells.issue_code = issues.issue_code
    inner join {{ ref('int_calendar') }} as reported on issues.reported_day = reported.date_day
),

-- The day of report is a sign of life, and every last update that a snapshot ever showed.
signs as (
    select
        sign_days.issue_code,
        sign_days.sign_day,
        calendar.working_day_number as sign_number,
        lead(sign_days.sign_day) over (partition by sign_days.issue_code order by sign_days.sign_day nulls last)
            as next_sign_day
    from (
        select
            issue_code,
            least(reported_day, as_of_day) as sign_day
        from {{ ref('int_issues') }}
        union
        select
            issue_code,
            opened_day as sign_day
        from {{ ref('int_issue_spells') }}
        union
        select
            issue_code,
            cast(last_update_at as date) as sign_day
        from {{ ref('int_issue_snapshots') }}
        where last_update_at is not null
    ) as sign_days
    inner join {{ ref('int_calendar') }} as calendar on sign_days.sign_day = calendar.date_day
),

-- A spell is seen from the day it opened to the day it closed, both included.
-- Comparisons alone: with an `or` in an outer join, DuckDB compares every row of one side with every row of the other.
issue_days as (
    select
        calendar.date_day as as_of_day,
        spells.*,
        spells.opened_day = calendar.date_day as opens,
        coalesce(spells.closed_day = calendar.date_day, false) as closes,
        calendar.working_day_number - spells.reported_number as age,
        calendar.working_day_number - signs.sign_number as silence,
        coalesce(least({{ end_of_day('calendar.date_day') }}, run.as_of) > spells.due_at, false) as is_past_due
    from {{ ref('int_calendar') }} as calendar
    inner join {{ ref('int_as_of') }} as run on calendar.date_day <= run.as_of_day
    inner join spells
        on
            calendar.date_day >= spells.opened_day
            and (spells.closed_day is null or calendar.date_day <= spells.closed_day)
    left join signs
        on
            spells.issue_code = signs.issue_code
            and calendar.date_day >= signs.sign_day
            and calendar.date_day < coalesce(signs.next_sign_day, date '9999-12-31')
),

positions as (
    select
        issue_days.*,
        today.unit_code,
        today.unit_name,
        today.category,
        today.addressed_to_level,
        before.unit_code as from_unit_code,
        before.unit_name as from_unit_name,
        before.category as from_category,
        before.addressed_to_level as from_addressed_to_level,
        not issue_days.opens and (
            before.unit_code <> today.unit_code
            or before.category <> today.category
            or before.addressed_to_level <> today.addressed_to_level
        ) as moves
    from issue_days
    inner join {{ ref('int_issue_slices') }} as today
        on
            issue_days.issue_code = today.issue_code
            and issue_days.as_of_day >= today.from_day
            and issue_days.as_of_day < coalesce(today.until_day, date '9999-12-31')
    left join {{ ref('int_issue_slices') }} as before
        on
            issue_days.issue_code = before.issue_code
            and issue_days.as_of_day - 1 >= before.from_day
            and issue_days.as_of_day - 1 < coalesce(before.until_day, date '9999-12-31')
),

-- An issue counts where it stands at the end of the day; one that moved opened the day in another slice and left it.
contributions as (
    {%- set facts = ['opened_as', 'closed_as', 'opens', 'closes', 'age', 'silence', 'is_past_due', 'moves'] %}
    select
        as_of_day,
        unit_code,
        unit_name,
        category,
        addressed_to_level,
        {{ facts | join(', ') }},
        false as leaves
    from positions
    union all
    select
        as_of_day,
        from_unit_code as unit_code,
        from_unit_name as unit_name,
        from_category as category,
        from_addressed_to_level as addressed_to_level,
        {{ facts | join(', ') }},
        true as leaves
    from positions
    where moves
)

select
    as_of_day,
    unit_code,
    category,
    addressed_to_level,
    max(unit_name) as unit_name,
    {{ count_if('leaves or not (opens or coalesce(moves, false))') }} as opening,
    {{ count_if("not leaves and opens and opened_as = 'new'") }} as new_issues,
    {{ count_if("not leaves and opens and opened_as = 'reopened'") }} as reopened,
    {{ count_if('not leaves and moves') }} as moved_in,
    {{ count_if('leaves') }} as moved_out,
    {{ count_if('not leaves and closes') }} as closed,
    {{ count_if("not leaves and closes and closed_as = 'resolved'") }} as closed_resolved,
    {{ count_if("not leaves and closes and closed_as = 'withdrawn'") }} as closed_withdrawn,
    {{ count_if("not leaves and closes and closed_as not in ('resolved', 'withdrawn')") }} as closed_otherwise,
    {{ count_if('not leaves and not closes') }} as closing,
    {% for measure, name in [('age', 'open'), ('silence', 'silent')] %}
    {{ count_if('not leaves and not closes and ' ~ measure ~ ' <= 5') }} as {{ name }}_0_5_working_days,
    {{ count_if('not leaves and not closes and ' ~ measure ~ ' between 6 and 15') }} as {{ name }}_6_15_working_days,
    {{ count_if('not leaves and not closes and ' ~ measure ~ ' between 16 and 30') }} as {{ name }}_16_30_working_days,
    {{ count_if('not leaves and not closes and ' ~ measure ~ ' > 30') }} as {{ name }}_over_30_working_days,
    {% endfor %}
    {{ count_if('not leaves and not closes and is_past_due') }} as overdue
from contributions
group by as_of_day, unit_code, category, addressed_to_level
