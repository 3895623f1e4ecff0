with today as (

    select as_of, cast(as_of as date) as as_of_day from {{ ref('stg_run_parameters') }}

),

issues as (

    select
        issues.*,
        statuses.is_open,
        statuses.name_vi as status_name,
        today.as_of_day
    from {{ ref('stg_issues') }} as issues
    inner join {{ ref('issue_statuses') }} as statuses on issues.status = statuses.status
    cross join today
    where issues.snapshot_day <= today.as_of_day
    qualify dense_rank() over (order by issues.snapshot_day desc) = 1

),

-- working days are numbered, so that a span of them is a subtraction
working as (

    select
        date_day,
        sum(cast(is_working_day as integer)) over (order by date_day) as working_number
    from {{ ref('stg_calendar') }}

),

responsible as (

    select
        issues.issue_code,
        assignments.member_role
    from issues
    inner join {{ ref('stg_assignments') }} as assignments
        on
            assignments.category in ('*', issues.category)
            and assignments.sector_code in ('*', coalesce(issues.sector_code, ''))
            and assignments.unit_code in ('*', coalesce(issues.unit_code, ''))
    -- the most specific assignment wins: unit, then category, then sector
    qualify row_number() over (
        partition by issues.issue_code
        order by
            assignments.unit_code = '*', assignments.category = '*', assignments.sector_code = '*',
            assignments.member_role
    ) = 1

)

select
    issues.issue_code,
    issues.reported_at,
    issues.reported_by_role,
    issues.unit_code,
    units.unit_name,
    issues.sector_code,
    issues.category,
    issues.severity,
    issues.addressed_to_level,
    issues.addressed_to_code,
    issues.status,
    issues.status_name,
    issues.is_open,
    issues.due_at,
    issues.resolved_at,
    issues.last_update_at,
    date_diff('day', issues.reported_at, coalesce(issues.resolved_at, issues.as_of_day)) as age_days,
    date_diff('day', issues.last_update_at, issues.as_of_day) as silent_days,
    cast(until.working_number - since.working_number as integer) as age_working_days,
    {{ var('issue_resolve_working_days') }} as sla_working_days,
    issues.is_open
    and until.working_number - since.working_number > {{ var('issue_resolve_working_days') }} as is_overdue,
    responsible.member_role as responsible_role,
    issues.snapshot_day,
    issues.batch_id,
    issues._row as batch_row
from issues
left join working as since on cast(issues.reported_at as date) = since.date_day
left join working as until
    on cast(coalesce(issues.resolved_at, issues.as_of_day) as date) = until.date_day
left join responsible on issues.issue_code = responsible.issue_code
left join {{ ref('stg_units') }} as units on issues.unit_code = units.unit_code and units.is_current
