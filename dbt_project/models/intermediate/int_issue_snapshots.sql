{{ config(materialized='view') }}

with ranked as (
    select
        issues.*,
        coalesce(statuses.is_open, true) as is_open_status,
        -- An end without a date of its own ended when it was last touched, at the latest on the snapshot day.
        case
            when not statuses.is_open
                then coalesce(issues.resolved_at, issues.last_update_at, {{ end_of_day('issues.snapshot_day') }})
        end as closed_at,
        row_number() over (
            partition by issues.snapshot_day, issues.issue_code
            order by issues.last_update_at desc nulls last, issues.batch_id desc, issues.batch_row desc
        ) as delivery
    from {{ ref('stg_issue_register') }} as issues
    inner join {{ ref('int_as_of') }} as run
        on issues.snapshot_day <= run.as_of_day and issues.reported_at <= run.as_of
    left join {{ ref('issue_statuses') }} as statuses on issues.status = statuses.status
)

select * exclude (delivery)
from ranked
where delivery = 1
