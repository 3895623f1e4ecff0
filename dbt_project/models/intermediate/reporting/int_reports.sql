-- How much each unit has in each delivery of each source; the province as a whole is a unit too.
with log as (
    select
        'dossier_log' as source,
        cast(recorded_at as date) as delivery_day,
        unit_code,
        count(*) as records
    from {{ ref('int_dossier_states') }}
    group by cast(recorded_at as date), unit_code
),

tasks as (
    select
        'task_tracker' as source,
        snapshot_day as delivery_day,
        unit_code,
        count(*) as records
    from {{ ref('int_task_states') }}
    where is_listed
    group by snapshot_day, unit_code
),

issues as (
    select
        'issue_register' as source,
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
        source,
        delivery_day,
        'province' as unit_code,
        sum(records) as records
    from issues
    group by source, delivery_day
),

ranking as (
    select
        'national_ranking' as source,
        ranking.snapshot_day as delivery_day,
        'province' as unit_code,
        count(*) as records
    from {{ ref('stg_national_ranking') }} as ranking
    inner join {{ ref('int_as_of') }} as run on ranking.snapshot_day <= run.as_of_day
    group by ranking.snapshot_day
)

select * from log
union all
select * from tasks
union all
select * from issues
union all
select * from register
union all
select * from ranking
