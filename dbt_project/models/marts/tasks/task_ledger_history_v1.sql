-- Derived by comparing the retained snapshots: nothing is kept between two builds.
{% set fields = [
    'title', 'directive_number', 'directive_date', 'lead_agency_code', 'coordinating_agencies', 'start_date', 'due_date',
    'reported_status', 'reported_status_raw', 'progress', 'completed_date', 'evidence_link',
] %}
with entries as (
    select
        states.snapshot_day,
        states.owner_level,
        states.task_code,
        states.unit_code,
        {% for field in fields %}
        cast(task.{{ field }} as string) as {{ field }},
        {% endfor %}
        task.updated_at
    from {{ ref('int_task_states') }} as states
    inner join {{ ref('int_task_snapshots') }} as task
        on
            states.snapshot_day = task.snapshot_day
            and states.owner_level = task.owner_level
            and states.task_code = task.task_code
            and states.unit_code = task.unit_code
    where states.is_listed
),

compared as (
    select
        *,
        {% for field in fields %}
        lag({{ field }}) over by_day as {{ field }}_before,
        {% endfor %}
        lag(snapshot_day) over by_day as seen_before_on
    from entries
    window by_day as (partition by owner_level, task_code, unit_code order by snapshot_day nulls last)
),

field_changes as (
    {% for field in fields %}
    select
        owner_level,
        task_code,
        unit_code,
        snapshot_day as seen_on,
        seen_before_on,
        'changed' as change,
        '{{ field }}' as field,
        {{ field }}_before as from_value,
        {{ field }} as to_value,
        updated_at
    from compared
    where seen_before_on is not null and ({{ field }} is distinct from {{ field }}_before)
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Coming and going: first listed, no longer listed, listed again.
presence_changes as (
    select
        states.owner_level,
        states.task_code,
        states.unit_code,
        states.snapshot_day as seen_on,
        states.state_before_day as seen_before_on,
        case
            when states.was_withdrawn is null then 'first_seen'
            when states.is_withdrawn then 'withdrawn'
            else 'returned'
        end as change,
        '*' as field,
        case
            when states.was_withdrawn then 'withdrawn'
            when not states.was_withdrawn then days.last_bucket
        end as from_value,
        days.bucket as to_value,
        cast(null as timestamp) as updated_at
    from {{ ref('int_task_states') }} as states
    inner join {{ ref('int_task_days') }} as days
        on
            states.snapshot_day = days.as_of_day
            and states.owner_level = days.owner_level
            and states.task_code = days.task_code
            and states.unit_code = days.unit_code
    where (states.was_withdrawn is distinct from states.is_withdrawn)
),

changes as (
    select * from field_changes
    union all
    select * from presence_changes
),

final as (
    select
        changes.owner_level,
        changes.task_code,
        changes.unit_code,
        units.unit_name,
        changes.seen_on,
        changes.field,
        changes.change,
        changes.seen_before_on,
        changes.from_value,
        changes.to_value,
        coalesce(changes.field = 'due_date' and changes.to_value > changes.from_value, false) as is_deadline_extended,
        changes.updated_at
    from changes
    left join {{ ref('int_units') }} as units on changes.unit_code = units.unit_code and units.is_current
)

select * from final
