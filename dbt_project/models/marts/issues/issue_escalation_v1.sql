-- The path of an issue from addressee to addressee; time counts only while the issue was open.
{%- set addressee = ['addressed_to_level', 'addressed_to_code'] %}
with slices as (
    select
        *,
        lag({{ tuple_of(addressee) }}) over (partition by issue_code order by slice nulls last)
            as addressee_before
    from {{ ref('int_issue_slices') }}
),

steps as (
    select
        issue_code,
        row_number() over by_slice as step,
        addressed_to_level,
        addressed_to_code,
        from_day,
        lead(from_day) over by_slice as until_day,
        lag(addressed_to_level) over by_slice as level_before
    from slices
    where ({{ tuple_of(addressee) }} is distinct from addressee_before)
    window by_slice as (partition by issue_code order by slice nulls last)
),

stays as (
    select
        steps.issue_code,
        steps.step,
        greatest(steps.from_day, spells.opened_day) as first_day,
        least(coalesce(steps.until_day, run.as_of_day), coalesce(spells.closed_day, run.as_of_day)) as last_day
    from steps
    cross join {{ ref('int_as_of') }} as run
    inner join {{ ref('int_issue_spells') }} as spells on steps.issue_code = spells.issue_code
),

spent as (
    select
        stays.issue_code,
        stays.step,
        sum({{ days_between('stays.first_day', 'stays.last_day') }}) as days,
        sum(ended.working_day_number - began.working_day_number) as working_days
    from stays
    inner join {{ ref('int_calendar') }} as began on stays.first_day = began.date_day
    inner join {{ ref('int_calendar') }} as ended on stays.last_day = ended.date_day
    where stays.first_day <= stays.last_day
    group by stays.issue_code, stays.step
),

final as (
    select
        steps.issue_code,
        cast(steps.step as integer) as step,
        issues.unit_code,
        issues.unit_name,
        issues.category,
        steps.addressed_to_level,
        levels.name_vi as level_name_vi,
        steps.addressed_to_code,
        addressees.unit_name as addressed_to_name,
        case
            when steps.step = 1 then 'first'
            when steps.addressed_to_level = steps.level_before then 'transferred'
            when levels.level_order > before.level_order then 'escalated'
            when levels.level_order < before.level_order then 'handed_down'
            else 'moved'
        end as direction,
        steps.from_day,
        steps.until_day,
        steps.until_day is null as is_last_step,
        steps.until_day is null and issues.is_open as is_waiting_here,
        cast(coalesce(spent.days, 0) as integer) as days,
        cast(coalesce(spent.working_days, 0) as integer) as working_days,
        issues.as_of
    from steps
    inner join {{ ref('int_issues') }} as issues on steps.issue_code = issues.issue_code
    left join spent on steps.issue_code = spent.issue_code and steps.step = spent.step
    left join {{ ref('addressee_levels') }} as levels on steps.addressed_to_level = levels.addressed_to_level
    left join {{ ref('addressee_levels') }} as before on steps.level_before = before.addressed_to_level
    left join {{ ref('int_units') }} as addressees
        on steps.addressed_to_code = addressees.unit_code and addressees.is_current
)

select * from final
