with tasks as (
    select
        derived.as_of_day,
        derived.snapshot_day as in_force_day,
        derived.is_done,
        derived.is_done_by_word,
        derived.done_on,
        derived.is_withdrawn,
        derived.last_bucket,
        derived.bucket,
        reported.*
    from {{ ref('int_task_days') }} as derived
    inner join {{ ref('int_as_of') }} as run on derived.as_of_day = run.as_of_day
    inner join {{ ref('int_task_snapshots') }} as reported
        on
            derived.state_snapshot_day = reported.snapshot_day
            and derived.owner_level = reported.owner_level
            and derived.task_code = reported.task_code
            and derived.unit_code = reported.unit_code
),

comings as (
    select
        owner_level,
        task_code,
        unit_code,
        min(snapshot_day) as first_seen_on,
        max(case when was_withdrawn and not is_withdrawn then snapshot_day end) as returned_on,
        {{ count_if('is_withdrawn') }} as times_withdrawn
    from {{ ref('int_task_states') }}
    group by owner_level, task_code, unit_code
),

compared as (
    select
        tasks.*,
        buckets.is_late and not tasks.is_withdrawn as is_late,
        case
            when tasks.is_withdrawn then null
            when tasks.reported_status = 'done' and tasks.completed_date is null and not tasks.is_done_by_word
                then 'done_without_date'
            when tasks.completed_date > tasks.as_of_day then 'done_in_the_future'
            when tasks.reported_status = 'redo' and tasks.completed_date is not null then 'dated_but_to_be_redone'
            when tasks.is_done and tasks.reported_status not in ('done', 'awaiting_confirmation')
                then 'dated_but_not_reported_done'
            when claims.claims_late and not buckets.is_late then 'reported_late_but_is_not'
            when not claims.claims_late and buckets.is_late then 'late_but_not_reported_so'
            when tasks.is_done and tasks.progress < 100 then 'done_below_full_progress'
        end as conflict
    from tasks
    inner join {{ ref('task_buckets') }} as buckets on tasks.last_bucket = buckets.bucket
    left join {{ ref('int_task_claims') }} as claims on tasks.reported_status_raw = claims.reported_status_raw
),

final as (
    select
        compared.owner_level,
        compared.task_code,
        compared.unit_code,
        units.unit_name,
        compared.title,
        compared.directive_number,
        compared.directive_date,
        compared.lead_agency_code,
        agencies.unit_name as lead_agency_name,
        compared.coordinating_agencies,
        compared.start_date,
        compared.due_date,
        compared.completed_date,
        compared.progress,
        compared.reported_status,
        compared.reported_status_raw,
        case
            when compared.is_withdrawn then 'withdrawn'
            when compared.is_done then 'done'
            else 'open'
        end as derived_status,
        compared.is_done_by_word,
        compared.bucket,
        compared.last_bucket,
        compared.is_late,
        not compared.is_done and not compared.is_withdrawn
        and coalesce(
            {{ days_between('compared.as_of_day', 'compared.due_date') }} between 0 and {{ var('due_soon_days') }},
            false
        ) as is_due_soon,
        cast(
            case
                when not compared.is_done and not compared.is_late and not compared.is_withdrawn
                    then {{ days_between('compared.as_of_day', 'compared.due_date') }}
            end
            as integer
        ) as days_left,
        cast(
            case
                when compared.is_late
                    then {{ days_between('compared.due_date', 'coalesce(compared.done_on, compared.as_of_day)') }}
            end
            as integer
        ) as days_late,
        compared.conflict is not null as has_conflict,
        compared.conflict,
        conflicts.name_vi as conflict_vi,
        compared.evidence_link,
        compared.updated_at,
        compared.snapshot_day,
        comings.first_seen_on,
        compared.is_withdrawn,
        case when compared.is_withdrawn then compared.in_force_day end as withdrawn_on,
        comings.returned_on,
        cast(comings.times_withdrawn as integer) as times_withdrawn
    from compared
    inner join comings
        on
            compared.owner_level = comings.owner_level
            and compared.task_code = comings.task_code
            and compared.unit_code = comings.unit_code
    left join {{ ref('task_conflicts') }} as conflicts on compared.conflict = conflicts.conflict
    left join {{ ref('int_units') }} as units on compared.unit_code = units.unit_code and units.is_current
    left join {{ ref('int_units') }} as agencies
        on compared.lead_agency_code = agencies.unit_code and agencies.is_current
)

select * from final
