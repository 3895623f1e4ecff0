-- Feedback that the list no longer has stands here once more, on the first day it was missing: if it was open, it
-- ended as withdrawn. A row that validation rejected is no silence: the feedback stays as it was.
with entries as (
    select
        feedback.*,
        feedback.status in ('new', 'under_review', 'supplement_requested', 'answered') as is_open_status,
        -- An end without a date of its own ended when it was last touched, at the latest on the snapshot day.
        case
            when feedback.status in ('published', 'refused', 'withdrawn')
                then coalesce(
                    case feedback.status
                        when 'refused' then feedback.refused_at
                        when 'published' then feedback.published_at
                    end,
                    feedback.last_update_at,
                    {{ end_of_day('feedback.snapshot_day') }}
                )
        end as closed_at,
        case when feedback.status in ('published', 'refused', 'withdrawn') then feedback.status end as closed_as,
        run.as_of,
        row_number() over (
            partition by feedback.snapshot_day, feedback.feedback_code
            order by feedback.last_update_at desc nulls last, feedback.batch_id desc, feedback.batch_row desc
        ) as delivery
    from {{ ref('stg_citizen_feedback') }} as feedback
    inner join {{ ref('int_as_of') }} as run
        on feedback.snapshot_day <= run.as_of_day and feedback.received_at <= run.as_of
),

kept as (
    select *
    from entries
    where delivery = 1
),

{{ states_and_withdrawals('citizen_feedback', 'feedback_code') }}

select *
from states
