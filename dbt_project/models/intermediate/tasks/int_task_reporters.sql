-- Who must report for the level on the day: every commune that exists then, and the province itself.
with levels as (
    select
        as_of_day,
        owner_level,
        max(snapshot_day) over (partition by as_of_day) as snapshot_day
    from (
        select
            as_of_day,
            owner_level,
            max(snapshot_day) as snapshot_day
        from {{ ref('int_task_days') }}
        group by as_of_day, owner_level
    ) as latest
),

expected as (
    select
        levels.*,
        units.unit_code,
        units.unit_name
    from levels
    inner join {{ ref('int_units') }} as units
        on
            levels.owner_level = units.unit_level
            and levels.as_of_day >= units.valid_from
            and (units.valid_to is null or levels.as_of_day < units.valid_to)
    union all
    select
        levels.*,
        {{ whole() }} as unit_code,
        run.whole_name_vi as unit_name
    from levels
    cross join {{ ref('int_as_of') }} as run
    where levels.owner_level = {{ whole() }}
),

reported as (
    select
        as_of_day,
        owner_level,
        unit_code,
        {{ count_if('not is_withdrawn') }} as tasks
    from {{ ref('int_task_days') }}
    group by as_of_day, owner_level, unit_code
)

select
    coalesce(expected.as_of_day, reported.as_of_day) as as_of_day,
    coalesce(expected.owner_level, reported.owner_level) as owner_level,
    coalesce(expected.unit_code, reported.unit_code) as unit_code,
    coalesce(expected.unit_name, reported.unit_code) as unit_name,
    coalesce(expected.snapshot_day, levels.snapshot_day) as snapshot_day,
    expected.unit_code is not null as is_expected,
    coalesce(reported.tasks, 0) as tasks,
    coalesce(reported.tasks > 0, false) as has_reported
from expected
full outer join reported
    on
        expected.as_of_day = reported.as_of_day
        and expected.owner_level = reported.owner_level
        and expected.unit_code = reported.unit_code
left join levels on reported.as_of_day = levels.as_of_day and reported.owner_level = levels.owner_level
