{%- set limits = var('feedback_working_days') %}
with newest as (
    select
        *,
        -- An answer without a time of its own was made when it was published or last touched.
        case
            when answered_at is not null or kind = 'rating' then answered_at
            when status in ('answered', 'published') then coalesce(published_at, last_update_at)
        end as answer_made_at,
        row_number() over (partition by feedback_code order by snapshot_day desc) as recency
    from {{ ref('int_feedback_snapshots') }}
),

-- A step that lies after as_of has not happened yet.
feedback as (
    select
        newest.feedback_code,
        newest.received_at,
        newest.unit_code as original_unit_code,
        newest.sector_code,
        newest.dossier_code,
        newest.procedure_code,
        newest.kind,
        newest.status,
        newest.due_at as given_due_at,
        case when newest.refused_at <= run.as_of then newest.refused_at end as refused_at,
        case when newest.supplement_requested_at <= run.as_of then newest.supplement_requested_at end
            as supplement_requested_at,
        case when newest.answer_made_at <= run.as_of then newest.answer_made_at end as answered_at,
        case when newest.published_at <= run.as_of then newest.published_at end as published_at,
        newest.satisfaction,
        newest.last_update_at,
        newest.is_open_status or newest.closed_at > run.as_of as is_open,
        newest.closed_at,
        newest.closed_as,
        cast(newest.received_at as date) as received_day,
        coalesce(units.today_unit_code, newest.unit_code) as unit_code,
        units.today_unit_name as unit_name,
        run.as_of,
        run.as_of_day
    from newest
    cross join {{ ref('int_as_of') }} as run
    left join {{ ref('int_units') }} as units
        on
            newest.unit_code = units.unit_code
            and cast(newest.received_at as date) >= units.applies_from
            and cast(newest.received_at as date) < units.applies_to
    where newest.recency = 1
),

working_days as (
    select
        working_day_number,
        {{ end_of_day('date_day') }} as ends_at
    from {{ ref('int_calendar') }}
    where is_working_day
),

limited as (
    select
        feedback.*,
        received.working_day_number as received_number,
        measured.working_day_number as measured_number,
        today.working_day_number as today_number,
        refuse.ends_at as refuse_due_at,
        supplement.ends_at as supplement_due_at,
        -- A rating needs no answer.
        case when feedback.kind <> 'rating' then coalesce(feedback.given_due_at, answer.ends_at) end as answer_due_at,
        publish.ends_at as publish_due_at
    from feedback
    left join {{ ref('int_calendar') }} as received on feedback.received_day = received.date_day
    left join {{ ref('int_calendar') }} as answered on cast(feedback.answered_at as date) = answered.date_day
    left join {{ ref('int_calendar') }} as today on feedback.as_of_day = today.date_day
    left join {{ ref('int_calendar') }} as measured
        on cast(case when feedback.is_open then feedback.as_of else feedback.closed_at end as date) = measured.date_day
    left join working_days as refuse
        on received.working_day_number + {{ limits.refuse }} = refuse.working_day_number
    left join working_days as supplement
        on received.working_day_number + {{ limits.supplement }} = supplement.working_day_number
    left join working_days as answer
        on received.working_day_number + {{ limits.answer }} = answer.working_day_number
    left join working_days as publish
        on answered.working_day_number + {{ limits.publish }} = publish.working_day_number
),

-- What is read first counts; the other columns do not matter then:
--   next_step:            closed or a rating → none; answered, published → publish; new → decide; else → answer
--   is_answered_in_time:  a rating, withdrawn or refused → null; answered → by its limit or not;
--                         not answered → false once the limit is past, null until then
stepped as (
    select
        *,
        case
            when not is_open or kind = 'rating' then 'none'
            when status in ('answered', 'published') then 'publish'
            when status = 'new' then 'decide'
            else 'answer'
        end as next_step,
        least(refused_at, supplement_requested_at, answered_at) as first_step_at,
        case
            when kind = 'rating' or closed_as = 'withdrawn' or refused_at is not null then null
            when answered_at is not null then answered_at <= answer_due_at
            when as_of > answer_due_at then false
        end as is_answered_in_time
    from limited
),

due as (
    select
        *,
        case next_step
            when 'publish' then publish_due_at
            when 'decide' then coalesce(given_due_at, refuse_due_at)
            when 'answer' then answer_due_at
        end as due_at,
        case
            when first_step_at is null then null
            when refused_at = first_step_at then refused_at <= refuse_due_at
            when supplement_requested_at = first_step_at then supplement_requested_at <= supplement_due_at
            else answered_at <= answer_due_at
        end as is_first_step_in_time
    from stepped
),

{{ fitting_assignments('due', 'feedback_code', 'kind') }},

-- The same dossier complained of again after the answer; a rating is no complaint.
again as (
    select distinct answered.feedback_code
    from due as answered
    inner join due as later
        on
            answered.dossier_code = later.dossier_code
            and answered.answered_at < later.received_at
            and later.kind <> 'rating'
)

select
    due.feedback_code,
    due.received_at,
    cast(date_trunc('month', due.received_at) as date) as received_month,
    due.unit_code,
    due.unit_name,
    due.original_unit_code,
    coalesce(due.sector_code, 'unknown') as sector_code,
    sectors.sector_name,
    due.kind,
    due.dossier_code,
    due.procedure_code,
    procedures.procedure_name,
    due.status,
    due.is_open,
    case when not due.is_open then due.closed_at end as closed_at,
    coalesce(not due.is_open and due.closed_as = 'withdrawn', false) as is_withdrawn,
    due.next_step,
    due.due_at,
    coalesce(due.given_due_at is not null and due.next_step in ('decide', 'answer'), false) as is_due_given,
    coalesce(due.as_of > due.due_at, false) as is_overdue,
    case when due.as_of > due.due_at then due.today_number - due_day.working_day_number end as working_days_late,
    due.measured_number - due.received_number as age_working_days,
    due.refused_at,
    due.supplement_requested_at,
    due.answered_at,
    due.published_at,
    case
        when due.is_first_step_in_time then 'yes'
        when not due.is_first_step_in_time then 'no'
        else 'not_yet'
    end as first_step_in_time,
    due.answer_due_at,
    due.is_answered_in_time,
    coalesce(fitting.member_role, 'Chưa phân công') as responsible_role,
    coalesce(fitting.assignment_basis, 'none') as assignment_basis,
    due.satisfaction,
    due.satisfaction >= 4 as is_satisfied,
    due.satisfaction <= 2 as is_dissatisfied,
    again.feedback_code is not null as is_complained_again,
    due.last_update_at,
    due.as_of
from due
left join fitting on due.feedback_code = fitting.feedback_code and fitting.choice = 1
left join again on due.feedback_code = again.feedback_code
left join {{ ref('int_calendar') }} as due_day on cast(due.due_at as date) = due_day.date_day
left join {{ ref('int_sectors') }} as sectors on coalesce(due.sector_code, 'unknown') = sectors.sector_code
left join {{ ref('int_procedures') }} as procedures
    on {{ procedure_code_without_suffix('due.procedure_code') }} = procedures.procedure_code
