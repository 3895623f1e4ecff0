-- Dense: every commune of the day × every task the level has, so that an empty cell is a row that says why.
with cells as (
    select *
    from {{ ref('task_ledger', v=1) }}
    where owner_level <> {{ whole() }}
),

tasks as (
    select
        task_code,
        max(title) as title,
        {{ count_if("bucket <> 'withdrawn'") }} as communes_listed,
        {{ count_if("bucket <> 'withdrawn' and derived_status = 'done'") }} as communes_completed
    from cells
    group by task_code
),

communes as (
    select totals.*
    from {{ ref('task_completion_by_unit', v=1) }} as totals
    inner join {{ ref('int_as_of') }} as run on totals.as_of_day = run.as_of_day
),

final as (
    select
        tasks.task_code,
        communes.unit_code,
        communes.unit_name,
        tasks.title,
        case
            when cells.task_code is not null then cells.bucket
            when communes.has_reported then 'not_listed'
            else 'not_provided'
        end as cell,
        cells.due_date,
        cells.completed_date,
        cells.progress,
        cells.days_left,
        cells.days_late,
        coalesce(cells.is_due_soon, false) as is_due_soon,
        coalesce(cells.has_conflict, false) as has_conflict,
        tasks.communes_listed as task_communes_listed,
        tasks.communes_completed as task_communes_completed,
        {{ rate('tasks.communes_completed', 'tasks.communes_listed') }} as task_rate_completed,
        communes.total as unit_total,
        communes.completed as unit_completed,
        communes.open_overdue as unit_overdue,
        communes.rate_completed as unit_rate_completed,
        communes.rate_on_time as unit_rate_on_time,
        communes.colour as unit_colour,
        communes.rank_completed as unit_rank,
        communes.units_ranked
    from tasks
    cross join communes
    left join cells on tasks.task_code = cells.task_code and communes.unit_code = cells.unit_code
)

select * from final
