{{ config(materialized='view') }}

-- What an old code reported counts for the unit that it has become by the day of the report.
with issues as (
    select
        snapshots.snapshot_day as delivery_day,
        coalesce(units.today_unit_code, snapshots.unit_code) as unit_code,
        count(*) as records
    from {{ ref('int_issue_snapshots') }} as snapshots
    left join {{ ref('int_units') }} as units
        on
            snapshots.unit_code = units.unit_code
            and cast(snapshots.reported_at as date) >= units.applies_from
            and cast(snapshots.reported_at as date) < units.applies_to
    where snapshots.is_listed
    group by snapshots.snapshot_day, coalesce(units.today_unit_code, snapshots.unit_code)
),

register as (
    select
        issues.delivery_day,
        run.whole_code as unit_code,
        sum(issues.records) as records
    from issues
    cross join {{ ref('int_as_of') }} as run
    group by issues.delivery_day, run.whole_code
)

select * from issues
union all
select * from register
