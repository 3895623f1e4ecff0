-- The same kind of difficulty in the same unit, again and again; what the register calls a duplicate is not counted.
with issues as (
    select
        issues.*,
        lag(issues.reported_day) over (
            partition by issues.unit_code, issues.category
            order by issues.reported_at nulls last, issues.issue_code nulls last
        ) as reported_before_day,
        row_number() over (
            partition by issues.unit_code, issues.category order by issues.reported_at desc, issues.issue_code desc
        ) as recency
    from {{ ref('int_issues') }} as issues
    where issues.status <> 'duplicate'
),

reopenings as (
    select
        issue_code,
        {{ count_if("opened_as = 'reopened'") }} as times_reopened
    from {{ ref('int_issue_spells') }}
    group by issue_code
),

final as (
    select
        issues.unit_code,
        issues.category,
        max(issues.unit_name) as unit_name,
        max(categories.name_vi) as category_name_vi,
        max(issues.as_of) as as_of,
        count(*) as issues,
        count(*) - 1 as repeats,
        {{ count_if('issues.is_open') }} as open_issues,
        {{ count_if('reopenings.times_reopened > 0') }} as reopened_issues,
        {{ count_if("issues.reported_day > issues.as_of_day - " ~ var('repeat_window_days')) }} as issues_in_window,
        min(issues.reported_at) as first_reported_at,
        max(issues.reported_at) as last_reported_at,
        max(case when issues.recency = 1 then issues.issue_code end) as last_issue_code,
        cast(min({{ days_between('issues.reported_before_day', 'issues.reported_day') }}) as integer)
            as shortest_gap_days
    from issues
    left join reopenings on issues.issue_code = reopenings.issue_code
    left join {{ ref('issue_categories') }} as categories on issues.category = categories.category
    group by issues.unit_code, issues.category
)

select
    unit_code,
    category,
    unit_name,
    category_name_vi,
    as_of,
    issues,
    repeats,
    issues_in_window,
    issues_in_window > 1 as is_repeating,
    open_issues,
    reopened_issues,
    first_reported_at,
    last_reported_at,
    last_issue_code,
    shortest_gap_days
from final
