with tasks as (
    select
        as_of_day,
        owner_level,
        lead_agency_code,
        bucket
    from {{ ref('int_task_days') }}
    union all
    select
        as_of_day,
        owner_level,
        'all' as lead_agency_code,
        bucket
    from {{ ref('int_task_days') }}
),

counted as (
    select
        as_of_day,
        owner_level,
        lead_agency_code,
        {{ task_counts() }}
    from tasks
    group by as_of_day, owner_level, lead_agency_code
),

reporters as (
    select
        as_of_day,
        owner_level,
        max(snapshot_day) as snapshot_day,
        -- Units, not cases: no count that open data would have to withhold.
        cast({{ count_if('is_expected') }} as integer) as reporters_expected,
        cast({{ count_if('is_expected and not has_reported') }} as integer) as reporters_missing
    from {{ ref('int_task_reporters') }}
    group by as_of_day, owner_level
)

select
    counted.as_of_day,
    counted.owner_level,
    counted.lead_agency_code,
    case when counted.lead_agency_code = 'all' then 'Tất cả' else agencies.unit_name end as lead_agency_name,
    least({{ end_of_day('counted.as_of_day') }}, run.as_of) as as_of,
    reporters.snapshot_day,
    {{ task_measures('counted') }},
    reporters.reporters_expected,
    reporters.reporters_missing,
    reporters.reporters_missing = 0 as is_complete
from counted
cross join {{ ref('int_as_of') }} as run
inner join reporters on counted.as_of_day = reporters.as_of_day and counted.owner_level = reporters.owner_level
left join {{ ref('int_units') }} as agencies on counted.lead_agency_code = agencies.unit_code and agencies.is_current
