-- Where an issue stands: unit, category and addressee, as the snapshots show them one after the other. A change is
-- dated by the register's own last update where that lies between the two snapshots, else by the later snapshot.
{%- set slice = ['unit_code', 'category', 'addressed_to_level', 'addressed_to_code'] %}
with positions as (
    select
        snapshots.issue_code,
        snapshots.snapshot_day,
        cast(snapshots.last_update_at as date) as updated_day,
        issues.reported_day,
        coalesce(units.today_unit_code, snapshots.unit_code) as unit_code,
        coalesce(units.today_unit_name, snapshots.unit_code) as unit_name,
        snapshots.category,
        snapshots.addressed_to_level,
        snapshots.addressed_to_code
    from {{ ref('int_issue_snapshots') }} as snapshots
    inner join {{ ref('int_issues') }} as issues on snapshots.issue_code = issues.issue_code
    left join {{ ref('int_units') }} as units
        on
            snapshots.unit_code = units.unit_code
            and issues.reported_day >= units.applies_from
            and issues.reported_day < units.applies_to
    where snapshots.is_listed
),

compared as (
    select
        *,
        lag(snapshot_day) over by_day as seen_before_day,
        lag({{ tuple_of(slice) }}) over by_day as slice_before
    from positions
    window by_day as (partition by issue_code order by snapshot_day nulls last)
),

starts as (
    select
        *,
        case
            when seen_before_day is null then least(reported_day, snapshot_day)
            else least(greatest(coalesce(updated_day, snapshot_day), seen_before_day), snapshot_day)
        end as from_day
    from compared
    where ({{ tuple_of(slice) }} is distinct from slice_before)
)

select
    issue_code,
    row_number() over by_day as slice,
    unit_code,
    unit_name,
    category,
    addressed_to_level,
    addressed_to_code,
    from_day,
    lead(from_day) over by_day as until_day
from starts
window by_day as (partition by issue_code order by snapshot_day nulls last)
