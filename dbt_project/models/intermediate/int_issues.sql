with issues as (
    select
        snapshots.*,
        snapshots.is_open_status or snapshots.closed_at > run.as_of as is_open,
        cast(snapshots.reported_at as date) as reported_day,
        run.as_of
    from {{ ref('int_issue_snapshots') }} as snapshots
    cross join {{ ref('int_as_of') }} as run
    where snapshots.snapshot_day = (select max(register.snapshot_day) from {{ ref('int_issue_snapshots') }} as register)
),

-- The n-th working day after the day of report, which is itself not counted (DOMAIN §7).
sla as (
    select
        issues.issue_code,
        {{ end_of_day('due.date_day') }} as sla_due_at
    from issues
    inner join {{ ref('issue_categories') }} as categories on issues.category = categories.category
    inner join {{ ref('int_calendar') }} as reported on issues.reported_day = reported.date_day
    inner join {{ ref('int_calendar') }} as due
        on reported.working_day_number + categories.sla_working_days = due.working_day_number and due.is_working_day
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
    issues.due_at as given_due_at,
    sla.sla_due_at,
    coalesce(issues.due_at, sla.sla_due_at) as due_at,
    issues.last_update_at,
    issues.as_of
from issues
left join sla on issues.issue_code = sla.issue_code
left join {{ ref('int_units') }} as units
    on
        issues.unit_code = units.unit_code
        and issues.reported_day >= units.applies_from
        and issues.reported_day < units.applies_to
