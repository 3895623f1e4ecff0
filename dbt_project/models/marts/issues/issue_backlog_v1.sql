with issues as (
    select
        *,
        coalesce(closed_at, as_of) as measured_at,
        cast(greatest(coalesce(last_update_at, reported_at), reported_at) as date) as touched_day
    from {{ ref('int_issues') }}
),

{{ fitting_assignments('issues', 'issue_code', 'category') }},

reopenings as (
    select
        issue_code,
        {{ count_if("opened_as = 'reopened'") }} as times_reopened
    from {{ ref('int_issue_spells') }}
    group by issue_code
),

-- The same category in the same unit again; what the register calls a duplicate is no repetition.
repeated as (
    select
        issue_code,
        row_number() over of_a_kind as repeat_number,
        lag(issue_code) over of_a_kind as previous_issue_code
    from issues
    where status <> 'duplicate'
    window of_a_kind as (partition by unit_code, category order by reported_at nulls last, issue_code nulls last)
),

paths as (
    select
        issue_code,
        count(*) as addressees,
        {{ count_if("direction = 'escalated'") }} as times_escalated
    from {{ ref('issue_escalation', v=1) }}
    group by issue_code
),

measured as (
    select
        issues.*,
        reported.working_day_number as reported_number,
        ended.working_day_number as measured_number,
        touched.working_day_number as touched_number,
        today.working_day_number as today_number,
        due.working_day_number as due_number
    from issues
    left join {{ ref('int_calendar') }} as reported on issues.reported_day = reported.date_day
    left join {{ ref('int_calendar') }} as ended on cast(issues.measured_at as date) = ended.date_day
    left join {{ ref('int_calendar') }} as today on issues.as_of_day = today.date_day
    left join {{ ref('int_calendar') }} as due on cast(issues.due_at as date) = due.date_day
    left join {{ ref('int_calendar') }} as touched on issues.touched_day = touched.date_day
),

aged as (
    select
        *,
        measured_number - reported_number as age_working_days,
        today_number - touched_number as working_days_since_update,
        coalesce(measured_at > due_at, false) as is_late
    from measured
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
        addressees.unit_name as addressed_to_name,
        cast(paths.addressees as integer) as addressees,
        cast(paths.times_escalated as integer) as times_escalated,
        coalesce(fitting.member_role, 'Chưa phân công') as responsible_role,
        fitting.member_role is null as is_unassigned,
        coalesce(fitting.assignment_basis, 'none') as assignment_basis,
        issues.status,
        statuses.name_vi as status_name_vi,
        issues.is_open,
        coalesce(issues.closed_as = 'withdrawn', false) as is_withdrawn,
        issues.closed_at,
        issues.sla_working_days,
        issues.sla_due_at,
        issues.due_at,
        issues.given_due_at is null as is_due_by_sla,
        issues.is_late,
        coalesce(issues.is_open and issues.as_of > issues.due_at, false) as is_overdue,
        coalesce(issues.is_open and issues.status = 'new' and issues.as_of > issues.decide_due_at, false)
            as is_decision_overdue,
        case
            when issues.is_open and not issues.is_late then issues.due_number - issues.today_number
        end as working_days_left,
        case when issues.is_late then issues.measured_number - issues.due_number end as working_days_late,
        cast({{ days_between('issues.reported_day', 'cast(issues.measured_at as date)') }} as integer) as age_days,
        issues.age_working_days,
        {{ working_day_bucket('issues.age_working_days') }} as age_bucket,
        cast({{ days_between('cast(issues.last_update_at as date)', 'issues.as_of_day') }} as integer)
            as days_since_update,
        issues.working_days_since_update,
        case when issues.is_open then {{ working_day_bucket('issues.working_days_since_update') }} end
            as silence_bucket,
        issues.last_update_at,
        cast(coalesce(reopenings.times_reopened, 0) as integer) as times_reopened,
        cast(repeated.repeat_number as integer) as repeat_number,
        repeated.previous_issue_code,
        issues.as_of
    from aged as issues
    inner join paths on issues.issue_code = paths.issue_code
    left join fitting on issues.issue_code = fitting.issue_code and fitting.choice = 1
    left join reopenings on issues.issue_code = reopenings.issue_code
    left join repeated on issues.issue_code = repeated.issue_code
    left join {{ ref('int_units') }} as addressees
        on issues.addressed_to_code = addressees.unit_code and addressees.is_current
    left join {{ ref('issue_categories') }} as categories on issues.category = categories.category
    left join {{ ref('issue_statuses') }} as statuses on issues.status = statuses.status
)

select * from final
