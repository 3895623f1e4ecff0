with carried as (
    select
        timeliness.unit_code,
        timeliness.open_total,
        timeliness.open_overdue,
        timeliness.open_paused
    from {{ ref('dossier_timeliness', v=2) }} as timeliness
    inner join {{ ref('int_as_of') }} as run on timeliness.as_of_day = run.as_of_day
    where timeliness.period = 'day' and timeliness.sector_code = 'all' and timeliness.unit_level <> {{ whole() }}
),

register_counts as (
    select
        coalesce(register.processing_unit_code, register.receiving_unit_code) as unit_code,
        {{ count_if('register.is_open') }} as open_total,
        {{ count_if('register.is_overdue') }} as open_overdue,
        {{ count_if('register.is_clock_paused') }} as open_paused
    from {{ ref('dossier_register', v=1) }} as register
    inner join {{ ref('int_as_of') }} as run
        on register.received_at <= run.as_of and run.as_of_day >= run.counts_since
    group by 1
)

select
    carried.unit_code as carried_unit,
    register_counts.unit_code as listed_unit
from carried
full outer join register_counts on carried.unit_code = register_counts.unit_code
where
    coalesce(carried.open_total, 0) <> coalesce(register_counts.open_total, 0)
    or coalesce(carried.open_overdue, 0) <> coalesce(register_counts.open_overdue, 0)
    or coalesce(carried.open_paused, 0) <> coalesce(register_counts.open_paused, 0)
