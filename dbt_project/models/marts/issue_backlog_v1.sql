with issues as (
    select
        *,
        coalesce(closed_at, as_of) as measured_at
    from {{ ref('int_issues') }}
),

-- Who must act: the assignment that fits and says most; a star fits anything.
fitting as (
    select
        issues.issue_code,
        assignments.member_role,
        row_number() over (
            partition by issues.issue_code
            order by
                case when assignments.category = '*' then 0 else 1 end
                + case when assignments.sector_code = '*' then 0 else 1 end
                + case when assignments.unit_code = '*' then 0 else 1 end desc,
                -- Of equals, the kind of difficulty says more than where in the administration it arose.
                case when assignments.category = '*' then 1 else 0 end,
                assignments.member_role
        ) as choice
    from issues
    inner join {{ ref('int_assignments') }} as assignments
        on
            (assignments.category = '*' or issues.category = assignments.category)
            and (assignments.sector_code = '*' or issues.sector_code = assignments.sector_code)
            and (assignments.unit_code = '*' or issues.unit_code = assignments.unit_code)
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
        issues.issue_code,
        issues.reported_at,
        issues.reported_by_role,
        issues.unit_code,
        issues.unit_name,
        issues.original_unit_code,
        issues.sector_code,
        issues.category,
        categories.name_vi as category_name_vi,
        issues.severity,
        issues.addressed_to_level,
        issues.addressed_to_code,
        fitting.member_role as responsible_role,
        issues.status,
        statuses.name_vi as status_name_vi,
        issues.is_open,
        issues.closed_at,
        issues.due_at,
        issues.given_due_at is null as is_due_by_sla,
        coalesce(issues.measured_at > issues.due_at, false) as is_late,
        coalesce(issues.is_open and issues.as_of > issues.due_at, false) as is_overdue,
        cast(cast(issues.measured_at as date) - issues.reported_day as integer) as age_days,
        measured.working_day_number - reported.working_day_number as age_working_days,
        cast(cast(issues.as_of as date) - cast(issues.last_update_at as date) as integer) as days_since_update,
        issues.last_update_at,
        cast(coalesce(reopenings.times_reopened, 0) as integer) as times_reopened
    from issues
    left join fitting on issues.issue_code = fitting.issue_code and fitting.choice = 1
    left join reopenings on issues.issue_code = reopenings.issue_code
    left join {{ ref('issue_categories') }} as categories on issues.category = categories.category
    left join {{ ref('issue_statuses') }} as statuses on issues.status = statuses.status
    left join {{ ref('int_calendar') }} as reported on issues.reported_day = reported.date_day
    left join {{ ref('int_calendar') }} as measured on cast(issues.measured_at as date) = measured.date_day
)

select * from final
