with newest as (
    select
        *,
        row_number() over (partition by issue_code order by snapshot_day desc) as recency
    from {{ ref('int_issue_snapshots') }}
),

issues as (
    select
        newest.*,
        newest.is_open_status or newest.closed_at > run.as_of as is_open,
        cast(newest.reported_at as date) as reported_day,
        run.as_of,
        run.as_of_day
    from newest
    cross join {{ ref('int_as_of') }} as run
    where newest.recency = 1
),

working_days as (
    select
        working_day_number,
        {{ end_of_day('date_day') }} as ends_at
    from {{ ref('int_calendar') }}
    where is_working_day
),

-- The n-th working day after the day of report, which is itself not counted (Civil Code 2015, article 147).
sla as (
    select
        issues.issue_code,
        categories.sla_working_days,
        decide.ends_at as decide_due_at,
        resolve.ends_at as sla_due_at
    from issues
    inner join {{ ref('issue_categories') }} as categories on issues.category = categories.category
    inner join {{ ref('int_calendar') }} as reported on issues.reported_day = reported.date_day
    left join working_days as decide
        on reported.working_day_number + categories.decide_working_days = decide.working_day_number
    left join working_days as resolve
        on reported.working_day_number + categories.sla_working_days = resolve.working_day_number
)

select
    issues.issue_code,
    issues.reported_at,
    issues.reported_day,
    issues.reported_by_role,
    issues.unit_code as original_unit_code,
    coalesce(units.today_unit_code, issues.unit_code) as unit_code,
    units.today_unit_name as unit_name,
    issues.sector_code,
    issues.category,
    issues.severity,
    issues.addressed_to_level,
    issues.addressed_to_code,
    issues.status,
    issues.is_open,
    case when not issues.is_open then issues.closed_at end as closed_at,
    case when not issues.is_open then issues.closed_as end as closed_as,
    issues.due_at as given_due_at,
    sla.sla_working_days,
    sla.decide_due_at,
    sla.sla_due_at,
    coalesce(issues.due_at, sla.sla_due_at) as due_at,
    issues.last_update_at,
    issues.as_of,
    issues.as_of_day
from issues
left join sla on issues.issue_code = sla.issue_code
left join {{ ref('int_units') }} as units
    on
        issues.unit_code = units.unit_code
        and issues.reported_day >= units.applies_from
        and issues.reported_day < units.applies_to
