{% set measures = [
    'done_on_time', 'done_late', 'done_no_due', 'open_in_term', 'open_overdue', 'open_no_due', 'withdrawn', 'total',
    'completed', 'due_or_done',
] %}
-- Every commune of the day has a row, also the one that reported nothing: 130 of 130 can be read off.
with counted as (
    select
        as_of_day,
        unit_code,
        {{ task_counts() }}
    from {{ ref('int_task_days') }}
    where owner_level <> {{ whole() }}
    group by as_of_day, unit_code
),

reporters as (
    select
        reporters.as_of_day,
        reporters.unit_code,
        reporters.unit_name,
        reporters.snapshot_day,
        {% for measure in measures %}
        coalesce(counted.{{ measure }}, 0) as {{ measure }},
        {% endfor %}
        reporters.has_reported
    from {{ ref('int_task_reporters') }} as reporters
    left join counted on reporters.as_of_day = counted.as_of_day and reporters.unit_code = counted.unit_code
    where reporters.owner_level <> {{ whole() }}
),

measured as (
    select
        reporters.as_of_day,
        reporters.unit_code,
        reporters.unit_name,
        reporters.snapshot_day,
        reporters.has_reported,
        {{ task_measures('reporters') }}
    from reporters
),

-- Ties share the better rank; who has no task has no rank and does not push others down.
ranked as (
    select
        *,
        case
            when total > 0
                then rank() over (partition by as_of_day order by rate_completed desc nulls last)
        end as rank_completed,
        {{ count_if('total > 0') }} over (partition by as_of_day) as units_ranked
    from measured
)

select
    ranked.as_of_day,
    ranked.unit_code,
    ranked.unit_name,
    least({{ end_of_day('ranked.as_of_day') }}, run.as_of) as as_of,
    ranked.snapshot_day,
    ranked.has_reported,
    ranked.done_on_time,
    ranked.done_late,
    ranked.done_no_due,
    ranked.open_in_term,
    ranked.open_overdue,
    ranked.open_no_due,
    ranked.withdrawn,
    ranked.total,
    ranked.completed,
    ranked.rate_completed,
    ranked.due_or_done,
    ranked.rate_on_time,
    ranked.colour,
    cast(ranked.rank_completed as integer) as rank_completed,
    ranked.units_ranked
from ranked
cross join {{ ref('int_as_of') }} as run
